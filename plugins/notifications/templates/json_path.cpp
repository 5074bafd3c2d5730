#include "templates/json_path.hpp"

#include <charconv>

namespace moonbase::notifications {
namespace {

constexpr std::size_t steps_max = 100;

}  // namespace

std::optional<JsonPath> JsonPath::parse(std::string_view text) {
  if (!text.starts_with('$')) return std::nullopt;
  text.remove_prefix(1);
  JsonPath path;
  while (!text.empty()) {
    if (path.steps_.size() == steps_max) return std::nullopt;
    if (text.starts_with('.')) {
      text.remove_prefix(1);
      const auto name = text.substr(0, text.find_first_of(".["));
      if (name.empty()) return std::nullopt;
      if (name == "*")
        path.steps_.emplace_back(Every{});
      else
        path.steps_.emplace_back(std::string(name));
      text.remove_prefix(name.size());
      continue;
    }
    if (!text.starts_with('[')) return std::nullopt;
    text.remove_prefix(1);
    if (text.starts_with('\'') || text.starts_with('"')) {
      const auto end = text.find(text.front(), 1);
      if (end == std::string_view::npos || text.substr(end + 1, 1) != "]") return std::nullopt;
      path.steps_.emplace_back(std::string(text.substr(1, end - 1)));
      text.remove_prefix(end + 2);
      continue;
    }
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const auto inside = text.substr(0, end);
    std::size_t index = 0;
    if (inside == "*") {
      path.steps_.emplace_back(Every{});
    } else {
      const auto [last, problem] = std::from_chars(inside.data(), inside.data() + inside.size(), index);
      if (problem != std::errc() || last != inside.data() + inside.size()) return std::nullopt;
      path.steps_.emplace_back(index);
    }
    text.remove_prefix(end + 1);
  }
  return path;
}

void JsonPath::follow(const Value& from, std::size_t depth, List& found) const {
  if (depth == steps_.size()) {
    found.push_back(from);
    return;
  }
  const auto& step = steps_[depth];
  if (const auto* name = std::get_if<std::string>(&step)) {
    if (!from.is_map()) return;
    if (const auto* member = from.map().find(*name)) follow(*member, depth + 1, found);
  } else if (const auto* index = std::get_if<std::size_t>(&step)) {
    if (from.is_list() && *index < from.list().size()) follow(from.list()[*index], depth + 1, found);
  } else if (from.is_list()) {
    for (const auto& element : from.list()) follow(element, depth + 1, found);
  } else if (from.is_map()) {
    for (const auto& member : from.map()) follow(member.value, depth + 1, found);
  }
}

std::optional<Value> JsonPath::find(const Value& root) const {
  List found;
  follow(root, 0, found);
  for (const auto& step : steps_)
    if (std::holds_alternative<Every>(step)) return Value(std::move(found));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

}  // namespace moonbase::notifications
