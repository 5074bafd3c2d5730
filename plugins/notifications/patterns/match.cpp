// Whether an event is what a pattern describes.
#include <arpa/inet.h>

#include <algorithm>

#include "patterns/pattern.hpp"

namespace moonbase::notifications {
namespace {

using Kind = Matcher::Kind;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool equal_to_lower(std::string_view text, std::string_view lower_text) {
  return text.size() == lower_text.size() &&
         std::equal(text.begin(), text.end(), lower_text.begin(), [](char a, char b) { return lower(a) == b; });
}

bool is_numeric(const Value& value) { return value.is_number() || value.is_integer(); }

bool same(const Value& wanted, const Value& value) {
  if (wanted.is_integer() && value.is_integer()) return wanted.integer() == value.integer();
  if (is_numeric(wanted) && is_numeric(value)) return wanted.number() == value.number();
  return wanted.kind() == value.kind() && wanted == value;
}

bool in_range(const Matcher& range, double number) {
  if (range.has_least && (range.open_least ? number <= range.least : number < range.least)) return false;
  return !range.has_most || (range.open_most ? number < range.most : number <= range.most);
}

bool in_network(const Matcher& network, const std::string& text) {
  std::array<std::uint8_t, 16> address = {};
  const int family = network.address_bytes == 4 ? AF_INET : AF_INET6;
  if (inet_pton(family, text.c_str(), address.data()) != 1) return false;
  const std::size_t whole = network.bits / 8, rest = network.bits % 8;
  if (!std::equal(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(whole), network.address.begin()))
    return false;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
  return (address[whole] & mask) == (network.address[whole] & mask);
}

bool holds_text(const Matcher& matcher, const std::string& text) {
  const auto& wanted = matcher.text;
  switch (matcher.kind) {
    case Kind::ignore_case:
      return equal_to_lower(text, wanted);
    case Kind::prefix: {
      const auto begin = std::string_view(text).substr(0, wanted.size());
      return matcher.folds_case ? equal_to_lower(begin, wanted) : begin == wanted;
    }
    case Kind::suffix: {
      if (text.size() < wanted.size()) return false;
      const auto end = std::string_view(text).substr(text.size() - wanted.size());
      return matcher.folds_case ? equal_to_lower(end, wanted) : end == wanted;
    }
    case Kind::wildcard:
      return matches_wildcard(wanted, text);
    case Kind::cidr:
      return in_network(matcher, text);
    default:
      return false;
  }
}

// Whether any element holds the field, as a value or an array of values.
bool has_leaf(const Value& value);
bool has_field(const Value& value, const std::string& name) {
  if (value.is_list())
    return std::any_of(value.list().begin(), value.list().end(),
                       [&](const auto& element) { return has_field(element, name); });
  const Value* found = value.is_map() ? value.map().find(name) : nullptr;
  return found && has_leaf(*found);
}
bool has_leaf(const Value& value) {
  if (value.is_list()) return std::any_of(value.list().begin(), value.list().end(), has_leaf);
  return !value.is_map();
}

// `siblings` is the array that `value` is an element of, or null: a field is absent only where no element has it.
bool holds(const Pattern::Node& node, const Value& value, const Value* siblings);

bool holds_leaf(const std::vector<Matcher>& alternatives, const Value& value) {
  if (value.is_list())
    return std::any_of(value.list().begin(), value.list().end(),
                       [&](const auto& element) { return holds_leaf(alternatives, element); });
  if (value.is_map()) return false;
  return std::any_of(alternatives.begin(), alternatives.end(),
                     [&](const auto& matcher) { return matches(matcher, value); });
}

bool holds_field(const Pattern::Field& field, const Value& value, const Value* siblings) {
  const Value* found = value.is_map() ? value.map().find(field.name) : nullptr;
  static const Value nothing{Map{}};
  if (field.below) return holds(*field.below, found ? *found : nothing, nullptr);
  if (found && holds_leaf(field.alternatives, *found)) return true;
  const auto& all = siblings ? *siblings : value;
  return std::any_of(field.alternatives.begin(), field.alternatives.end(),
                     [](const auto& matcher) { return matcher.kind == Kind::absent; }) &&
         !has_field(all, field.name);
}

bool holds(const Pattern::Node& node, const Value& value, const Value* siblings) {
  if (value.is_list() && !value.list().empty())
    return std::any_of(value.list().begin(), value.list().end(),
                       [&](const auto& element) { return holds(node, element, siblings ? siblings : &value); });
  return std::all_of(node.fields.begin(), node.fields.end(),
                     [&](const auto& field) { return holds_field(field, value, siblings); }) &&
         std::all_of(node.choices.begin(), node.choices.end(), [&](const auto& choices) {
           return std::any_of(choices.begin(), choices.end(),
                              [&](const auto& choice) { return holds(choice, value, siblings); });
         });
}

}  // namespace

bool matches(const Matcher& matcher, const Value& value) {
  switch (matcher.kind) {
    case Kind::exact:
      return same(matcher.value, value);
    case Kind::range:
      return is_numeric(value) && in_range(matcher, value.number());
    case Kind::present:
      return true;
    case Kind::absent:
      return false;
    case Kind::anything_but:
      return std::none_of(matcher.but.begin(), matcher.but.end(),
                          [&](const auto& each) { return matches(each, value); });
    default:
      return value.is_string() && holds_text(matcher, value.string());
  }
}

bool matches_wildcard(std::string_view wildcard, std::string_view text) {
  // The last star seen and how far it reached: only that one ever needs to take more.
  std::size_t w = 0, t = 0, star = std::string_view::npos, reached = 0;
  while (t < text.size()) {
    if (w < wildcard.size() && wildcard[w] == '*') {
      star = w++;
      reached = t;
      continue;
    }
    const bool escaped = w + 1 < wildcard.size() && wildcard[w] == '\\';
    if (w < wildcard.size() && wildcard[w + (escaped ? 1 : 0)] == text[t]) {
      w += escaped ? 2 : 1;
      ++t;
    } else if (star != std::string_view::npos) {
      w = star + 1;
      t = ++reached;
    } else {
      return false;
    }
  }
  while (w < wildcard.size() && wildcard[w] == '*') ++w;
  return w == wildcard.size();
}

std::string lower_case(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), lower);
  return result;
}

bool Pattern::matches(const Value& event) const { return holds(root_, event, nullptr); }

}  // namespace moonbase::notifications
