#include "lambda/code.hpp"
#include "lambda/operations.hpp"

#include <moonbase/hash.hpp>

namespace moonbase::functions {
namespace {

// A package that has been checked and stored.
struct StoredCode {
  std::string blob, sha256, library_blob;
  std::int64_t bytes = 0;
};

Result<std::string> library_name(const std::string& handler) {
  const auto dot = handler.rfind('.');
  if (dot == std::string::npos || dot == 0)
    return invalid_parameter("A native handler is named <file>.<name>; the file is <file>.so in the package.");
  return handler.substr(0, dot) + ".so";
}

Result<StoredCode> store_code(Call& call, const std::string& zip, const std::string& runtime,
                              const std::string& handler) {
  const auto files = unzip(zip);
  if (!files) return files.error();
  StoredCode code;
  if (runtime == "native") {
    const auto name = library_name(handler);
    if (!name) return name.error();
    const std::string* library = nullptr;
    for (const auto& [file, content] : *files)
      if (file == *name) library = &content;
    if (!library)
      return invalid_parameter("The package holds no " + *name + ", which the handler " + handler + " names.");
    code.library_blob = call.kernel.blobs.put(*library);
  }
  code.blob = call.kernel.blobs.put(zip);
  code.sha256 = base64(sha256(zip));
  code.bytes = static_cast<std::int64_t>(zip.size());
  return code;
}

void use_code(Function& function, const StoredCode& code) {
  function.code_blob = code.blob;
  function.code_sha256 = code.sha256;
  function.code_bytes = code.bytes;
  function.library_blob = code.library_blob;
}

// Blobs that no function uses any more.
void erase_unused(Call& call, const Function& before) {
  for (const auto& blob : {before.code_blob, before.library_blob}) {
    if (blob.empty()) continue;
    const auto used = call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
      return Value(!tx.query("SELECT name FROM function WHERE code_blob = ? OR library_blob = ?", blob, blob).empty());
    });
    if (used && !used->boolean()) call.kernel.blobs.erase(blob);
  }
}

Result<Done> check_tags(const Value& tags) {
  if (!tags.is_map()) return done;
  if (tags.map().size() > 50) return invalid_parameter("A function has at most 50 tags.");
  for (const auto& [key, value] : tags.map()) {
    if (key.empty() || key.size() > 128) return invalid_parameter("A tag's key has 1 to 128 characters.");
    if (key.starts_with("aws:")) return invalid_parameter("System tags cannot be added or changed: " + key);
  }
  return done;
}

bool wrong_revision(const Call& call, const Function& function) {
  const auto wanted = call.input["RevisionId"].string_or("");
  return !wanted.empty() && wanted != function.revision_id;
}
Error revision_mismatch() {
  return {
      "PreconditionFailedException",
      "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve "
      "the latest Revision Id",
      {{"Type", "User"}},
      412};
}

Result<Value> create_function(Call& call, FunctionService&) {
  if (auto built = check_built(call); !built) return built.error();
  const auto name = parse_function_name(call.input["FunctionName"].string(), call.context);
  if (!name) return name.error();
  if (call.input["Runtime"].is_null() || call.input["Handler"].is_null())
    return invalid_parameter(
        "Runtime and Handler are mandatory parameters for functions created with deployment packages.");

  Function function;
  function.account = name->account;
  function.region = name->region;
  function.name = name->name;
  function.runtime = call.input["Runtime"].string();
  function.handler = call.input["Handler"].string();
  function.role = call.input["Role"].string_or("");
  function.description = call.input["Description"].string_or("");
  function.timeout_seconds = call.input["Timeout"].integer_or(3);
  function.memory_mb = call.input["MemorySize"].integer_or(128);
  if (call.input["Environment"]["Variables"].is_map())
    function.environment = call.input["Environment"]["Variables"].map();
  if (call.input["Tags"].is_map()) function.tags = call.input["Tags"].map();
  function.modified_at = call.kernel.clock.now();
  function.revision_id = call.kernel.ids.uuid();
  if (auto good = check_runtime("CreateFunction", function.runtime); !good) return good.error();
  if (auto good = check_handler(function.runtime, function.handler); !good) return good.error();
  if (auto good = check_environment(function.environment); !good) return good.error();
  if (auto good = check_tags(call.input["Tags"]); !good) return good.error();
  if (function.is_inline() && function.runtime != "lua")
    return invalid_parameter("Only functions of the runtime lua can be inline.");

  const auto code = store_code(call, call.input["Code"]["ZipFile"].string_or(""), function.runtime, function.handler);
  if (!code) return code.error();
  use_code(function, *code);
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (find_function(tx, function.account, function.region, function.name))
      return Error{"ResourceConflictException", "Function already exist: " + function.name, {{"Type", "User"}}, 409};
    insert_function(tx, function);
    return Value(configuration_of(function));
  });
}

Result<Value> delete_function(Call& call, FunctionService& functions) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  if (!name->qualifier.empty())
    return name->qualifier == "$LATEST"
               ? invalid_parameter("$LATEST version cannot be deleted without deleting the function.")
               : function_not_found(*name);
  Function before;
  auto deleted = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto function = require_function(tx, *name);
    if (!function) return function.error();
    before = std::move(*function);
    tx.query("DELETE FROM function WHERE account = ? AND region = ? AND name = ?", name->account, name->region,
             name->name);
    tx.query("DELETE FROM function_permission WHERE account = ? AND region = ? AND function = ?", name->account,
             name->region, name->name);
    return Value(Map{});
  });
  if (!deleted) return deleted;
  functions.forget(name->account, name->region, name->name);
  erase_unused(call, before);
  return deleted;
}

Result<Value> get_function(Call& call, FunctionService&) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto function = require_function(tx, *name);
    if (!function) return function.error();
    Map output{{"Configuration", configuration_of(*function)},
               {"Code", Map{{"RepositoryType", "S3"},
                            {"Location", call.context.base_url + "/_functions/code/" + function->code_blob}}}};
    if (!function->tags.empty()) output.set("Tags", function->tags);
    return Value(std::move(output));
  });
}

Result<Value> get_function_configuration(Call& call, FunctionService&) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto function = require_function(tx, *name);
    if (!function) return function.error();
    return Value(configuration_of(*function));
  });
}

Result<Value> list_functions(Call& call, FunctionService&) {
  for (const char* parameter : {"MasterRegion"})
    if (!call.input[parameter].is_null()) return not_implemented(std::string("lambda ListFunctions ") + parameter);
  const auto limit = static_cast<std::size_t>(std::min<std::int64_t>(call.input["MaxItems"].integer_or(50), 50));
  std::string after;
  if (const auto marker = call.input["Marker"].string_or(""); !marker.empty()) {
    const auto text = from_base64_url(marker);
    if (!text) return invalid_parameter("Invalid value for Marker");
    after = *text;
  }
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    List functions;
    Map output;
    tx.each("SELECT * FROM function WHERE account = ? AND region = ? AND name > ? ORDER BY name",
            {call.context.identity.account_id, call.context.region, after}, [&](const Row& row) {
              if (functions.size() == limit) {
                output.set("NextMarker", base64_url(functions.back()["FunctionName"].string()));
                return false;
              }
              functions.push_back(configuration_of(function_of(row)));
              return true;
            });
    output.set("Functions", std::move(functions));
    return Value(std::move(output));
  });
}

Result<Value> update_function_code(Call& call, FunctionService& functions) {
  if (auto built = check_built(call); !built) return built.error();
  const auto name = function_name_of(call);
  if (!name) return name.error();
  Function before;
  const auto found = call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    auto function = require_function(tx, *name);
    if (!function) return function.error();
    before = std::move(*function);
    return Value();
  });
  if (!found) return found.error();
  const auto code = store_code(call, call.input["ZipFile"].string_or(""), before.runtime, before.handler);
  if (!code) return code.error();
  auto updated = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto function = require_function(tx, *name);
    if (!function) return function.error();
    if (wrong_revision(call, *function)) return revision_mismatch();
    use_code(*function, *code);
    function->modified_at = call.kernel.clock.now();
    function->revision_id = call.kernel.ids.uuid();
    update_function(tx, *function);
    return Value(configuration_of(*function));
  });
  if (!updated) return updated;
  functions.forget(name->account, name->region, name->name);
  erase_unused(call, before);
  return updated;
}

Result<Value> update_function_configuration(Call& call, FunctionService& functions) {
  if (auto built = check_built(call); !built) return built.error();
  const auto name = function_name_of(call);
  if (!name) return name.error();
  auto updated = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto function = require_function(tx, *name);
    if (!function) return function.error();
    if (wrong_revision(call, *function)) return revision_mismatch();
    const auto runtime = call.input["Runtime"].string_or(function->runtime);
    const auto handler = call.input["Handler"].string_or(function->handler);
    if (auto good = check_runtime("UpdateFunctionConfiguration", runtime); !good) return good.error();
    if (auto good = check_handler(runtime, handler); !good) return good.error();
    if (runtime != function->runtime)
      return invalid_parameter("A function changes between lua and native by being created again.");
    if (runtime == "native") {
      const auto library = library_name(handler);
      if (!library) return library.error();
      if (*library != *library_name(function->handler))
        return invalid_parameter(
            "A native function's library changes with its code: call UpdateFunctionCode after creating it again.");
    }
    function->handler = handler;
    function->role = call.input["Role"].string_or(function->role);
    function->description = call.input["Description"].string_or(function->description);
    function->timeout_seconds = call.input["Timeout"].integer_or(function->timeout_seconds);
    function->memory_mb = call.input["MemorySize"].integer_or(function->memory_mb);
    if (!call.input["Environment"].is_null()) {
      const auto& variables = call.input["Environment"]["Variables"];
      function->environment = variables.is_map() ? variables.map() : Map{};
      if (auto good = check_environment(function->environment); !good) return good.error();
    }
    function->modified_at = call.kernel.clock.now();
    function->revision_id = call.kernel.ids.uuid();
    update_function(tx, *function);
    return Value(configuration_of(*function));
  });
  if (updated) functions.forget(name->account, name->region, name->name);
  return updated;
}

}  // namespace

void register_function_operations(Registrar& registrar, FunctionService& functions) {
  const auto operation = [&](const char* name, Result<Value> (*run)(Call&, FunctionService&)) {
    registrar.operation(name, [run, &functions](Call& call) { return run(call, functions); });
  };
  operation("CreateFunction", create_function);
  operation("DeleteFunction", delete_function);
  operation("GetFunction", get_function);
  operation("GetFunctionConfiguration", get_function_configuration);
  operation("ListFunctions", list_functions);
  operation("UpdateFunctionCode", update_function_code);
  operation("UpdateFunctionConfiguration", update_function_configuration);
}

}  // namespace moonbase::functions
