#include "apigateway/rest_api.hpp"

#include <algorithm>
#include <moonbase/json.hpp>

namespace moonbase::gateway::rest {
namespace {

std::string unescaped(std::string_view part) {
  std::string text;
  for (std::size_t i = 0; i < part.size(); ++i) {
    const bool escape = part[i] == '~' && i + 1 < part.size() && (part[i + 1] == '0' || part[i + 1] == '1');
    text += escape ? (part[i + 1] == '0' ? '~' : '/') : part[i];
    i += escape ? 1 : 0;
  }
  return text;
}

Error wrong_operation(std::string_view allowed) {
  return bad_request("Invalid patch operation specified. Must be one of: [" + std::string(allowed) + "]");
}

bool is_true(const Value& text) { return text.is_string() && (text.string() == "true" || text.string() == "True"); }

// "/binaryMediaTypes/image~1png": add it, remove it, or replace it by the value.
Result<Done> patch_media_types(Value& api, const Patch& patch) {
  List types = api["binaryMediaTypes"].is_list() ? api["binaryMediaTypes"].list() : List{};
  const auto at = std::find(types.begin(), types.end(), Value(patch.parts[1]));
  if (patch.op == "add") {
    if (at == types.end()) types.emplace_back(patch.parts[1]);
  } else if (at == types.end()) {
    return not_found("Invalid binary media type specified");
  } else if (patch.op == "remove") {
    types.erase(at);
  } else if (patch.op == "replace" && patch.value.is_string()) {
    *at = patch.value;
  } else {
    return wrong_operation("add, remove, replace");
  }
  if (types.empty())
    api.map().erase("binaryMediaTypes");
  else
    api.set("binaryMediaTypes", std::move(types));
  return done;
}

// A text member that may be replaced, and removed if it is not required.
Result<Done> patch_text(Value& document, const Patch& patch, bool required) {
  const auto& name = patch.parts[0];
  if (patch.op == "remove" && !required) {
    document.map().erase(name);
    return done;
  }
  if (patch.op != "replace" && !(patch.op == "add" && !required)) return wrong_operation("replace");
  if (!patch.value.is_string() || (required && patch.value.string().empty()))
    return bad_request("Invalid null or empty value in " + name);
  document.set(name, patch.value);
  return done;
}

}  // namespace

Error api_not_found(const Owner& owner, std::string_view api_id) {
  return not_found("Invalid API identifier specified " + std::string(owner.account) + ":" + std::string(api_id));
}

Result<Value> find_api(Transaction& tx, const Owner& owner, std::string_view api_id) {
  const auto rows = tx.query("SELECT document FROM rest_api WHERE account = ? AND region = ? AND id = ?", owner.account,
                             owner.region, api_id);
  if (rows.empty()) return api_not_found(owner, api_id);
  return document(rows.front()[0]);
}

void save_api(Transaction& tx, const Owner& owner, const Value& api) {
  tx.query("UPDATE rest_api SET document = ? WHERE account = ? AND region = ? AND id = ?", to_json(api), owner.account,
           owner.region, api["id"].string());
}

std::vector<Patch> patches_of(const Value& patch_operations) {
  std::vector<Patch> patches;
  if (!patch_operations.is_list()) return patches;
  for (const auto& operation : patch_operations.list()) {
    const auto& op = operation["op"];
    const auto& path = operation["path"];
    Patch patch{op.is_string() ? std::string_view(op.string()) : std::string_view(),
                path.is_string() ? std::string_view(path.string()) : std::string_view("null"),
                operation["value"],
                {}};
    auto rest = patch.path;
    if (rest.starts_with('/')) rest.remove_prefix(1);
    for (;;) {
      const auto slash = rest.find('/');
      patch.parts.push_back(unescaped(rest.substr(0, slash)));
      if (slash == std::string_view::npos) break;
      rest.remove_prefix(slash + 1);
    }
    patches.push_back(std::move(patch));
  }
  return patches;
}

Error invalid_path(const Patch& patch) { return bad_request("Invalid patch path " + std::string(patch.path)); }

Result<Done> patch_api(Value& api, const Patch& patch) {
  const auto& name = patch.parts[0];
  if (patch.parts.size() == 2 && name == "binaryMediaTypes") return patch_media_types(api, patch);
  if (name == "minimumCompressionSize" || name == "policy" || name == "endpointConfiguration" ||
      name == "securityPolicy" || name == "endpointAccessMode")
    return not_implemented("apigateway UpdateRestApi " + std::string(patch.path));
  if (patch.parts.size() != 1) return invalid_path(patch);
  if (name == "name") return patch_text(api, patch, true);
  if (name == "description" || name == "version") return patch_text(api, patch, false);
  if (name == "apiKeySource") return patch_text(api, patch, true);
  if (name == "disableExecuteApiEndpoint") {
    if (patch.op != "replace") return wrong_operation("replace");
    api.set(name, is_true(patch.value));
    return done;
  }
  return invalid_path(patch);
}

Result<Done> patch_stage(Value& stage, const Patch& patch) {
  const auto& name = patch.parts[0];
  if (patch.parts.size() == 2 && name == "variables") {
    Map variables = stage["variables"].is_map() ? stage["variables"].map() : Map{};
    if (patch.op == "remove") {
      if (!variables.erase(patch.parts[1])) return not_found("Invalid stage variable name specified");
    } else if ((patch.op == "replace" || patch.op == "add") && patch.value.is_string()) {
      variables.set(patch.parts[1], patch.value);
    } else {
      return wrong_operation("add, remove, replace");
    }
    if (variables.empty())
      stage.map().erase("variables");
    else
      stage.set("variables", std::move(variables));
    return done;
  }
  if (patch.parts.size() == 1 && name == "description") return patch_text(stage, patch, false);
  if (patch.parts.size() == 1 && name == "deploymentId") return patch_text(stage, patch, true);
  // What is off may be told to stay off.
  if (patch.parts.size() == 1 && (name == "tracingEnabled" || name == "cacheClusterEnabled") && !is_true(patch.value))
    return done;
  if (name == "variables" || patch.path == "null") return invalid_path(patch);
  return not_implemented("apigateway UpdateStage " + std::string(patch.path));
}

}  // namespace moonbase::gateway::rest
