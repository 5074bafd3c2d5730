#include "lambda/filter.hpp"

#include <algorithm>
#include <moonbase/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace moonbase::functions {
namespace {

Error bad_pattern() {
  return {"InvalidParameterValueException", "Invalid filter pattern definition.", {{"Type", "User"}}, 400};
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool is_scalar(const Value& value) { return !value.is_list() && !value.is_map(); }
bool is_numeric(const Value& value) { return value.is_integer() || value.is_number(); }

bool same(const Value& a, const Value& b) {
  if (is_numeric(a) && is_numeric(b)) return a.number() == b.number();
  return a == b;
}

// One alternative of a field's list.
struct Matcher {
  enum class Kind { equals, prefix, suffix, ignore_case, anything_but, numeric, exists };
  struct Bound {
    std::string comparison;
    double number;
  };
  Kind kind = Kind::equals;
  Value value;                    // equals
  std::string text;               // prefix, suffix, ignore_case
  std::vector<Matcher> excluded;  // anything_but
  std::vector<Bound> bounds;      // numeric
  bool wanted = true;             // exists

  bool matches(const Value& found) const;
};

bool Matcher::matches(const Value& found) const {
  switch (kind) {
    case Kind::equals:
      return same(value, found);
    case Kind::prefix:
      return found.is_string() && found.string().starts_with(text);
    case Kind::suffix:
      return found.is_string() && found.string().ends_with(text);
    case Kind::ignore_case:
      return found.is_string() && lower(found.string()) == text;
    case Kind::anything_but:
      return std::none_of(excluded.begin(), excluded.end(), [&](const Matcher& one) { return one.matches(found); });
    case Kind::numeric:
      return is_numeric(found) && std::all_of(bounds.begin(), bounds.end(), [&](const Bound& bound) {
               const double number = found.number();
               if (bound.comparison == "=") return number == bound.number;
               if (bound.comparison == "<") return number < bound.number;
               if (bound.comparison == "<=") return number <= bound.number;
               if (bound.comparison == ">") return number > bound.number;
               return number >= bound.number;
             });
    case Kind::exists:
      return wanted;
  }
  return false;
}

Result<Matcher> parse_text(Matcher::Kind kind, const Value& value) {
  if (!value.is_string()) return bad_pattern();
  Matcher matcher;
  matcher.kind = kind;
  matcher.text = kind == Matcher::Kind::ignore_case ? lower(value.string()) : value.string();
  return matcher;
}

Result<Matcher> parse_numeric(const Value& value) {
  if (!value.is_list() || value.list().empty() || value.list().size() % 2 != 0 || value.list().size() > 4)
    return bad_pattern();
  Matcher matcher;
  matcher.kind = Matcher::Kind::numeric;
  for (std::size_t i = 0; i < value.list().size(); i += 2) {
    const auto& comparison = value[i];
    if (!comparison.is_string() || !is_numeric(value[i + 1])) return bad_pattern();
    const auto& text = comparison.string();
    if (text != "=" && text != "<" && text != "<=" && text != ">" && text != ">=") return bad_pattern();
    matcher.bounds.push_back({text, value[i + 1].number()});
  }
  return matcher;
}

Result<Matcher> parse_matcher(const Value& value, bool nested);

Result<Matcher> parse_anything_but(const Value& value) {
  Matcher matcher;
  matcher.kind = Matcher::Kind::anything_but;
  const auto add = [&](const Value& one) -> Result<Done> {
    auto parsed = parse_matcher(one, true);
    if (!parsed) return parsed.error();
    matcher.excluded.push_back(std::move(*parsed));
    return done;
  };
  if (!value.is_list()) {
    if (auto added = add(value); !added) return added.error();
    return matcher;
  }
  if (value.list().empty()) return bad_pattern();
  for (const auto& one : value.list()) {
    if (!is_scalar(one)) return bad_pattern();
    if (auto added = add(one); !added) return added.error();
  }
  return matcher;
}

Result<Matcher> parse_matcher(const Value& value, bool nested) {
  Matcher matcher;
  if (is_scalar(value)) {
    matcher.value = value;
    return matcher;
  }
  if (!value.is_map() || value.map().size() != 1) return bad_pattern();
  const auto& [name, operand] = *value.map().begin();
  if (name == "prefix") return parse_text(Matcher::Kind::prefix, operand);
  if (name == "suffix") return parse_text(Matcher::Kind::suffix, operand);
  if (name == "equals-ignore-case") return parse_text(Matcher::Kind::ignore_case, operand);
  if (nested) return bad_pattern();
  if (name == "anything-but") return parse_anything_but(operand);
  if (name == "numeric") return parse_numeric(operand);
  if (name != "exists" || !operand.is_boolean()) return bad_pattern();
  matcher.kind = Matcher::Kind::exists;
  matcher.wanted = operand.boolean();
  return matcher;
}

}  // namespace

// Either fields, all of which must match, or alternatives, one of which must.
struct FilterPattern::Node {
  std::vector<std::string> names;  // Of the fields, each with its
  std::vector<Node> children;
  std::vector<std::vector<Node>> ors;
  std::vector<Matcher> alternatives;
  bool is_leaf = false;

  static Result<Node> parse(const Value& value, std::size_t depth);
  bool matches(const Value* found) const;
};

Result<FilterPattern::Node> FilterPattern::Node::parse(const Value& value, std::size_t depth) {
  if (depth > filter_depth_max) return bad_pattern();
  Node node;
  if (value.is_list()) {
    if (value.list().empty()) return bad_pattern();
    node.is_leaf = true;
    for (const auto& one : value.list()) {
      auto matcher = parse_matcher(one, false);
      if (!matcher) return matcher.error();
      node.alternatives.push_back(std::move(*matcher));
    }
    return node;
  }
  if (!value.is_map() || value.map().empty()) return bad_pattern();
  for (const auto& [name, member] : value.map()) {
    if (name != "$or") {
      auto child = parse(member, depth + 1);
      if (!child) return child.error();
      node.names.push_back(name);
      node.children.push_back(std::move(*child));
      continue;
    }
    if (!member.is_list() || member.list().empty()) return bad_pattern();
    std::vector<Node> patterns;
    for (const auto& one : member.list()) {
      if (!one.is_map()) return bad_pattern();
      auto child = parse(one, depth + 1);
      if (!child) return child.error();
      patterns.push_back(std::move(*child));
    }
    node.ors.push_back(std::move(patterns));
  }
  return node;
}

bool FilterPattern::Node::matches(const Value* found) const {
  if (is_leaf) {
    return std::any_of(alternatives.begin(), alternatives.end(), [&](const Matcher& matcher) {
      if (matcher.kind == Matcher::Kind::exists) return matcher.wanted == (found != nullptr && is_scalar(*found));
      if (!found) return false;
      if (!found->is_list()) return is_scalar(*found) && matcher.matches(*found);
      return std::any_of(found->list().begin(), found->list().end(),
                         [&](const Value& one) { return is_scalar(one) && matcher.matches(one); });
    });
  }
  // A list matches where one of its elements does.
  if (found && found->is_list())
    return std::any_of(found->list().begin(), found->list().end(),
                       [&](const Value& one) { return one.is_map() && matches(&one); });
  const Map* members = found && found->is_map() ? &found->map() : nullptr;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (!children[i].matches(members ? members->find(names[i]) : nullptr)) return false;
  for (const auto& patterns : ors)
    if (std::none_of(patterns.begin(), patterns.end(), [&](const Node& one) { return one.matches(found); }))
      return false;
  return true;
}

Result<FilterPattern> FilterPattern::parse(std::string_view text) {
  if (text.empty() || text.size() > filter_bytes_max) return bad_pattern();
  const auto value = parse_json(text, {2 * filter_depth_max, filter_bytes_max});
  if (!value || !value->is_map()) return bad_pattern();
  FilterPattern pattern;
  if (value->map().empty()) {  // {} lets everything through.
    pattern.root_ = std::make_shared<Node>();
    return pattern;
  }
  auto root = Node::parse(*value, 0);
  if (!root) return root.error();
  pattern.root_ = std::make_shared<Node>(std::move(*root));
  return pattern;
}

bool FilterPattern::matches(const Value& event) const { return root_->matches(&event); }

}  // namespace moonbase::functions
