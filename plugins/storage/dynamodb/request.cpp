#include "request.hpp"

#include <algorithm>
#include <mutex>

#include "attribute.hpp"
#include "errors.hpp"

namespace moonbase::dynamodb {
namespace {

constexpr std::size_t placeholder_bytes_max = 255;

std::string joined(const std::vector<std::string_view>& names) {
  std::string text;
  for (const auto name : names) text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

// "#name" or ":value"; an Error for anything else.
Result<Done> check_placeholder(std::string_view key, char sign, std::string_view parameter) {
  const std::string invalid = std::string(parameter) + " contains invalid key: ";
  if (key.size() > placeholder_bytes_max) {
    std::string message = invalid + "The expression attribute map contains a key that is too long;";
    if (sign == '#') message += " size of key: " + std::to_string(key.size());  // Values do not say it.
    return validation(std::move(message));
  }
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (key.size() < 2 || key[0] != sign || !std::all_of(key.begin() + 1, key.end(), is_word))
    return validation(invalid + "Syntax error; key: \"" + std::string(key) + "\"");
  return done;
}

Result<Done> check_names(const Value& names) {
  if (names.is_null()) return done;
  if (names.map().empty()) return validation("ExpressionAttributeNames must not be empty");
  for (const auto& [key, name] : names.map()) {
    if (auto checked = check_placeholder(key, '#', "ExpressionAttributeNames"); !checked) return checked;
    if (!name.is_string() || name.string().empty())
      return validation("ExpressionAttributeNames contains invalid value: Empty attribute name for key " + key);
  }
  return done;
}

Result<Done> check_values(Value* values) {
  if (!values || values->is_null()) return done;
  if (values->map().empty()) return validation("ExpressionAttributeValues must not be empty");
  for (const auto& entry : values->map())
    if (auto checked = check_placeholder(entry.key, ':', "ExpressionAttributeValues"); !checked) return checked;
  for (auto& [key, value] : values->map())
    if (auto checked = check_attribute(value); !checked)
      return validation("ExpressionAttributeValues contains invalid value: " + checked.error().message + " for key " +
                        key);
  return done;
}

// Remembers which entries of a request's map were used.
class Placeholders {
 public:
  explicit Placeholders(const Value& entries) : map_(entries.is_null() ? nullptr : &entries.map()) {
    if (map_) used_.resize(map_->size());
  }

  const Value* use(std::string_view key) {
    const auto* found = map_ ? map_->find(key) : nullptr;
    if (!found) return nullptr;
    // An entry's position: values lie in the map's entries, at a fixed distance from each other.
    const auto distance = reinterpret_cast<const char*>(found) - reinterpret_cast<const char*>(&map_->begin()->value);
    used_[static_cast<std::size_t>(distance) / sizeof(MapEntry)] = true;
    return found;
  }

  std::string unused() const {
    std::string keys;
    for (std::size_t i = 0; i < used_.size(); ++i)
      if (!used_[i]) keys += (keys.empty() ? "" : ", ") + map_->begin()[i].key;
    return keys;
  }

 private:
  const Map* map_;
  std::vector<bool> used_;
};

}  // namespace

Result<std::shared_ptr<const Expression>> ExpressionCache::parse(ExpressionKind kind, const std::string& text) {
  if (text.size() > text_bytes_max) return parse_expression(kind, text);
  std::string key(1, static_cast<char>('0' + static_cast<int>(kind)));
  key += text;
  {
    const std::shared_lock lock(mutex_);
    if (const auto found = expressions_.find(key); found != expressions_.end()) return found->second;
  }
  auto parsed = parse_expression(kind, text);
  if (!parsed) return parsed;
  const std::unique_lock lock(mutex_);
  if (expressions_.size() >= entries_max) expressions_.clear();
  expressions_.emplace(std::move(key), *parsed);
  return parsed;
}

Result<Done> check_parameters(const Value& input, const ExpressionParameters& parameters) {
  std::vector<std::string_view> given, replaced;
  for (const auto kind : parameters.kinds)
    if (!input[parameter_name(kind)].is_null()) given.push_back(parameter_name(kind));
  for (const auto name : parameters.replaced) {
    // KeyConditions may stand beside a FilterExpression.
    if (name == "KeyConditions" && input["KeyConditionExpression"].is_null()) continue;
    if (!input[name].is_null()) replaced.push_back(name);
  }
  if (!given.empty() && !replaced.empty())
    return validation(
        "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {" +
        joined(replaced) + "} Expression parameters: {" + joined(given) + "}");
  if (given.empty() && !input["ExpressionAttributeNames"].is_null())
    return validation("ExpressionAttributeNames can only be specified when using expressions");
  const bool takes_values =
      std::any_of(given.begin(), given.end(), [](std::string_view name) { return name != "ProjectionExpression"; });
  if (!takes_values && !parameters.values_need.empty() && !input["ExpressionAttributeValues"].is_null())
    return validation("ExpressionAttributeValues can only be specified when using expressions: " +
                      std::string(parameters.values_need));
  return done;
}

Result<Expressions> Expressions::read(ExpressionCache& cache, Value& input, const ExpressionParameters& parameters) {
  if (auto checked = check_names(input["ExpressionAttributeNames"]); !checked) return checked.error();
  if (auto checked = check_values(input.map().find("ExpressionAttributeValues")); !checked) return checked.error();

  Expressions expressions;
  Placeholders names(input["ExpressionAttributeNames"]), values(input["ExpressionAttributeValues"]);
  for (const auto kind : parameters.kinds) {
    const auto& text = input[parameter_name(kind)];
    if (text.is_null()) continue;
    auto parsed = cache.parse(kind, text.string());
    if (!parsed) return parsed.error();
    auto& bound = expressions[kind];
    bound.expression = std::move(*parsed);
    for (const auto& name : bound.expression->names) {
      const auto* found = names.use(name);
      bound.bindings.names.push_back(found ? &found->string() : nullptr);
    }
    for (const auto& value : bound.expression->values) bound.bindings.values.push_back(values.use(value));
    if (auto checked = check_expression(*bound.expression, bound.bindings); !checked) return checked.error();
  }
  if (const auto unused = names.unused(); !unused.empty())
    return validation("Value provided in ExpressionAttributeNames unused in expressions: keys: {" + unused + "}");
  if (const auto unused = values.unused(); !unused.empty())
    return validation("Value provided in ExpressionAttributeValues unused in expressions: keys: {" + unused + "}");
  return expressions;
}

std::optional<Projection> read_projection(const Expressions& expressions, const Value& attributes_to_get) {
  const auto& expression = expressions[ExpressionKind::projection];
  if (!expression && attributes_to_get.is_null()) return std::nullopt;
  Projection chosen;
  if (expression) {
    for (const auto& path : expression.expression->paths) chosen.add(path, expression.bindings);
  } else {
    for (const auto& name : attributes_to_get.list()) chosen.add(name.string());
  }
  return chosen;
}

Error enveloped(Error error) {
  error.message = "1 validation error detected: " + error.message;
  return error;
}

}  // namespace moonbase::dynamodb
