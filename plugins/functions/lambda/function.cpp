#include "lambda/function.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>
#include <stdexcept>

namespace moonbase::functions {
namespace {

constexpr std::size_t environment_bytes_max = 4096;

Map parse_map(const Value& text) {
  auto value = parse_json(text.string());
  if (!value || !value->is_map()) throw std::runtime_error("a function's row holds no JSON object");
  return std::move(value->map());
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

bool is_account(std::string_view text) {
  return text.size() == 12 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

constexpr std::string_view columns =
    "account, region, name, version, runtime, handler, role, description, timeout_seconds, memory_mb, environment, "
    "code_blob, code_sha256, code_bytes, library_blob, modified_at_ms, revision_id, tags, settings, layer_blobs, "
    "published_from, unzipped_bytes";

// All that Lambda has had; the list is part of its error text.
constexpr std::array runtimes = {"nodejs18.x", "nodejs20.x", "nodejs22.x",   "nodejs24.x",     "python3.9",
                                 "python3.10", "python3.11", "python3.12",   "python3.13",     "python3.14",
                                 "java8.al2",  "java11",     "java17",       "java21",         "java25",
                                 "dotnet6",    "dotnet8",    "dotnet9",      "ruby3.2",        "ruby3.3",
                                 "ruby3.4",    "provided",   "provided.al2", "provided.al2023"};

// Set by Lambda itself.
constexpr std::array reserved = {"_HANDLER",
                                 "_X_AMZN_TRACE_ID",
                                 "AWS_DEFAULT_REGION",
                                 "AWS_REGION",
                                 "AWS_EXECUTION_ENV",
                                 "AWS_LAMBDA_FUNCTION_NAME",
                                 "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
                                 "AWS_LAMBDA_FUNCTION_VERSION",
                                 "AWS_LAMBDA_INITIALIZATION_TYPE",
                                 "AWS_LAMBDA_LOG_GROUP_NAME",
                                 "AWS_LAMBDA_LOG_STREAM_NAME",
                                 "AWS_ACCESS_KEY",
                                 "AWS_ACCESS_KEY_ID",
                                 "AWS_SECRET_ACCESS_KEY",
                                 "AWS_SESSION_TOKEN",
                                 "AWS_LAMBDA_RUNTIME_API",
                                 "LAMBDA_TASK_ROOT",
                                 "LAMBDA_RUNTIME_DIR"};

}  // namespace

bool is_empty(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null:
      return true;
    case Value::Kind::string:
      return value.string().empty();
    case Value::Kind::list:
      return value.list().empty();
    case Value::Kind::map:
      return std::all_of(value.map().begin(), value.map().end(),
                         [](const auto& entry) { return is_empty(entry.value); });
    case Value::Kind::boolean:
      return !value.boolean();
    default:
      return false;
  }
}

std::string Function::arn() const { return "arn:aws:lambda:" + region + ":" + account + ":function:" + name; }

std::string Function::settings_text(const char* setting, const char* member, std::string_view otherwise) const {
  const auto* found = settings.find(setting);
  return found ? (*found)[member].string_or(otherwise) : std::string(otherwise);
}

std::int64_t Function::ephemeral_mb() const {
  constexpr std::int64_t otherwise = 512;
  const auto* found = settings.find("EphemeralStorage");
  return found ? (*found)["Size"].integer_or(otherwise) : otherwise;
}

std::string FunctionName::arn() const {
  return "arn:aws:lambda:" + region + ":" + account + ":function:" + name + (qualifier.empty() ? "" : ":" + qualifier);
}

Result<FunctionName> parse_function_name(std::string_view text, const CallContext& context) {
  FunctionName name{context.identity.account_id, context.region, {}, {}};
  const Error refused{"ValidationException",
                      "1 validation error detected: Value '" + std::string(text.substr(0, 200)) +
                          "' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression "
                          "pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-gov)?-[a-z]+-\\d{1}:)?(\\d{12}:)?"
                          "(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?"};
  std::array<std::string_view, 8> parts;
  std::size_t count = 0;
  for (auto rest = text;;) {
    if (count == parts.size()) return refused;
    const auto colon = rest.find(':');
    parts[count++] = rest.substr(0, colon);
    if (colon == rest.npos) break;
    rest.remove_prefix(colon + 1);
  }
  std::size_t at = 0;
  if (parts[0] == "arn") {
    // arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]
    if (count < 7 || parts[2] != "lambda" || !is_account(parts[4]) || parts[5] != "function") return refused;
    name.region = parts[3];
    name.account = parts[4];
    at = 6;
  } else {
    // [ACCOUNT:]function:NAME[:QUALIFIER], or NAME[:QUALIFIER].
    if (count > 2 && is_account(parts[0]) && parts[1] == "function") {
      name.account = parts[0];
      at = 2;
    } else if (count > 1 && parts[0] == "function") {
      at = 1;
    }
  }
  if (count - at > 2 || !is_name(parts[at])) return refused;
  name.name = parts[at];
  if (count - at == 2) {
    name.qualifier = parts[at + 1];
    if (name.qualifier != "$LATEST" && !is_name(name.qualifier)) return refused;
  }
  return name;
}

Result<FunctionName> function_name_of(const Call& call) {
  auto name = parse_function_name(call.input["FunctionName"].string(), call.context);
  if (!name) return name;
  const auto qualifier = call.input["Qualifier"].string_or("");
  if (!qualifier.empty()) {
    if (!name->qualifier.empty() && name->qualifier != qualifier)
      return invalid_parameter("The derived qualifier from the function name does not match the specified qualifier.");
    name->qualifier = qualifier;
  }
  return name;
}

Function function_of(const Row& row) {
  Function function;
  function.account = row["account"].string();
  function.region = row["region"].string();
  function.name = row["name"].string();
  function.version = row["version"].integer();
  function.runtime = row["runtime"].string();
  function.handler = row["handler"].string();
  function.role = row["role"].string();
  function.description = row["description"].string();
  function.timeout_seconds = row["timeout_seconds"].integer();
  function.memory_mb = row["memory_mb"].integer();
  function.environment = parse_map(row["environment"]);
  function.code_blob = row["code_blob"].string();
  function.code_sha256 = row["code_sha256"].string();
  function.code_bytes = row["code_bytes"].integer();
  function.library_blob = row["library_blob"].string();
  function.modified_at = {row["modified_at_ms"].integer()};
  function.revision_id = row["revision_id"].string();
  function.tags = parse_map(row["tags"]);
  function.settings = parse_map(row["settings"]);
  const auto layers = parse_json(row["layer_blobs"].string());
  if (!layers || !layers->is_list()) throw std::runtime_error("a function's row holds no list of layers");
  for (const auto& blob : layers->list()) function.layer_blobs.push_back(blob.string());
  function.published_from = row["published_from"].string();
  function.unzipped_bytes = row["unzipped_bytes"].integer();
  return function;
}

std::optional<Function> find_function(Transaction& tx, const std::string& account, const std::string& region,
                                      std::string_view name, std::int64_t version) {
  const auto rows = tx.query(
      "SELECT " + std::string(columns) + " FROM function WHERE account = ? AND region = ? AND name = ? AND version = ?",
      account, region, name, version);
  if (rows.empty()) return std::nullopt;
  return function_of(rows.front());
}

std::optional<std::int64_t> version_of(std::string_view qualifier) {
  if (qualifier.empty() || qualifier == "$LATEST") return 0;
  std::int64_t version = 0;
  const auto end = qualifier.data() + qualifier.size();
  const auto read = std::from_chars(qualifier.data(), end, version);
  if (read.ec != std::errc() || read.ptr != end || version <= 0) return std::nullopt;
  return version;
}

Result<Function> require_function(Transaction& tx, const FunctionName& name) {
  auto version = version_of(name.qualifier);
  if (!version) {
    const auto rows =
        tx.query("SELECT version FROM function_alias WHERE account = ? AND region = ? AND function = ? AND name = ?",
                 name.account, name.region, name.name, name.qualifier);
    if (rows.empty()) return function_not_found(name);
    version = rows.front()["version"].integer();
  }
  auto function = find_function(tx, name.account, name.region, name.name, *version);
  if (!function) return function_not_found(name);
  return std::move(*function);
}

Result<Function> require_latest(Transaction& tx, const FunctionName& name) {
  if (!name.qualifier.empty() && name.qualifier != "$LATEST")
    return invalid_parameter(
        "This operation is permitted on Lambda functions only. Aliases and versions do not support "
        "this operation. Please specify either a function name or an unqualified function ARN.");
  return require_function(tx, name);
}

namespace {

std::string layers_json(const Function& function) {
  List layers;
  for (const auto& blob : function.layer_blobs) layers.push_back(blob);
  return to_json(Value(std::move(layers)));
}

// Says which packages this version uses, so that none of them goes.
void link_layers(Transaction& tx, const Function& function) {
  tx.query("DELETE FROM function_layer WHERE account = ? AND region = ? AND function = ? AND version = ?",
           function.account, function.region, function.name, function.version);
  for (const auto& blob : function.layer_blobs)
    tx.query("INSERT INTO function_layer VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", function.account,
             function.region, function.name, function.version, blob);
}

}  // namespace

void insert_function(Transaction& tx, const Function& function) {
  tx.query("INSERT INTO function (" + std::string(columns) +
               ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
           function.account, function.region, function.name, function.version, function.runtime, function.handler,
           function.role, function.description, function.timeout_seconds, function.memory_mb,
           to_json(Value(function.environment)), function.code_blob, function.code_sha256, function.code_bytes,
           function.library_blob, function.modified_at.ms, function.revision_id, to_json(Value(function.tags)),
           to_json(Value(function.settings)), layers_json(function), function.published_from, function.unzipped_bytes);
  link_layers(tx, function);
}

void update_function(Transaction& tx, const Function& function) {
  tx.query(
      "UPDATE function SET runtime = ?, handler = ?, role = ?, description = ?, timeout_seconds = ?, memory_mb = ?, "
      "environment = ?, code_blob = ?, code_sha256 = ?, code_bytes = ?, library_blob = ?, modified_at_ms = ?, "
      "revision_id = ?, tags = ?, settings = ?, layer_blobs = ?, unzipped_bytes = ? WHERE account = ? AND region = ? "
      "AND name = ? AND version = ?",
      function.runtime, function.handler, function.role, function.description, function.timeout_seconds,
      function.memory_mb, to_json(Value(function.environment)), function.code_blob, function.code_sha256,
      function.code_bytes, function.library_blob, function.modified_at.ms, function.revision_id,
      to_json(Value(function.tags)), to_json(Value(function.settings)), layers_json(function), function.unzipped_bytes,
      function.account, function.region, function.name, function.version);
  link_layers(tx, function);
}

std::string content_digest(const Function& function) {
  return sha256_hex(to_json(Value(List{function.runtime, function.handler, function.role, function.description,
                                       function.timeout_seconds, function.memory_mb, function.environment,
                                       function.code_sha256, function.settings, layers_json(function)})));
}

std::string modified_text(Time time) {
  auto text = iso_8601(time);  // …123Z
  if (!text.empty() && text.back() == 'Z') text.pop_back();
  return text + "+0000";
}

Map configuration_of(const Function& function, std::string_view qualifier) {
  Map configuration{
      {"FunctionName", function.name},
      {"FunctionArn", qualifier.empty() ? function.arn() : function.arn() + ":" + std::string(qualifier)},
      {"Runtime", function.runtime},
      {"Role", function.role},
      {"Handler", function.handler},
      {"CodeSize", function.code_bytes},
      {"Description", function.description},
      {"Timeout", function.timeout_seconds},
      {"MemorySize", function.memory_mb},
      {"LastModified", modified_text(function.modified_at)},
      {"CodeSha256", function.code_sha256},
      {"Version", function.version_text()},
      {"TracingConfig", Map{{"Mode", "PassThrough"}}},
      {"RevisionId", function.revision_id},
      {"State", "Active"},
      {"LastUpdateStatus", "Successful"},
      {"PackageType", "Zip"},
      {"Architectures", List{Value("x86_64")}},
      {"EphemeralStorage", Map{{"Size", 512}}},
      {"SnapStart", Map{{"ApplyOn", "None"}, {"OptimizationStatus", "Off"}}},
      {"LoggingConfig", Map{{"LogFormat", "Text"}, {"LogGroup", function.log_group()}}},
  };
  for (const auto& [name, value] : function.settings) configuration.set(name, value);
  if (!function.environment.empty()) configuration.set("Environment", Map{{"Variables", function.environment}});
  return configuration;
}

Error function_not_found(const FunctionName& name) {
  return {"ResourceNotFoundException", "Function not found: " + name.arn(), {{"Type", "User"}}, 404};
}

Error invalid_parameter(std::string message) {
  return {"InvalidParameterValueException", std::move(message), {{"Type", "User"}}, 400};
}

bool is_process_runtime(std::string_view runtime) {
  return (runtime.starts_with("nodejs") || runtime.starts_with("python") || runtime.starts_with("provided")) &&
         runtime != "provided" && std::find(runtimes.begin(), runtimes.end(), runtime) != runtimes.end();
}

Result<Done> check_runtime(const std::string& operation, const std::string& runtime) {
  if (runtime == "lua" || runtime == "native" || is_process_runtime(runtime)) return done;
  if (std::find(runtimes.begin(), runtimes.end(), runtime) != runtimes.end())
    return not_implemented("lambda " + operation + " Runtime " + runtime);
  std::string all = "lua, native";
  for (const char* known : runtimes) all += std::string(", ") + known;
  return invalid_parameter("Value " + runtime +
                           " at 'runtime' failed to satisfy constraint: Member must satisfy enum "
                           "value set: [" +
                           all + "] or be a valid ARN");
}

Result<Done> check_snap_start(const Function& function) {
  if (function.settings_text("SnapStart", "ApplyOn", "None") != "PublishedVersions") return done;
  // python3.12 and later, as on Lambda; lua and native always start from a snapshot of their own.
  const auto& runtime = function.runtime;
  constexpr std::string_view python = "python3.";
  int minor = 0;
  if (runtime.starts_with(python))
    std::from_chars(runtime.data() + python.size(), runtime.data() + runtime.size(), minor);
  const auto refuse = [](const std::string& what) {
    return invalid_parameter(what + " is not supported for SnapStart enabled functions.");
  };
  if (runtime != "lua" && runtime != "native" && minor < 12) return refuse(runtime);
  if (function.settings.contains("FileSystemConfigs")) return refuse("FileSystemConfig");
  if (function.ephemeral_mb() > 512) return refuse("EphemeralStorage of more than 512 MB");
  return done;
}

Result<Done> check_environment(const Map& variables) {
  std::string taken;
  for (const auto& [name, value] : variables) {
    const bool good = name.size() >= 2 && ((name[0] >= 'a' && name[0] <= 'z') || (name[0] >= 'A' && name[0] <= 'Z')) &&
                      std::all_of(name.begin(), name.end(), [](char c) {
                        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
                      });
    if (std::find(reserved.begin(), reserved.end(), name) != reserved.end()) {
      taken += (taken.empty() ? "" : ", ") + name;
    } else if (!good) {
      return Error{"ValidationException",
                   "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map "
                   "keys must satisfy constraint: [Member must satisfy regular expression pattern: "
                   "[a-zA-Z]([a-zA-Z0-9_])+]"};
    }
  }
  if (!taken.empty())
    return invalid_parameter(
        "Lambda was unable to configure your environment variables because the environment "
        "variables you have provided contains reserved keys that are currently not supported for "
        "modification. Reserved keys used in this request: " +
        taken);
  const auto text = to_json(Value(variables));
  if (text.size() > environment_bytes_max)
    return invalid_parameter(
        "Lambda was unable to configure your environment variables because the environment "
        "variables you have provided exceeded the 4KB limit. String measured: " +
        text);
  return done;
}

Result<Done> check_handler(const std::string& runtime, const std::string& handler) {
  const bool spaced =
      std::any_of(handler.begin(), handler.end(), [](char c) { return c == ' ' || c == '\t' || c == '\n'; });
  if (handler.empty() || handler.size() > 128 || spaced)
    return invalid_parameter(handler.empty() ? "The runtime " + runtime + " needs a handler."
                                             : "Value " + handler +
                                                   " at 'handler' failed to satisfy constraint: Member must satisfy "
                                                   "regular expression pattern: [^\\s]+");
  return done;
}

}  // namespace moonbase::functions
