// A function as the lambda service knows it: its row, its names, what AWS shows of it. No I/O.
#pragma once

#include <cstdint>
#include <moonbase/call.hpp>
#include <moonbase/result.hpp>
#include <moonbase/store.hpp>
#include <moonbase/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moonbase::functions {

// One version of a function; its published versions never change.
struct Function {
  std::string account, region, name;
  std::int64_t version = 0;  // 0: $LATEST.
  std::string runtime, handler, role, description;
  std::int64_t timeout_seconds = 3, memory_mb = 128;
  Map environment;
  std::string code_blob, code_sha256, library_blob;  // library_blob: of a native function's .so.
  std::int64_t code_bytes = 0;
  Time modified_at;
  std::string revision_id;
  Map tags;                              // Of the function, kept with $LATEST.
  Map settings;                          // Members of GetFunctionConfiguration as they are: VpcConfig, Layers, ...
  std::vector<std::string> layer_blobs;  // Zips of its layers, in order: later ones lie over earlier ones in /opt.
  std::string published_from;            // Digest of the $LATEST that this version was made from.
  std::int64_t unzipped_bytes = 0;

  std::string arn() const;  // Without a version.
  std::string version_text() const { return version == 0 ? "$LATEST" : std::to_string(version); }
  std::string log_group() const { return settings_text("LoggingConfig", "LogGroup", "/aws/lambda/" + name); }
  std::string log_format() const { return settings_text("LoggingConfig", "LogFormat", "Text"); }
  // "ApplicationLogLevel" or "SystemLogLevel".
  std::string log_level(const char* whose) const { return settings_text("LoggingConfig", whose, "INFO"); }
  std::int64_t ephemeral_mb() const;  // Of /tmp.
  std::string settings_text(const char* setting, const char* member, std::string_view otherwise) const;
  // SnapStart is on, and this is a version that has a snapshot.
  bool snap_starts() const {
    return version > 0 && settings_text("SnapStart", "ApplyOn", "None") == "PublishedVersions";
  }
  bool is_inline() const { return tags.contains("moonbase:inline"); }
};

// Name, partial ARN or ARN, with or without a qualifier.
struct FunctionName {
  std::string account, region, name, qualifier;
  std::string arn() const;  // With the qualifier, where there is one.
};
Result<FunctionName> parse_function_name(std::string_view text, const CallContext& context);
// For operations: the FunctionName member, and Qualifier where there is one.
Result<FunctionName> function_name_of(const Call& call);

std::optional<Function> find_function(Transaction& tx, const std::string& account, const std::string& region,
                                      std::string_view name, std::int64_t version = 0);
// Of the version that the name asks for; for an alias, of its main version. ResourceNotFoundException.
Result<Function> require_function(Transaction& tx, const FunctionName& name);
// $LATEST; a qualifier is the caller's mistake.
Result<Function> require_latest(Transaction& tx, const FunctionName& name);
// The number that a qualifier means by itself: 0 for none and $LATEST; nothing for an alias.
std::optional<std::int64_t> version_of(std::string_view qualifier);
void insert_function(Transaction& tx, const Function& function);
void update_function(Transaction& tx, const Function& function);
Function function_of(const Row& row);

// What GetFunctionConfiguration shows. `qualifier`: what its ARN ends in, where it was asked for with one.
Map configuration_of(const Function& function, std::string_view qualifier = {});
// What must differ for a new version to be published.
std::string content_digest(const Function& function);
// "2026-11-21T10:00:00.123+0000"
std::string modified_text(Time time);

Error function_not_found(const FunctionName& name);
Error invalid_parameter(std::string message);

// nodejs*, python* and provided*: programs that speak the Lambda Runtime API.
bool is_process_runtime(std::string_view runtime);

// Rules that the model cannot state.
Result<Done> check_runtime(const std::string& operation, const std::string& runtime);
Result<Done> check_environment(const Map& variables);
Result<Done> check_handler(const std::string& runtime, const std::string& handler);
// Of a function whose settings say SnapStart: which runtimes have it, and what goes together with it.
Result<Done> check_snap_start(const Function& function);
// Whether a value says nothing: null, empty or false all the way down.
bool is_empty(const Value& value);

}  // namespace moonbase::functions
