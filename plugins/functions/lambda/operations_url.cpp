// Function URLs.
#include <moonbase/json.hpp>

#include "lambda/operations.hpp"
#include "lambda/page.hpp"
#include "lambda/url.hpp"
#include "lambda/version.hpp"

namespace moonbase::functions {
namespace {

Map describe(const Call& call, const FunctionUrl& url) {
  Map described{{"FunctionUrl", url.url(call.context)},
                {"FunctionArn", url.name.arn()},
                {"AuthType", url.auth_type},
                {"CreationTime", modified_text(url.created_at)},
                {"LastModifiedTime", modified_text(url.modified_at)},
                {"InvokeMode", url.invoke_mode}};
  if (!url.cors.empty()) described.set("Cors", url.cors);
  return described;
}

// The function or alias that a URL may belong to.
Result<FunctionName> url_name(const Call& call) {
  auto name = function_name_of(call);
  if (name && version_of(name->qualifier) && !name->qualifier.empty())
    return Error{"ValidationException",
                 "1 validation error detected: Value '" + name->qualifier +
                     "' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: "
                     "(^\\$LATEST$)|((?!^[0-9]+$)([a-zA-Z0-9-_]+))",
                 {{"Type", "User"}},
                 400};
  return name;
}

Result<Done> check_exists(Transaction& tx, const FunctionName& name) {
  if (name.qualifier.empty() ? find_function(tx, name.account, name.region, name.name).has_value()
                             : find_alias(tx, name, name.qualifier).has_value())
    return done;
  return Error{"ResourceNotFoundException",
               name.qualifier.empty() ? "Function does not exist" : "Cannot find alias arn: " + name.arn(),
               {{"Type", "User"}},
               404};
}

std::optional<FunctionUrl> find_url(Transaction& tx, const FunctionName& name) {
  const auto rows =
      tx.query("SELECT * FROM function_url WHERE account = ? AND region = ? AND function = ? AND qualifier = ?",
               name.account, name.region, name.name, name.qualifier);
  if (rows.empty()) return std::nullopt;
  return function_url_of(rows.front());
}

Error no_url() {
  return {"ResourceNotFoundException", "The resource you requested does not exist.", {{"Type", "User"}}, 404};
}

Result<Value> create_url(Call& call, FunctionService& functions) {
  const auto name = url_name(call);
  if (!name) return name.error();
  auto created = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (auto exists = check_exists(tx, *name); !exists) return exists.error();
    if (find_url(tx, *name))
      return Error{"ResourceConflictException",
                   "Failed to create function url config for [functionArn = " + name->arn() +
                       "]. Error message:  FunctionUrlConfig exists for this Lambda function",
                   {{"Type", "User"}},
                   409};
    FunctionUrl url;
    url.name = *name;
    url.id = call.kernel.ids.random_string(32, "abcdefghijklmnopqrstuvwxyz0123456789");
    url.auth_type = call.input["AuthType"].string();
    url.invoke_mode = call.input["InvokeMode"].string_or("BUFFERED");
    if (call.input["Cors"].is_map()) url.cors = call.input["Cors"].map();
    url.created_at = url.modified_at = call.kernel.clock.now();
    tx.query("INSERT INTO function_url VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", name->account, name->region, name->name,
             name->qualifier, url.id, url.auth_type, url.invoke_mode, to_json(Value(url.cors)), url.created_at,
             url.modified_at);
    return Value(describe(call, url));
  });
  if (created) functions.urls_changed();
  return created;
}

Result<Value> delete_url(Call& call, FunctionService& functions) {
  const auto name = url_name(call);
  if (!name) return name.error();
  auto deleted = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (!find_url(tx, *name)) return no_url();
    tx.query("DELETE FROM function_url WHERE account = ? AND region = ? AND function = ? AND qualifier = ?",
             name->account, name->region, name->name, name->qualifier);
    return Value(Map{});
  });
  if (deleted) functions.urls_changed();
  return deleted;
}

Result<Value> get_url(Call& call, FunctionService&) {
  const auto name = url_name(call);
  if (!name) return name.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto url = find_url(tx, *name);
    if (!url) return no_url();
    return Value(describe(call, *url));
  });
}

Result<Value> list_urls(Call& call, FunctionService&) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  const auto after = page_begin(call);
  if (!after) return after.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    if (!find_function(tx, name->account, name->region, name->name)) return no_url();
    // The function's own URL has no qualifier, so keys begin with a mark.
    const auto key_of = [](const FunctionUrl& url) { return "q" + url.name.qualifier; };
    return read_page(
        tx, call,
        {"FunctionUrlConfigs",
         "SELECT * FROM function_url WHERE account = ? AND region = ? AND function = ? AND qualifier >= ? "
         "ORDER BY qualifier",
         {name->account, name->region, name->name, std::string_view(*after).substr(after->empty() ? 0 : 1)}},
        [&](const Row& row) -> std::optional<PageItem> {
          const auto url = function_url_of(row);
          if (key_of(url) == *after) return std::nullopt;
          return PageItem{key_of(url), describe(call, url)};
        });
  });
}

Result<Value> update_url(Call& call, FunctionService& functions) {
  const auto name = url_name(call);
  if (!name) return name.error();
  auto updated = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto url = find_url(tx, *name);
    if (!url) return no_url();
    url->auth_type = call.input["AuthType"].string_or(url->auth_type);
    url->invoke_mode = call.input["InvokeMode"].string_or(url->invoke_mode);
    if (call.input["Cors"].is_map()) url->cors = call.input["Cors"].map();
    url->modified_at = call.kernel.clock.now();
    tx.query(
        "UPDATE function_url SET auth_type = ?, invoke_mode = ?, cors = ?, modified_at_ms = ? WHERE account = ? AND "
        "region = ? AND "
        "function = ? AND qualifier = ?",
        url->auth_type, url->invoke_mode, to_json(Value(url->cors)), url->modified_at, name->account, name->region,
        name->name, name->qualifier);
    return Value(describe(call, *url));
  });
  if (updated) functions.urls_changed();
  return updated;
}

}  // namespace

void register_url_operations(Registrar& registrar, FunctionService& functions) {
  const auto operation = operations_of(registrar, functions);
  operation("CreateFunctionUrlConfig", create_url);
  operation("DeleteFunctionUrlConfig", delete_url);
  operation("GetFunctionUrlConfig", get_url);
  operation("ListFunctionUrlConfigs", list_urls);
  operation("UpdateFunctionUrlConfig", update_url);
}

}  // namespace moonbase::functions
