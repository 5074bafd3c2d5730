// A function as the lambda service knows it: its row, its names, what AWS shows of it. No I/O.
#pragma once

#include <moonbase/call.hpp>
#include <moonbase/result.hpp>
#include <moonbase/store.hpp>
#include <moonbase/value.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moonbase::functions {

struct Function {
  std::string account, region, name;
  std::string runtime, handler, role, description;
  std::int64_t timeout_seconds = 3, memory_mb = 128;
  Map environment;
  std::string code_blob, code_sha256, library_blob;  // library_blob: of a native function's .so.
  std::int64_t code_bytes = 0;
  std::vector<std::string> layer_blobs;  // Zips, in order: later ones lie over earlier ones in /opt.
  std::int64_t tmp_mb = 512;
  std::string log_format = "Text", application_log_level = "INFO", system_log_level = "INFO";
  Time modified_at;
  std::string revision_id;
  Map tags;

  std::string arn() const;
  std::string log_group() const { return "/aws/lambda/" + name; }
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
                                      std::string_view name);
// Of the version that the name asks for. ResourceNotFoundException.
Result<Function> require_function(Transaction& tx, const FunctionName& name);
void insert_function(Transaction& tx, const Function& function);
void update_function(Transaction& tx, const Function& function);
Function function_of(const Row& row);

// What GetFunctionConfiguration shows.
Map configuration_of(const Function& function);
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
// 501 for parameters that are not built; naming a parameter with its resting value is fine.
Result<Done> check_built(const Call& call);

}  // namespace moonbase::functions
