#include "sns/filter.hpp"

#include <algorithm>
#include <moonbase/json.hpp>

namespace moonbase::notifications::sns {
namespace {

constexpr std::size_t keys_max = 5, bytes_max = 262'144;
constexpr std::int64_t combinations_max = 150;
constexpr int depth_max = 50;

bool is_everything(const std::string& text) {
  if (text.empty()) return true;
  const auto parsed = parse_json(text);
  return parsed && parsed->is_map() && parsed->map().empty();
}

// As AWS counts them: of a nested key the values times its depth, multiplied over the keys; alternatives of
// "$or" add up.
std::int64_t combinations(const Pattern::Node& node, int depth) {
  std::int64_t product = 1;
  const auto times = [&](std::int64_t more) { product = std::min<std::int64_t>(product * more, combinations_max + 1); };
  for (const auto& field : node.fields)
    times(field.below ? combinations(*field.below, depth + 1)
                      : static_cast<std::int64_t>(field.alternatives.size()) * depth);
  for (const auto& choices : node.choices) {
    std::int64_t sum = 0;
    for (const auto& choice : choices) sum += combinations(choice, depth);
    times(std::max<std::int64_t>(sum, 1));
  }
  return product;
}

bool is_nested(const Pattern::Node& node) {
  return std::any_of(node.fields.begin(), node.fields.end(),
                     [](const auto& field) { return field.below != nullptr; }) ||
         std::any_of(node.choices.begin(), node.choices.end(),
                     [](const auto& choices) { return std::any_of(choices.begin(), choices.end(), is_nested); });
}

// What a pattern sees of message attributes: {"name": value}, and of lists each element.
Value visible(const Value& attributes) {
  Map shown;
  if (!attributes.is_map()) return shown;
  for (const auto& [name, attribute] : attributes.map()) {
    const auto& type = attribute["DataType"].string();
    const auto& text = attribute["StringValue"];
    if (!text.is_string()) continue;
    if (type == "String.Array") {
      auto list = parse_json(text.string());
      shown.set(name, list ? std::move(*list) : Value(text));
    } else if (type.starts_with("Number")) {
      auto number = parse_json(text.string());
      shown.set(name, number && (number->is_integer() || number->is_number()) ? std::move(*number) : Value(text));
    } else {
      shown.set(name, text);
    }
  }
  return shown;
}

}  // namespace

std::optional<std::string> refuse_filter_policy(const std::string& text, bool by_body) {
  if (is_everything(text)) return std::nullopt;
  if (text.size() > bytes_max) return "FilterPolicy: Filter policy exceeds maximum size of 262144 bytes";
  const auto json = parse_json(text, {.depth_max = depth_max, .bytes_max = bytes_max});
  if (!json || !json->is_map()) return "FilterPolicy: failed to parse JSON.";
  if (json->map().size() > keys_max) return "FilterPolicy: Filter policy can not have more than 5 keys";
  const auto pattern = Pattern::parse(text);
  if (!pattern) return "FilterPolicy: " + pattern.error().message;
  if (!by_body && is_nested(pattern->root()))
    return "Filter policy scope MessageAttributes does not support nested filter policy";
  if (combinations(pattern->root(), 1) > combinations_max) return "FilterPolicy: Filter policy is too complex";
  return std::nullopt;
}

FilterPolicy::FilterPolicy(const std::string& text, bool by_body) : by_body_(by_body) {
  if (is_everything(text)) return;
  if (auto pattern = Pattern::parse(text)) pattern_.emplace(std::move(*pattern));
}

bool FilterPolicy::matches(const std::string& body, const Value& attributes) const {
  if (!pattern_) return true;
  if (!by_body_) return pattern_->matches(visible(attributes));
  // A body that is no object is no match.
  const auto json = parse_json(body);
  return json && json->is_map() && pattern_->matches(*json);
}

}  // namespace moonbase::notifications::sns
