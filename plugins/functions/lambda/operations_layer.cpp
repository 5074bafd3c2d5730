// Layers and who may use them.
#include <algorithm>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>
#include <stdexcept>

#include "lambda/code.hpp"
#include "lambda/layer.hpp"
#include "lambda/operations.hpp"
#include "lambda/package_source.hpp"
#include "lambda/page.hpp"
#include "lambda/policy.hpp"
#include "lambda/version.hpp"

namespace moonbase::functions {
namespace {

Error not_found() {
  return {"ResourceNotFoundException", "The resource you requested does not exist.", {{"Type", "User"}}, 404};
}

Error bad_name(const std::string& text) {
  return {"ValidationException",
          "1 validation error detected: Value '" + text +
              "' at 'layerName' failed to satisfy constraint: Member must satisfy regular expression pattern: "
              "(arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\\d{12}:layer:[a-zA-Z0-9-_]+)|[a-zA-Z0-9-_]+",
          {{"Type", "User"}},
          400};
}

Result<LayerName> name_of(const Call& call) {
  const auto& text = call.input["LayerName"].string();
  auto name = parse_layer_name(text, call.context, false);
  if (!name) return bad_name(text);
  if (call.input["VersionNumber"].is_integer()) {
    name->version = call.input["VersionNumber"].integer();
    if (name->version < 1) return invalid_parameter("Layer Version Cannot be less than 1.");
  }
  return *name;
}

Map list_item(const LayerVersion& layer) {
  Map item{{"LayerVersionArn", layer.arn()},
           {"Version", layer.version},
           {"Description", layer.description},
           {"CreatedDate", modified_text(layer.created_at)}};
  if (!layer.runtimes.empty()) item.set("CompatibleRuntimes", layer.runtimes);
  if (!layer.architectures.empty()) item.set("CompatibleArchitectures", layer.architectures);
  if (!layer.license.empty()) item.set("LicenseInfo", layer.license);
  return item;
}

Map describe(const Call& call, const LayerVersion& layer) {
  auto described = list_item(layer);
  described.set("LayerArn", layer.layer_arn());
  described.set("Content", Map{{"Location", call.context.base_url + "/_functions/code/" + layer.code_blob},
                               {"CodeSha256", layer.code_sha256},
                               {"CodeSize", layer.code_bytes}});
  return described;
}

bool fits(const Call& call, const LayerVersion& layer) {
  const auto in = [](const List& list, const Value& wanted) {
    return wanted.is_null() || std::find(list.begin(), list.end(), wanted) != list.end();
  };
  return in(layer.runtimes, call.input["CompatibleRuntime"]) &&
         in(layer.architectures, call.input["CompatibleArchitecture"]);
}

Result<Value> publish_layer_version(Call& call, FunctionService& functions) {
  const auto name = name_of(call);
  if (!name) return name.error();
  const auto& runtimes = call.input["CompatibleRuntimes"];
  if (runtimes.is_list() && runtimes.list().size() > 15)
    return Error{
        "ValidationException",
        "1 validation error detected: Value '" + to_json(runtimes) +
            "' at 'compatibleRuntimes' failed to satisfy constraint: Member must have length less than or equal "
            "to 15",
        {{"Type", "User"}},
        400};
  const auto package = read_package(call, call.input["Content"], "Content.");
  if (!package) return package.error();
  const auto& [zip, files, folder] = *package;
  LayerVersion layer;
  layer.account = name->account;
  layer.region = name->region;
  layer.name = name->name;
  layer.description = call.input["Description"].string_or("");
  layer.license = call.input["LicenseInfo"].string_or("");
  if (runtimes.is_list()) layer.runtimes = runtimes.list();
  if (call.input["CompatibleArchitectures"].is_list())
    layer.architectures = call.input["CompatibleArchitectures"].list();
  const auto digest = sha256(zip);
  layer.code_blob = hex(digest);
  layer.code_sha256 = base64(digest);
  layer.code_bytes = static_cast<std::int64_t>(zip.size());
  for (const auto& [file, content] : files) layer.unzipped_bytes += static_cast<std::int64_t>(content.size());
  auto hold = call.kernel.blobs.hold({layer.code_blob});
  call.kernel.blobs.put(zip);
  layer.created_at = call.kernel.clock.now();
  layer.revision_id = call.kernel.ids.uuid();
  auto published = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    layer.version =
        tx.query(
              "INSERT INTO layer VALUES (?, ?, ?, 1) ON CONFLICT (account, region, name) DO UPDATE SET last_version = "
              "layer.last_version + 1 RETURNING last_version",
              layer.account, layer.region, layer.name)
            .front()["last_version"]
            .integer();
    if (auto stored = add_usage(tx, layer.account, layer.region, {0, layer.code_bytes}); !stored) return stored.error();
    insert_layer(tx, layer);
    return Value(describe(call, layer));
  });
  hold.reset();
  if (!published) functions.packages().erase_unused(call.kernel, {layer.code_blob});
  return published;
}

Result<Value> delete_layer_version(Call& call, FunctionService& functions) {
  const auto name = name_of(call);
  if (!name) return name.error();
  std::string unused;
  auto deleted = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    unused.clear();
    const auto layer = find_layer(tx, *name);
    if (!layer) return Value(Map{});
    for (const char* table : {"layer_version", "layer_permission"})
      tx.query("DELETE FROM " + std::string(table) + " WHERE account = ? AND region = ? AND name = ? AND version = ?",
               name->account, name->region, name->name, name->version);
    if (auto counted = add_usage(tx, name->account, name->region, {0, -layer->code_bytes}); !counted)
      return counted.error();
    unused = layer->code_blob;
    return Value(Map{});
  });
  if (deleted) functions.packages().erase_unused(call.kernel, {unused});  // Functions that use it keep it.
  return deleted;
}

Result<Value> get_layer_version(Call& call, FunctionService&) {
  const auto name = name_of(call);
  if (!name) return name.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto layer = find_layer(tx, *name);
    if (!layer) return not_found();
    return Value(describe(call, *layer));
  });
}

Result<Value> get_layer_version_by_arn(Call& call, FunctionService&) {
  const auto& arn = call.input["Arn"].string();
  const auto name = parse_layer_name(arn, call.context, true);
  if (!name)
    return Error{"ValidationException",
                 "1 validation error detected: Value '" + arn +
                     "' at 'arn' failed to satisfy constraint: Member must satisfy regular expression pattern: "
                     "(arn:(aws[a-zA-Z-]*)?:lambda:[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:layer:"
                     "[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)",
                 {{"Type", "User"}},
                 400};
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto layer = find_layer(tx, *name);
    if (!layer) return not_found();
    return Value(describe(call, *layer));
  });
}

Result<Value> list_layer_versions(Call& call, FunctionService&) {
  const auto name = name_of(call);
  if (!name) return name.error();
  const auto marker = page_begin(call);
  if (!marker) return marker.error();
  const auto before = marker->empty() ? INT64_MAX : version_of(*marker).value_or(0);
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    return read_page(tx, call,
                     {"LayerVersions",
                      "SELECT * FROM layer_version WHERE account = ? AND region = ? AND name = ? AND version < ? ORDER "
                      "BY version DESC",
                      {name->account, name->region, name->name, before}},
                     [&](const Row& row) -> std::optional<PageItem> {
                       const auto layer = layer_of(row);
                       if (!fits(call, layer)) return std::nullopt;
                       return PageItem{std::to_string(layer.version), list_item(layer)};
                     });
  });
}

Result<Value> list_layers(Call& call, FunctionService&) {
  const auto after = page_begin(call);
  if (!after) return after.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    std::string last;  // Of each layer the newest version that fits.
    return read_page(
        tx, call,
        {"Layers",
         "SELECT * FROM layer_version WHERE account = ? AND region = ? AND name > ? ORDER BY name, version DESC",
         {call.context.identity.account_id, call.context.region, *after}},
        [&](const Row& row) -> std::optional<PageItem> {
          const auto layer = layer_of(row);
          if (layer.name == last || !fits(call, layer)) return std::nullopt;
          last = layer.name;
          return PageItem{layer.name, Map{{"LayerName", layer.name},
                                          {"LayerArn", layer.layer_arn()},
                                          {"LatestMatchingVersion", list_item(layer)}}};
        });
  });
}

// --- permissions ---------------------------------------------------------------------------------

Result<LayerVersion> layer_for_change(Transaction& tx, const Call& call, const LayerName& name) {
  auto layer = find_layer(tx, name);
  if (!layer)
    return Error{"ResourceNotFoundException",
                 "Layer version arn:aws:lambda:" + name.region + ":" + name.account + ":layer:" + name.name + ":" +
                     std::to_string(name.version) + " does not exist.",
                 {{"Type", "User"}},
                 404};
  if (wrong_revision(call, layer->revision_id))
    return Error{
        "PreconditionFailedException",
        "The RevisionId provided does not match the latest RevisionId. Call the GetLayerPolicy API to retrieve "
        "the latest RevisionId for your resource.",
        {{"Type", "User"}},
        412};
  return std::move(*layer);
}

std::string new_revision(Transaction& tx, const Call& call, const LayerName& name) {
  auto revision = call.kernel.ids.uuid();
  tx.query("UPDATE layer_version SET revision_id = ? WHERE account = ? AND region = ? AND name = ? AND version = ?",
           revision, name.account, name.region, name.name, name.version);
  return revision;
}

Result<Value> add_layer_version_permission(Call& call, FunctionService&) {
  const auto name = name_of(call);
  if (!name) return name.error();
  const auto& id = call.input["StatementId"].string();
  const auto& principal = call.input["Principal"].string();
  if (call.input["Action"].string() != "lambda:GetLayerVersion")
    return Error{"ValidationException",
                 "1 validation error detected: Value '" + call.input["Action"].string() +
                     "' at 'action' failed to satisfy constraint: Member must satisfy regular expression pattern: "
                     "lambda:GetLayerVersion",
                 {{"Type", "User"}},
                 400};
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto layer = layer_for_change(tx, call, *name);
    if (!layer) return layer.error();
    std::int64_t position = 0;
    std::size_t bytes = 0;
    for (const auto& row :
         tx.query("SELECT statement_id, position, statement FROM layer_permission WHERE account = ? AND "
                  "region = ? AND name = ? AND version = ?",
                  name->account, name->region, name->name, name->version)) {
      position = std::max(position, row["position"].integer() + 1);
      bytes += row["statement"].string().size();
      if (row["statement_id"].string() == id)
        return Error{"ResourceConflictException",
                     "The statement id (" + id +
                         ") provided already exists. Please provide a new statement id, or remove the existing "
                         "statement.",
                     {{"Type", "User"}},
                     409};
    }
    Map statement{{"Sid", id}, {"Effect", "Allow"}};
    statement.set(
        "Principal",
        principal == "*"
            ? Value("*")
            : Value(Map{{"AWS", principal.starts_with("arn:") ? principal : "arn:aws:iam::" + principal + ":root"}}));
    statement.set("Action", call.input["Action"]);
    statement.set("Resource", layer->arn());
    if (!is_empty(call.input["OrganizationId"]))
      statement.set("Condition", Map{{"StringEquals", Map{{"aws:PrincipalOrgID", call.input["OrganizationId"]}}}});
    const auto text = to_json(Value(std::move(statement)));
    if (bytes + text.size() > policy_bytes_max)
      return Error{
          "PolicyLengthExceededException",
          "The final policy size (" + std::to_string(bytes + text.size()) + ") is bigger than the limit (20480).",
          {{"Type", "User"}},
          400};
    tx.query("INSERT INTO layer_permission VALUES (?, ?, ?, ?, ?, ?, ?)", name->account, name->region, name->name,
             name->version, id, position, text);
    return Value(Map{{"Statement", text}, {"RevisionId", new_revision(tx, call, *name)}});
  });
}

Result<Value> get_layer_version_policy(Call& call, FunctionService&) {
  const auto name = name_of(call);
  if (!name) return name.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto layer = layer_for_change(tx, call, *name);
    if (!layer) return layer.error();
    List statements;
    for (const auto& row :
         tx.query("SELECT statement FROM layer_permission WHERE account = ? AND region = ? AND name = "
                  "? AND version = ? ORDER BY position",
                  name->account, name->region, name->name, name->version)) {
      auto statement = parse_json(row["statement"].string());
      if (!statement) throw std::runtime_error("a layer's permission holds no JSON");
      statements.push_back(std::move(*statement));
    }
    if (statements.empty())
      return Error{
          "ResourceNotFoundException", "No policy is associated with the given resource.", {{"Type", "User"}}, 404};
    const Map policy{{"Version", "2012-10-17"}, {"Id", "default"}, {"Statement", std::move(statements)}};
    return Value(Map{{"Policy", to_json(Value(policy))}, {"RevisionId", layer->revision_id}});
  });
}

Result<Value> remove_layer_version_permission(Call& call, FunctionService&) {
  const auto name = name_of(call);
  if (!name) return name.error();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto layer = layer_for_change(tx, call, *name);
    if (!layer) return layer.error();
    const auto& id = call.input["StatementId"].string();
    tx.query(
        "DELETE FROM layer_permission WHERE account = ? AND region = ? AND name = ? AND version = ? AND statement_id = "
        "?",
        name->account, name->region, name->name, name->version, id);
    if (tx.changes() == 0)
      return Error{"ResourceNotFoundException",
                   "Statement " + id + " is not found in resource policy.",
                   {{"Type", "User"}},
                   404};
    new_revision(tx, call, *name);
    return Value(Map{});
  });
}

}  // namespace

void register_layer_operations(Registrar& registrar, FunctionService& functions) {
  const auto operation = operations_of(registrar, functions);
  operation("AddLayerVersionPermission", add_layer_version_permission);
  operation("DeleteLayerVersion", delete_layer_version);
  operation("GetLayerVersion", get_layer_version);
  operation("GetLayerVersionByArn", get_layer_version_by_arn);
  operation("GetLayerVersionPolicy", get_layer_version_policy);
  operation("ListLayerVersions", list_layer_versions);
  operation("ListLayers", list_layers);
  operation("PublishLayerVersion", publish_layer_version);
  operation("RemoveLayerVersionPermission", remove_layer_version_permission);
}

}  // namespace moonbase::functions
