#include "lambda/layer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <moonbase/json.hpp>
#include <stdexcept>

#include "lambda/code.hpp"

namespace moonbase::functions {
namespace {

bool is_layer_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

List list_in(const Value& text) {
  auto list = parse_json(text.string());
  if (!list || !list->is_list()) throw std::runtime_error("a layer's row holds no JSON list");
  return std::move(list->list());
}

// Whether the layer's owner lets this account have it.
bool is_shared_with(Transaction& tx, const LayerName& name, const std::string& account) {
  for (const auto& row : tx.query("SELECT statement FROM layer_permission WHERE account = ? AND region = ? AND name = "
                                  "? AND version = ?",
                                  name.account, name.region, name.name, name.version)) {
    const auto statement = parse_json(row["statement"].string());
    if (!statement) throw std::runtime_error("a layer's permission holds no JSON");
    const auto& principal = (*statement)["Principal"];
    if (principal.is_string()) return true;
    if (principal["AWS"].is_string() && principal["AWS"].string().find(":" + account + ":") != std::string::npos)
      return true;
  }
  return false;
}

}  // namespace

std::optional<LayerName> parse_layer_name(std::string_view text, const CallContext& context, bool versioned) {
  LayerName name{context.identity.account_id, context.region, {}, 0};
  if (!text.starts_with("arn:")) {
    if (versioned || !is_layer_name(text)) return std::nullopt;
    name.name = text;
    return name;
  }
  // arn:aws:lambda:REGION:ACCOUNT:layer:NAME[:VERSION]
  std::array<std::string_view, 8> parts;
  std::size_t count = 0;
  for (auto rest = text;;) {
    if (count == parts.size()) return std::nullopt;
    const auto colon = rest.find(':');
    parts[count++] = rest.substr(0, colon);
    if (colon == rest.npos) break;
    rest.remove_prefix(colon + 1);
  }
  if (count != (versioned ? 8U : 7U) || parts[2] != "lambda" || parts[5] != "layer" || !is_layer_name(parts[6]))
    return std::nullopt;
  name.region = parts[3];
  name.account = parts[4];
  name.name = parts[6];
  if (versioned) {
    const auto end = parts[7].data() + parts[7].size();
    const auto read = std::from_chars(parts[7].data(), end, name.version);
    if (read.ec != std::errc() || read.ptr != end || name.version <= 0) return std::nullopt;
  }
  return name;
}

LayerVersion layer_of(const Row& row) {
  LayerVersion layer;
  layer.account = row["account"].string();
  layer.region = row["region"].string();
  layer.name = row["name"].string();
  layer.version = row["version"].integer();
  layer.description = row["description"].string();
  layer.license = row["license"].string();
  layer.runtimes = list_in(row["runtimes"]);
  layer.architectures = list_in(row["architectures"]);
  layer.code_blob = row["code_blob"].string();
  layer.code_sha256 = row["code_sha256"].string();
  layer.code_bytes = row["code_bytes"].integer();
  layer.unzipped_bytes = row["unzipped_bytes"].integer();
  layer.created_at = {row["created_at_ms"].integer()};
  layer.revision_id = row["revision_id"].string();
  return layer;
}

std::optional<LayerVersion> find_layer(Transaction& tx, const LayerName& name) {
  const auto rows =
      tx.query("SELECT * FROM layer_version WHERE account = ? AND region = ? AND name = ? AND version = ?",
               name.account, name.region, name.name, name.version);
  if (rows.empty()) return std::nullopt;
  return layer_of(rows.front());
}

void insert_layer(Transaction& tx, const LayerVersion& layer) {
  tx.query("INSERT INTO layer_version VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", layer.account, layer.region,
           layer.name, layer.version, layer.description, layer.license, to_json(Value(layer.runtimes)),
           to_json(Value(layer.architectures)), layer.code_blob, layer.code_sha256, layer.code_bytes,
           layer.unzipped_bytes, layer.created_at.ms, layer.revision_id);
}

Result<Done> use_layers(Transaction& tx, const Call& call, Function& function) {
  const auto& wanted = call.input["Layers"];
  if (wanted.is_null()) return done;
  const auto& arns = wanted.list();
  if (arns.size() > layers_max) return invalid_parameter("Cannot reference more than 5 layers.");
  List shown;
  function.layer_blobs.clear();
  std::vector<std::pair<std::string, std::string>> seen;  // Layer, version's ARN.
  for (const auto& each : arns) {
    const auto& arn = each.string();
    const auto name = parse_layer_name(arn, call.context, true);
    if (!name)
      return Error{"ValidationException",
                   "1 validation error detected: Value '" + to_json(wanted) +
                       "' at 'layers' failed to satisfy constraint: Member must satisfy constraint: [Member must have "
                       "length less than or equal to 2048, Member must have length greater than or equal to 1, Member "
                       "must satisfy regular expression pattern: "
                       "arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+, Member must not be "
                       "null]",
                   {{"Type", "User"}},
                   400};
    if (name->region != function.region)
      return invalid_parameter(
          "Layers are not in the same region as the function. Layers are expected to be in region " + function.region +
          ".");
    if (name->account != function.account && !is_shared_with(tx, *name, function.account))
      return Error{"AccessDeniedException",
                   "User: " + call.context.identity.arn +
                       " is not authorized to perform: lambda:GetLayerVersion on resource: " + arn +
                       " because no resource-based policy allows the lambda:GetLayerVersion action",
                   {{"Type", "User"}},
                   403};
    const auto layer = find_layer(tx, *name);
    if (!layer) return invalid_parameter("Layer version " + arn + " does not exist.");
    for (const auto& [other, other_arn] : seen)
      if (other == layer->layer_arn())
        return invalid_parameter(
            "Two different versions of the same layer are not allowed to be referenced in the same function. " +
            other_arn + " and " + arn + " are versions of the same layer.");
    seen.emplace_back(layer->layer_arn(), arn);
    shown.push_back(Map{{"Arn", arn}, {"CodeSize", layer->code_bytes}});
    function.layer_blobs.push_back(layer->code_blob);
  }
  if (shown.empty())
    function.settings.erase("Layers");
  else
    function.settings.set("Layers", std::move(shown));
  return done;
}

Result<Done> check_unzipped(Transaction& tx, const Function& function) {
  auto bytes = function.unzipped_bytes;
  for (const auto& blob : function.layer_blobs) {
    const auto rows = tx.query("SELECT unzipped_bytes FROM layer_version WHERE code_blob = ? LIMIT 1", blob);
    if (!rows.empty()) bytes += rows.front()["unzipped_bytes"].integer();
  }
  if (bytes <= static_cast<std::int64_t>(unzipped_bytes_max)) return done;
  return invalid_parameter("Function code combined with layers exceeds the maximum allowed size of " +
                           std::to_string(unzipped_bytes_max) + " bytes. The actual size is " + std::to_string(bytes) +
                           " bytes.");
}

}  // namespace moonbase::functions
