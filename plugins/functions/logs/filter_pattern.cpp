#include "logs/filter_pattern.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <moonbase/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace moonbase::functions {
namespace {

Error bad_pattern() { return {"InvalidParameterException", "Invalid filter pattern", {}, 400}; }

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::optional<double> number_in(std::string_view text) {
  if (text.empty() || text.size() > 64) return std::nullopt;
  if (text.front() == '+') text.remove_prefix(1);
  double number = 0;
  const auto end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return number;
}

// "4*": `*` stands for any text. Linear in the product of the lengths at worst, without recursion.
bool like(std::string_view text, std::string_view pattern) {
  std::size_t at = 0, in_pattern = 0, star = pattern.npos, behind_star = 0;
  while (at < text.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      star = in_pattern++;
      behind_star = at;
    } else if (in_pattern < pattern.size() && pattern[in_pattern] == text[at]) {
      ++at;
      ++in_pattern;
    } else if (star != pattern.npos) {
      in_pattern = star + 1;
      at = ++behind_star;
    } else {
      return false;
    }
  }
  while (in_pattern < pattern.size() && pattern[in_pattern] == '*') ++in_pattern;
  return in_pattern == pattern.size();
}

enum class Comparison {
  equal,
  unequal,
  less,
  less_equal,
  more,
  more_equal,
  is_null,
  is_true,
  is_false,
  not_exists,
  exists
};

constexpr std::int64_t expression_bytes_max = 1 << 20;  // Of a compiled one.

struct Operand {
  std::string text;
  std::optional<double> number;
  std::shared_ptr<const RE2> expression;  // Found anywhere in what it is compared with.

  bool is_in(std::string_view found) const {
    return RE2::PartialMatch(re2::StringPiece(found.data(), found.size()), *expression);
  }
};

bool compare(double found, Comparison comparison, double wanted) {
  switch (comparison) {
    case Comparison::equal:
      return found == wanted;
    case Comparison::unequal:
      return found != wanted;
    case Comparison::less:
      return found < wanted;
    case Comparison::less_equal:
      return found <= wanted;
    case Comparison::more:
      return found > wanted;
    case Comparison::more_equal:
      return found >= wanted;
    default:
      return false;
  }
}

// What a pattern is read from.
struct Reader {
  std::string_view rest;

  void skip() {
    while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
  }
  bool take(std::string_view token) {
    skip();
    if (!rest.starts_with(token)) return false;
    rest.remove_prefix(token.size());
    return true;
  }
  // A word of letters, as IS and NULL.
  bool take_word(std::string_view word) {
    skip();
    if (!rest.starts_with(word)) return false;
    if (rest.size() > word.size() && !is_space(rest[word.size()]) && rest[word.size()] != ')' &&
        rest[word.size()] != '}')
      return false;
    rest.remove_prefix(word.size());
    return true;
  }
  std::optional<std::string> quoted() {
    if (!take("\"")) return std::nullopt;
    std::string text;
    while (!rest.empty() && rest.front() != '"') {
      if (rest.front() == '\\' && rest.size() > 1) rest.remove_prefix(1);
      text.push_back(rest.front());
      rest.remove_prefix(1);
    }
    if (rest.empty()) return std::nullopt;
    rest.remove_prefix(1);
    return text;
  }
  std::string until(std::string_view ends) {
    skip();
    std::size_t length = 0;
    while (length < rest.size() && !is_space(rest[length]) && ends.find(rest[length]) == ends.npos) ++length;
    std::string text(rest.substr(0, length));
    rest.remove_prefix(length);
    return text;
  }
  std::optional<Comparison> comparison() {
    if (take("!=")) return Comparison::unequal;
    if (take("<=")) return Comparison::less_equal;
    if (take(">=")) return Comparison::more_equal;
    if (take("=")) return Comparison::equal;
    if (take("<")) return Comparison::less;
    if (take(">")) return Comparison::more;
    return std::nullopt;
  }
  Result<Operand> operand(std::string_view ends) {
    skip();
    if (rest.starts_with('%')) return expression();
    if (rest.starts_with('"')) {
      auto text = quoted();
      if (!text) return bad_pattern();
      return Operand{std::move(*text), std::nullopt, nullptr};
    }
    auto text = until(ends);
    if (text.empty()) return bad_pattern();
    const auto number = number_in(text);
    return Operand{std::move(text), number, nullptr};
  }
  // %…%: what AWS offers there is part of what RE2 has.
  Result<Operand> expression() {
    const auto end = rest.find('%', 1);
    if (end == rest.npos || end == 1) return bad_pattern();
    const auto text = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    RE2::Options options(RE2::Quiet);
    options.set_max_mem(expression_bytes_max);
    auto compiled = std::make_shared<const RE2>(re2::StringPiece(text.data(), text.size()), options);
    if (!compiled->ok()) return bad_pattern();
    return Operand{std::string(text), std::nullopt, std::move(compiled)};
  }
};

bool text_holds(std::string_view found, Comparison comparison, const Operand& operand) {
  if (operand.expression) return operand.is_in(found) == (comparison == Comparison::equal);
  if (operand.number) {
    const auto number = number_in(found);
    return number && compare(*number, comparison, *operand.number);
  }
  if (comparison == Comparison::equal) return like(found, operand.text);
  return comparison == Comparison::unequal && !like(found, operand.text);
}

// --- $.a.b[0] ------------------------------------------------------------------------------------

struct Step {
  std::string member;       // Or an index:
  std::int64_t index = -1;  // -2: any.
};

Result<std::vector<Step>> parse_selector(Reader& reader) {
  if (!reader.take("$")) return bad_pattern();
  std::vector<Step> steps;
  auto& rest = reader.rest;
  while (!rest.empty() && (rest.front() == '.' || rest.front() == '[')) {
    if (steps.size() == 32) return bad_pattern();
    if (rest.starts_with(".[")) rest.remove_prefix(1);  // $.['a.b']
    const bool member = rest.front() == '.';
    rest.remove_prefix(1);
    if (member) {
      std::size_t length = 0;
      while (length < rest.size() && !is_space(rest[length]) &&
             std::string_view(".[]=!<>(){}&|\"").find(rest[length]) == std::string_view::npos)
        ++length;
      if (length == 0) return bad_pattern();
      steps.push_back({std::string(rest.substr(0, length))});
      rest.remove_prefix(length);
      continue;
    }
    const auto end = rest.find(']');
    if (end == rest.npos || end > 64) return bad_pattern();
    auto inside = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    Step step;
    if (inside == "*") {
      step.index = -2;
    } else if (inside.size() > 2 && (inside.front() == '"' || inside.front() == '\'') &&
               inside.back() == inside.front()) {
      step.member = inside.substr(1, inside.size() - 2);
    } else {
      const auto read = std::from_chars(inside.data(), inside.data() + inside.size(), step.index);
      if (read.ec != std::errc() || read.ptr != inside.data() + inside.size() || step.index < 0) return bad_pattern();
    }
    steps.push_back(std::move(step));
  }
  if (steps.empty()) return bad_pattern();
  return steps;
}

// Visits what the selector leads to; true as soon as one visit is.
template <class Visit>
bool visit(const Value& value, const std::vector<Step>& steps, std::size_t at, const Visit& each) {
  if (at == steps.size()) return each(value);
  const auto& step = steps[at];
  if (step.index == -1) {
    const auto* member = value.is_map() ? value.map().find(step.member) : nullptr;
    return member && visit(*member, steps, at + 1, each);
  }
  if (!value.is_list()) return false;
  if (step.index >= 0)
    return static_cast<std::size_t>(step.index) < value.list().size() &&
           visit(value[static_cast<std::size_t>(step.index)], steps, at + 1, each);
  return std::any_of(value.list().begin(), value.list().end(),
                     [&](const Value& one) { return visit(one, steps, at + 1, each); });
}

}  // namespace

// Terms of an unstructured pattern.
struct LogPattern::Words {
  std::vector<Operand> wanted, any, unwanted;

  bool match(std::string_view message) const {
    const auto has = [&](const Operand& word) {
      return word.expression ? word.is_in(message) : message.find(word.text) != message.npos;
    };
    if (std::any_of(unwanted.begin(), unwanted.end(), has)) return false;
    if (!std::all_of(wanted.begin(), wanted.end(), has)) return false;
    // Beside other terms, "?" has no effect.
    return any.empty() || !wanted.empty() || std::any_of(any.begin(), any.end(), has);
  }
};

// A tree of && and ||; a leaf compares.
struct LogPattern::Condition {
  enum class Kind { all, any, leaf };
  Kind kind = Kind::leaf;
  std::vector<Condition> parts;
  std::vector<Step> selector;  // Of a leaf in JSON, and as it was written:
  std::string selector_text;
  std::string column;  // Of a leaf in columns.
  Comparison comparison = Comparison::equal;
  Operand operand;

  bool holds(const Value& value) const {
    const auto part = [&](const Condition& one) { return one.holds(value); };
    if (kind == Kind::all) return std::all_of(parts.begin(), parts.end(), part);
    if (kind == Kind::any) return std::any_of(parts.begin(), parts.end(), part);
    if (comparison == Comparison::not_exists || comparison == Comparison::exists)
      return visit(value, selector, 0, [](const Value&) { return true; }) == (comparison == Comparison::exists);
    return visit(value, selector, 0, [&](const Value& found) { return leaf_holds(found); });
  }
  bool leaf_holds(const Value& found) const {
    if (comparison == Comparison::is_null) return found.is_null();
    if (comparison == Comparison::is_true) return found.is_boolean() && found.boolean();
    if (comparison == Comparison::is_false) return found.is_boolean() && !found.boolean();
    if (found.is_integer() || found.is_number()) {
      if (operand.number) return compare(found.number(), comparison, *operand.number);
      return text_holds(to_json(found), comparison, operand);
    }
    return found.is_string() && text_holds(found.string(), comparison, operand);
  }
  bool holds(std::string_view text) const {
    const auto part = [&](const Condition& one) { return one.holds(text); };
    if (kind == Kind::all) return std::all_of(parts.begin(), parts.end(), part);
    if (kind == Kind::any) return std::any_of(parts.begin(), parts.end(), part);
    return text_holds(text, comparison, operand);
  }

  // What its leaves lead to in `value`.
  void add_values(const Value& value, Map& values) const {
    for (const auto& one : parts) one.add_values(value, values);
    if (kind != Kind::leaf) return;
    visit(value, selector, 0, [&](const Value& found) {
      values.set(selector_text, found.is_string() ? found.string() : to_json(found));
      return true;
    });
  }

  // `column`: not null where the leaves are `name = value` of one column.
  static Result<Condition> parse(Reader& reader, int depth, const std::string* column);
  static Result<Condition> parse_leaf(Reader& reader, const std::string* column);
};

Result<LogPattern::Condition> LogPattern::Condition::parse_leaf(Reader& reader, const std::string* column) {
  Condition leaf;
  if (column) {
    leaf.column = reader.until("=!<>,]&|()");
    if (leaf.column != *column) return bad_pattern();
  } else {
    reader.skip();
    const auto begin = reader.rest;
    auto selector = parse_selector(reader);
    if (!selector) return selector.error();
    leaf.selector = std::move(*selector);
    leaf.selector_text = begin.substr(0, begin.size() - reader.rest.size());
    if (reader.take_word("NOT")) {
      leaf.comparison = Comparison::not_exists;
      if (!reader.take_word("EXISTS")) return bad_pattern();
      return leaf;
    }
    if (reader.take_word("EXISTS")) {
      leaf.comparison = Comparison::exists;
      return leaf;
    }
    if (reader.take_word("IS")) {
      if (reader.take_word("NULL"))
        leaf.comparison = Comparison::is_null;
      else if (reader.take_word("TRUE"))
        leaf.comparison = Comparison::is_true;
      else if (reader.take_word("FALSE"))
        leaf.comparison = Comparison::is_false;
      else
        return bad_pattern();
      return leaf;
    }
  }
  const auto comparison = reader.comparison();
  if (!comparison) return bad_pattern();
  auto operand = reader.operand(column ? ",]&|()" : ")}&|");
  if (!operand) return operand.error();
  leaf.comparison = *comparison;
  leaf.operand = std::move(*operand);
  const bool ordered = *comparison != Comparison::equal && *comparison != Comparison::unequal;
  if (ordered && !leaf.operand.number) return bad_pattern();
  return leaf;
}

Result<LogPattern::Condition> LogPattern::Condition::parse(Reader& reader, int depth, const std::string* column) {
  if (depth > log_pattern_depth_max) return bad_pattern();
  Condition any;
  any.kind = Kind::any;
  do {
    Condition all;
    all.kind = Kind::all;
    do {
      auto part = Result<Condition>(Condition{});
      if (reader.take("(")) {
        part = parse(reader, depth + 1, column);
        if (part && !reader.take(")")) return bad_pattern();
      } else {
        part = parse_leaf(reader, column);
      }
      if (!part) return part.error();
      all.parts.push_back(std::move(*part));
    } while (reader.take("&&"));
    any.parts.push_back(std::move(all));
  } while (reader.take("||"));
  return any;
}

struct LogPattern::Json {
  Condition condition;
};

// [a, b = 1, ..., c]
struct LogPattern::Columns {
  struct Column {
    bool rest = false;  // "..."
    std::string name;
    std::optional<Condition> condition;
  };
  std::vector<Column> columns;

  static std::vector<std::string_view> split(std::string_view message);
  // Calls `each` with every column but "..." and its field, as long as it is true. False also where the message
  // has not as many fields as there are columns.
  template <class Each>
  bool visit_fields(const std::vector<std::string_view>& fields, Each each) const;
  bool match(std::string_view message) const;
};

std::vector<std::string_view> LogPattern::Columns::split(std::string_view message) {
  std::vector<std::string_view> fields;
  while (fields.size() < 1024) {
    while (!message.empty() && is_space(message.front())) message.remove_prefix(1);
    if (message.empty()) break;
    const char close = message.front() == '"' ? '"' : message.front() == '[' ? ']' : '\0';
    const auto end = close ? message.find(close, 1) : message.npos;
    if (end != message.npos) {
      fields.push_back(message.substr(1, end - 1));
      message.remove_prefix(end + 1);
      continue;
    }
    std::size_t length = 0;
    while (length < message.size() && !is_space(message[length])) ++length;
    fields.push_back(message.substr(0, length));
    message.remove_prefix(length);
  }
  return fields;
}

template <class Each>
bool LogPattern::Columns::visit_fields(const std::vector<std::string_view>& fields, Each each) const {
  const auto rest = std::find_if(columns.begin(), columns.end(), [](const Column& one) { return one.rest; });
  const auto named = columns.size() - (rest == columns.end() ? 0 : 1);
  if (rest == columns.end() ? fields.size() != named : fields.size() < named) return false;
  std::size_t at = 0;
  for (auto column = columns.begin(); column != rest; ++column)
    if (!each(*column, at++)) return false;
  if (rest == columns.end()) return true;
  at = fields.size() - static_cast<std::size_t>(columns.end() - rest - 1);
  for (auto column = rest + 1; column != columns.end(); ++column)
    if (!each(*column, at++)) return false;
  return true;
}

bool LogPattern::Columns::match(std::string_view message) const {
  const auto fields = split(message);
  return visit_fields(fields, [&](const Column& column, std::size_t at) {
    return !column.condition || column.condition->holds(fields[at]);
  });
}

Result<LogPattern> LogPattern::parse(std::string_view text) {
  if (text.size() > log_pattern_bytes_max) return bad_pattern();
  LogPattern pattern;
  Reader reader{text};
  reader.skip();
  if (reader.take("{")) {
    auto condition = Condition::parse(reader, 0, nullptr);
    if (!condition) return condition.error();
    if (!reader.take("}")) return bad_pattern();
    reader.skip();
    if (!reader.rest.empty()) return bad_pattern();
    pattern.json_ = std::make_shared<Json>(Json{std::move(*condition)});
    return pattern;
  }
  if (reader.take("[")) {
    auto columns = std::make_shared<Columns>();
    bool has_rest = false;
    do {
      Columns::Column column;
      if (reader.take("...")) {
        if (has_rest) return bad_pattern();
        column.rest = has_rest = true;
      } else {
        Reader ahead = reader;
        while (ahead.take("(")) {
        }
        const auto name = ahead.until("=!<>,]&|()");
        if (name.empty()) return bad_pattern();
        column.name = name;
        ahead.skip();
        if (ahead.rest.starts_with(',') || ahead.rest.starts_with(']')) {
          reader = ahead;
        } else {
          auto condition = Condition::parse(reader, 0, &name);
          if (!condition) return condition.error();
          column.condition = std::move(*condition);
        }
      }
      columns->columns.push_back(std::move(column));
    } while (reader.take(","));
    if (!reader.take("]")) return bad_pattern();
    reader.skip();
    if (!reader.rest.empty()) return bad_pattern();
    pattern.columns_ = std::move(columns);
    return pattern;
  }
  auto words = std::make_shared<Words>();
  for (reader.skip(); !reader.rest.empty(); reader.skip()) {
    auto* list = &words->wanted;
    if (reader.rest.front() == '?') list = &words->any;
    if (reader.rest.front() == '-') list = &words->unwanted;
    if (list != &words->wanted) reader.rest.remove_prefix(1);
    auto word = reader.operand("");
    if (!word) return word.error();
    list->push_back(std::move(*word));
  }
  pattern.words_ = std::move(words);
  return pattern;
}

bool LogPattern::matches(std::string_view message) const {
  if (words_) return words_->match(message);
  if (columns_) return columns_->match(message);
  const auto value = parse_json(message);
  return value && value->is_map() && json_->condition.holds(*value);
}

Map LogPattern::values(std::string_view message) const {
  Map values;
  if (json_) {
    if (const auto value = parse_json(message)) json_->condition.add_values(*value, values);
  } else if (columns_) {
    const auto fields = Columns::split(message);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < fields.size(); ++i) names.push_back("$" + std::to_string(i + 1));
    columns_->visit_fields(fields, [&](const Columns::Column& column, std::size_t at) {
      names[at] = "$" + column.name;
      return true;
    });
    for (std::size_t i = 0; i < fields.size(); ++i) values.set(names[i], fields[i]);
  }
  return values;
}

}  // namespace moonbase::functions
