#include <memory>
#include <moonbase/hash.hpp>
#include <optional>
#include <vector>

#include "lambda/code.hpp"
#include "lambda/layer.hpp"
#include "lambda/local_folder.hpp"
#include "lambda/operations.hpp"
#include "lambda/package_source.hpp"
#include "lambda/page.hpp"
#include "lambda/provisioned.hpp"
#include "lambda/settings.hpp"
#include "lambda/version.hpp"

namespace moonbase::functions {
namespace {

// A package that has been checked and stored. While it is held nobody erases its blobs.
struct StoredCode {
  std::string blob, sha256, library_blob;
  std::int64_t bytes = 0, unzipped_bytes = 0;
  std::string folder;  // Of this machine, if it comes from one.
  std::unique_ptr<BlobHold> hold;

  // Behind the write: what has come to nothing goes.
  void let_go(const KernelServices& kernel, Packages& packages, bool in_use) {
    hold.reset();
    if (!in_use) packages.erase_unused(kernel, {blob, library_blob});
  }
};

Result<std::string> library_name(const std::string& handler) {
  const auto dot = handler.rfind('.');
  if (dot == std::string::npos || dot == 0)
    return invalid_parameter("A native handler is named <file>.<name>; the file is <file>.so in the package.");
  return handler.substr(0, dot) + ".so";
}

Result<Done> store_code(Call& call, const UploadedPackage& package, const std::string& runtime,
                        const std::string& handler, StoredCode& code) {
  const auto& [zip, files, folder] = package;
  code.folder = folder;
  const std::string* library = nullptr;
  if (runtime == "native") {
    const auto name = library_name(handler);
    if (!name) return name.error();
    for (const auto& [file, content] : files)
      if (file == *name) library = &content;
    if (!library)
      return invalid_parameter("The package holds no " + *name + ", which the handler " + handler + " names.");
    code.library_blob = sha256_hex(*library);
  }
  const auto digest = sha256(zip);
  code.blob = hex(digest);
  code.sha256 = base64(digest);
  code.bytes = static_cast<std::int64_t>(zip.size());
  for (const auto& [file, content] : files) code.unzipped_bytes += static_cast<std::int64_t>(content.size());
  code.hold = call.kernel.blobs.hold({code.blob, code.library_blob});
  call.kernel.blobs.put(zip);
  if (library) call.kernel.blobs.put(*library);
  return done;
}

void use_code(Function& function, const StoredCode& code) {
  function.code_blob = code.blob;
  function.code_sha256 = code.sha256;
  function.code_bytes = code.bytes;
  function.library_blob = code.library_blob;
  function.unzipped_bytes = code.unzipped_bytes;
  function.tags.erase(code_folder_tag);
  if (!code.folder.empty()) function.tags.set(std::string(code_folder_tag), code.folder);
}

// Refused before anything is read: the function's name must not say which version.
Result<FunctionName> unqualified_name(const Call& call) {
  auto name = parse_function_name(call.input["FunctionName"].string(), call.context);
  if (!name || name->qualifier.empty()) return name;
  return invalid_parameter("The derived qualifier from the function name does not match the specified qualifier.");
}

Result<Done> check_all(const Call& call, const Function& function) {
  if (auto good = check_runtime(std::string(call.operation), function.runtime); !good) return good;
  if (auto good = check_handler(function.runtime, function.handler); !good) return good;
  if (auto good = check_snap_start(function); !good) return good;
  return check_environment(function.environment);
}

Result<Value> create_function(Call& call, FunctionService& functions) {
  const auto name = unqualified_name(call);
  if (!name) return name.error();
  const bool image = call.input["PackageType"].string_or("Zip") == "Image";
  if (!image && (call.input["Runtime"].is_null() || call.input["Handler"].is_null()))
    return invalid_parameter(
        "Runtime and Handler are mandatory parameters for functions created with deployment packages.");

  Function function;
  function.account = name->account;
  function.region = name->region;
  function.name = name->name;
  if (auto good = change_settings(call, function); !good) return good.error();
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
  if (auto good = check_all(call, function); !good) return good.error();
  if (auto good = check_tags(function.tags); !good) return good.error();
  if (function.is_inline() && function.runtime != "lua")
    return invalid_parameter("Only functions of the runtime lua can be inline.");

  const auto package = read_package(call, call.input["Code"], "Code.");
  if (!package) return package.error();
  StoredCode code;
  auto stored = store_code(call, *package, function.runtime, function.handler, code);
  if (!stored) return stored.error();
  use_code(function, code);
  auto created = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (find_function(tx, function.account, function.region, function.name))
      return Error{"ResourceConflictException", "Function already exist: " + function.name, {{"Type", "User"}}, 409};
    if (auto good = use_layers(tx, call, function); !good) return good.error();
    if (auto good = check_unzipped(tx, function); !good) return good.error();
    if (auto good = add_usage(tx, function.account, function.region, {1, function.code_bytes}); !good)
      return good.error();
    insert_function(tx, function);
    if (!call.input["Publish"].boolean_or(false)) return Value(configuration_of(function));
    const auto version = publish_version(tx, call, function, {});
    if (!version) return version.error();
    return Value(configuration_of(*version));
  });
  code.let_go(call.kernel, functions.packages(), created.ok());
  return created;
}

// What DeleteFunction answers: StatusCode is the answer's own.
Value gone() { return Map{{"StatusCode", 204}}; }

// One published version; there is nothing to do where it is gone.
Result<Value> delete_version(Call& call, FunctionService& functions, const FunctionName& name) {
  if (name.qualifier == "$LATEST")
    return invalid_parameter("$LATEST version cannot be deleted without deleting the function.");
  const auto number = version_of(name.qualifier);
  if (!number) return invalid_parameter("Deletion of aliases is not currently supported.");
  std::optional<Function> before;
  auto deleted = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    before.reset();
    if (!find_function(tx, name.account, name.region, name.name))
      return function_not_found({name.account, name.region, name.name, {}});
    auto version = find_function(tx, name.account, name.region, name.name, *number);
    if (!version) return gone();
    std::string aliases;
    for (const auto& row : tx.query("SELECT * FROM function_alias WHERE account = ? AND region = ? AND function = ?",
                                    name.account, name.region, name.name)) {
      const auto alias = alias_of(row);
      if (alias.version == *number || alias.weights.contains(name.qualifier))
        aliases += (aliases.empty() ? "" : ", ") + alias.name;
    }
    if (!aliases.empty())
      return Error{"ResourceConflictException",
                   "Unable to delete version because the following aliases reference it: [" + aliases + "]",
                   {{"Type", "User"}},
                   409};
    for (const char* table : {"function_permission", "function_provisioned", "function_event_invoke", "function_url",
                              "function_runtime_management"})
      tx.query(
          "DELETE FROM " + std::string(table) + " WHERE account = ? AND region = ? AND function = ? AND qualifier = ?",
          name.account, name.region, name.name, name.qualifier);
    tx.query("DELETE FROM function_layer WHERE account = ? AND region = ? AND function = ? AND version = ?",
             name.account, name.region, name.name, *number);
    tx.query("DELETE FROM function WHERE account = ? AND region = ? AND name = ? AND version = ?", name.account,
             name.region, name.name, *number);
    if (auto counted = add_usage(tx, name.account, name.region, {0, -version->code_bytes}); !counted)
      return counted.error();
    before = std::move(*version);
    return gone();
  });
  if (!deleted || !before) return deleted;
  functions.forget(name.account, name.region, name.name, *number);
  functions.concurrency_changed(name);
  functions.urls_changed();
  functions.packages().erase_unused(call.kernel, {before->code_blob, before->library_blob});
  return deleted;
}

Result<Value> delete_function(Call& call, FunctionService& functions) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  if (!name->qualifier.empty()) return delete_version(call, functions, *name);
  std::vector<Function> before;
  auto deleted = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    before.clear();
    if (!find_function(tx, name->account, name->region, name->name)) return function_not_found(*name);
    std::int64_t bytes = 0;
    for (const auto& row : tx.query("SELECT * FROM function WHERE account = ? AND region = ? AND name = ?",
                                    name->account, name->region, name->name)) {
      before.push_back(function_of(row));
      bytes += before.back().code_bytes;
    }
    for (const char* table : {"function_alias", "function_permission", "function_concurrency", "function_provisioned",
                              "function_event_invoke", "function_recursion", "function_url", "function_layer",
                              "function_runtime_management"})
      tx.query("DELETE FROM " + std::string(table) + " WHERE account = ? AND region = ? AND function = ?",
               name->account, name->region, name->name);
    tx.query("DELETE FROM function_counter WHERE account = ? AND region = ? AND name = ?", name->account, name->region,
             name->name);
    tx.query("DELETE FROM function WHERE account = ? AND region = ? AND name = ?", name->account, name->region,
             name->name);
    if (auto counted = add_usage(tx, name->account, name->region, {-1, -bytes}); !counted) return counted.error();
    return gone();
  });
  if (!deleted) return deleted;
  functions.forget_all(name->account, name->region, name->name);
  functions.concurrency_changed(*name);
  functions.urls_changed();
  for (const auto& version : before)
    functions.packages().erase_unused(call.kernel, {version.code_blob, version.library_blob});
  return deleted;
}

Result<Value> get_function(Call& call, FunctionService&) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto function = require_function(tx, *name);
    if (!function) return function.error();
    Map output{{"Configuration", configuration_of(*function, name->qualifier)},
               {"Code", Map{{"RepositoryType", "S3"},
                            {"Location", call.context.base_url + "/_functions/code/" + function->code_blob}}}};
    const auto latest = function->version == 0
                            ? function->tags
                            : require_function(tx, {name->account, name->region, name->name, {}})->tags;
    if (!latest.empty()) output.set("Tags", latest);
    if (const auto reserved = read_reserved(tx, *name))
      output.set("Concurrency", Map{{"ReservedConcurrentExecutions", *reserved}});
    return Value(std::move(output));
  });
}

Result<Value> get_function_configuration(Call& call, FunctionService&) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto function = require_function(tx, *name);
    if (!function) return function.error();
    return Value(configuration_of(*function, name->qualifier));
  });
}

Result<Value> list_functions(Call& call, FunctionService&) {
  const auto& master = call.input["MasterRegion"];
  if (!master.is_null() && master.string() != "ALL" && master.string() != call.context.region)
    return Value(Map{{"Functions", List{}}});  // Only Lambda@Edge has replicas of other regions.
  const bool all = !call.input["FunctionVersion"].is_null();
  const auto marker = page_begin(call);
  if (!marker) return marker.error();
  const auto slash = marker->find('/');
  const auto after = marker->substr(0, slash);
  const auto after_version = slash == marker->npos ? -1 : version_of(marker->substr(slash + 1)).value_or(0);
  PageQuery query{"Functions",
                  "SELECT * FROM function WHERE account = ? AND region = ? AND version = 0 AND name > ? ORDER BY name",
                  {call.context.identity.account_id, call.context.region, after}};
  if (all) {
    query.sql =
        "SELECT * FROM function WHERE account = ? AND region = ? AND (name > ? OR (name = ? AND version > ?)) ORDER BY "
        "name, version";
    query.parameters.insert(query.parameters.end(), {after, after_version});
  }
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    return read_page(tx, call, query, [&](const Row& row) -> std::optional<PageItem> {
      const auto function = function_of(row);
      if (!all) return PageItem{function.name, configuration_of(function)};
      return PageItem{function.name + "/" + function.version_text(),
                      configuration_of(function, function.version_text())};
    });
  });
}

Result<Value> update_function_code(Call& call, FunctionService& functions) {
  const auto name = unqualified_name(call);
  if (!name) return name.error();
  if (!is_empty(call.input["PublishTo"])) return not_implemented("lambda UpdateFunctionCode PublishTo");
  Function before;  // Also what the write found: another update may have come in between.
  const auto found = call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    auto function = require_function(tx, *name);
    if (!function) return function.error();
    before = std::move(*function);
    return Value();
  });
  if (!found) return found.error();
  const auto package = read_package(call, call.input, "");
  if (!package) return package.error();
  StoredCode code;
  auto stored = store_code(call, *package, before.runtime, before.handler, code);
  if (!stored) return stored.error();
  const bool publish = call.input["Publish"].boolean_or(false), dry = call.input["DryRun"].boolean_or(false);
  auto updated = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto function = require_function(tx, *name);
    if (!function) return function.error();
    if (wrong_revision(call, function->revision_id)) return revision_mismatch();
    if (auto good = change_architectures(call.input["Architectures"], *function); !good) return good.error();
    before = *function;
    use_code(*function, code);
    if (auto good = check_unzipped(tx, *function); !good) return good.error();
    function->modified_at = call.kernel.clock.now();
    function->revision_id = call.kernel.ids.uuid();
    if (dry) return Value(configuration_of(*function));
    if (auto good = add_usage(tx, name->account, name->region, {0, function->code_bytes - before.code_bytes}); !good)
      return good.error();
    update_function(tx, *function);
    if (!publish) return Value(configuration_of(*function));
    const auto version = publish_version(tx, call, *function, {});
    if (!version) return version.error();
    return Value(configuration_of(*version, version->version_text()));
  });
  const bool in_use = updated && !dry;
  code.let_go(call.kernel, functions.packages(), in_use);
  if (!in_use) return updated;
  functions.forget(name->account, name->region, name->name);
  functions.packages().erase_unused(call.kernel, {before.code_blob, before.library_blob});
  return updated;
}

// What UpdateFunctionConfiguration says, but for settings and layers.
Result<Done> change_configuration(const Call& call, Function& function) {
  const auto& input = call.input;
  const auto runtime = input["Runtime"].string_or(function.runtime);
  const auto handler = input["Handler"].string_or(function.handler);
  if (auto good = check_runtime("UpdateFunctionConfiguration", runtime); !good) return good;
  if ((runtime == "native") != (function.runtime == "native"))
    return invalid_parameter("A function changes between lua and native by being created again.");
  if (runtime == "native") {
    const auto library = library_name(handler);
    if (!library) return library.error();
    if (*library != *library_name(function.handler))
      return invalid_parameter(
          "A native function's library changes with its code: call UpdateFunctionCode after creating it again.");
  }
  function.runtime = runtime;
  function.handler = handler;
  function.role = input["Role"].string_or(function.role);
  function.description = input["Description"].string_or(function.description);
  function.timeout_seconds = input["Timeout"].integer_or(function.timeout_seconds);
  function.memory_mb = input["MemorySize"].integer_or(function.memory_mb);
  if (!input["Environment"].is_null()) {
    const auto& variables = input["Environment"]["Variables"];
    function.environment = variables.is_map() ? variables.map() : Map{};
  }
  return check_all(call, function);
}

Result<Value> update_function_configuration(Call& call, FunctionService& functions) {
  const auto name = unqualified_name(call);
  if (!name) return name.error();
  auto updated = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto function = require_function(tx, *name);
    if (!function) return function.error();
    if (wrong_revision(call, function->revision_id)) return revision_mismatch();
    if (auto good = change_settings(call, *function); !good) return good.error();
    if (auto good = change_configuration(call, *function); !good) return good.error();
    if (auto good = use_layers(tx, call, *function); !good) return good.error();
    if (auto good = check_unzipped(tx, *function); !good) return good.error();
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
  const auto operation = operations_of(registrar, functions);
  operation("CreateFunction", create_function);
  operation("DeleteFunction", delete_function);
  operation("GetFunction", get_function);
  operation("GetFunctionConfiguration", get_function_configuration);
  operation("ListFunctions", list_functions);
  operation("UpdateFunctionCode", update_function_code);
  operation("UpdateFunctionConfiguration", update_function_configuration);
}

}  // namespace moonbase::functions
