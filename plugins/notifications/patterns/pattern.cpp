#include "patterns/pattern.hpp"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

#include "patterns/reader.hpp"

namespace moonbase::notifications {
namespace {

using Token = PatternReader::Token;
using Kind = Matcher::Kind;

constexpr double number_max = 5e9;

// What an object inside "$or" must not call a field: it would read as a match expression.
constexpr std::array<std::string_view, 9> match_types = {
    "exactly", "prefix", "suffix", "equals-ignore-case", "anything-but", "numeric", "exists", "wildcard", "cidr"};

// Builds a pattern from tokens. After the first refusal `reason_` is set and everything returns early.
class Compiler {
 public:
  explicit Compiler(std::string_view text) : reader_(text) {}

  Result<Pattern::Node> compile() {
    Pattern::Node root;
    if (reader_.next() != Token::object)
      refuse("Filter is not an object");
    else
      read_object(root, false);
    if (reason_.empty() && reader_.next() != Token::end) refuse_json();
    if (!reason_.empty()) return Error{"InvalidEventPatternException", std::move(reason_)};
    return root;
  }

 private:
  bool failed() const { return !reason_.empty(); }
  void refuse(std::string message) {
    if (failed()) return;
    if (reader_.token() == Token::broken) return refuse_json();
    reason_ = std::move(message) + reader_.place();
  }
  void refuse_json() {
    if (!failed()) reason_ = "Invalid JSON" + reader_.place();
  }

  void read_object(Pattern::Node& node, bool inside_or) {
    bool has_fields = false;
    while (!failed() && reader_.next() != Token::end_object) {
      if (reader_.token() != Token::field) return refuse_json();
      has_fields = true;
      const auto name = reader_.text();
      if (name == "$or") {
        read_choices(node.choices.emplace_back());
        continue;
      }
      if (inside_or)
        for (const auto reserved : match_types)
          if (name == reserved) return refuse(name + " is Ruler reserved fieldName which cannot be used inside $or.");
      read_field(field_named(node, name), inside_or);
    }
    if (!has_fields) refuse("Empty objects are not allowed");
  }

  static Pattern::Field& field_named(Pattern::Node& node, const std::string& name) {
    for (auto& field : node.fields)
      if (field.name == name) return field;
    return node.fields.emplace_back(Pattern::Field{name, {}, nullptr});
  }

  void read_field(Pattern::Field& field, bool inside_or) {
    switch (reader_.next()) {
      case Token::object:
        field.alternatives.clear();
        field.below = std::make_unique<Pattern::Node>();
        return read_object(*field.below, inside_or);
      case Token::array:
        field.below.reset();
        return read_alternatives(field.alternatives);
      default:
        return refuse("\"" + field.name + "\" must be an object or an array");
    }
  }

  void read_choices(std::vector<Pattern::Node>& choices) {
    if (reader_.next() != Token::array) return refuse("It must be an Array followed with $or.");
    while (!failed() && reader_.next() != Token::end_array) {
      if (reader_.token() != Token::object) return refuse("Only JSON object is allowed in array of $or relationship.");
      read_object(choices.emplace_back(), true);
    }
    if (choices.size() < 2) refuse("There must have at least 2 Objects in $or relationship.");
  }

  void read_alternatives(std::vector<Matcher>& alternatives) {
    alternatives.clear();
    while (!failed() && reader_.next() != Token::end_array) {
      switch (reader_.token()) {
        case Token::object:
          alternatives.push_back(read_expression());
          break;
        case Token::string:
          alternatives.push_back({.kind = Kind::exact, .value = reader_.text()});
          break;
        case Token::number:
        case Token::literal:
          alternatives.push_back({.kind = Kind::exact, .value = reader_.value()});
          break;
        default:
          return refuse("Match value must be String, number, true, false, or null");
      }
    }
    if (alternatives.empty()) refuse("Empty arrays are not allowed");
  }

  // The inside of {"prefix": "a"} and its like, to the brace that ends it.
  Matcher read_expression() {
    if (reader_.next() != Token::field) {
      refuse("Match expression name not found");
      return {};
    }
    const auto type = reader_.text();
    if (type == "numeric") return read_numeric();
    if (type == "anything-but") return read_anything_but();
    Matcher matcher;
    if (type == "exists") {
      reader_.next();
      if (reader_.token() != Token::literal || !reader_.value().is_boolean())
        refuse("exists match pattern must be either true or false.");
      else
        matcher.kind = reader_.value().boolean() ? Kind::present : Kind::absent;
    } else if (type == "prefix" || type == "suffix") {
      matcher = read_affix(type, type + " match pattern must be a string");
    } else if (type == "exactly" || type == "equals-ignore-case" || type == "wildcard" || type == "cidr") {
      const auto& shown = type == "exactly" ? "exact" : type == "cidr" ? "prefix" : type;
      if (reader_.next() != Token::string)
        refuse(std::string(shown) + " match pattern must be a string");
      else
        matcher = string_matcher(type);
    } else {
      refuse("Unrecognized match type " + type);
    }
    end_expression("Only one key allowed in match expression");
    return matcher;
  }

  void end_expression(const char* otherwise) {
    if (!failed() && reader_.next() != Token::end_object) refuse(otherwise);
  }

  // A prefix or suffix: a string, or {"equals-ignore-case": "a"}.
  Matcher read_affix(const std::string& type, const std::string& otherwise) {
    Matcher matcher{.kind = type == "prefix" ? Kind::prefix : Kind::suffix};
    if (reader_.next() == Token::object) {
      matcher.folds_case = true;
      if (reader_.next() != Token::field) refuse("Match expression name not found");
      if (reader_.text() != "equals-ignore-case") refuse("Unsupported " + type + " pattern: " + reader_.text());
      if (failed()) return matcher;
      if (reader_.next() != Token::string) refuse("equals-ignore-case match pattern must be a string");
      matcher.text = lower_case(reader_.text());
      end_expression("Only one key allowed in match expression");
    } else if (reader_.token() == Token::string) {
      matcher.text = reader_.text();
    } else {
      refuse(otherwise);
    }
    return matcher;
  }

  Matcher string_matcher(std::string_view type) {
    const auto& text = reader_.text();
    if (type == "equals-ignore-case") return {.kind = Kind::ignore_case, .text = lower_case(text)};
    if (type == "wildcard") {
      check_wildcard(text);
      return {.kind = Kind::wildcard, .text = text};
    }
    if (type == "cidr") return cidr(text);
    return {.kind = Kind::exact, .value = text};
  }

  void check_wildcard(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\\') {
        if (i + 1 == text.size() || (text[i + 1] != '*' && text[i + 1] != '\\'))
          return refuse("Invalid escape character at pos " + std::to_string(i + 1));
        ++i;
      } else if (text[i] == '*' && i + 1 < text.size() && text[i + 1] == '*') {
        // AWS counts from the quote that opens the string.
        return refuse("Consecutive wildcard characters at pos " + std::to_string(i + 1));
      }
    }
  }

  Matcher cidr(const std::string& text) {
    Matcher matcher{.kind = Kind::cidr};
    const auto slash = text.find('/');
    if (slash == std::string::npos) {
      refuse("Malformed CIDR, one '/' required");
      return matcher;
    }
    const auto address = text.substr(0, slash);
    int bits = -1;
    const auto [end, problem] = std::from_chars(text.data() + slash + 1, text.data() + text.size(), bits);
    if (problem != std::errc() || end != text.data() + text.size()) {
      refuse("Malformed CIDR, mask bits must be an integer");
      return matcher;
    }
    if (inet_pton(AF_INET, address.c_str(), matcher.address.data()) == 1)
      matcher.address_bytes = 4;
    else if (inet_pton(AF_INET6, address.c_str(), matcher.address.data()) == 1)
      matcher.address_bytes = 16;
    else
      refuse("Nonstandard IP address: " + address);
    if (bits < 0) refuse("Malformed CIDR, mask bits must not be negative");
    if (bits > matcher.address_bytes * 8) {
      refuse(matcher.address_bytes == 4 ? "IPv4 mask bits must be < 32" : "IPv6 mask bits must be < 128");
      return matcher;
    }
    matcher.bits = static_cast<std::uint8_t>(bits);
    return matcher;
  }

  Matcher read_anything_but() {
    constexpr auto wanted = "Value of anything-but must be an array or single string/number value.";
    Matcher matcher{.kind = Kind::anything_but};
    reader_.next();
    if (reader_.token() == Token::object) {
      if (reader_.next() != Token::field) {
        refuse("Anything-But expression name not found");
        return matcher;
      }
      read_but_expression(matcher, reader_.text());
      end_expression("Only one key allowed in match expression");
    } else if (reader_.token() == Token::array) {
      read_but_list(matcher);
    } else if (reader_.token() == Token::string) {
      matcher.but.push_back({.kind = Kind::exact, .value = reader_.text()});
    } else if (reader_.token() == Token::number) {
      matcher.but.push_back({.kind = Kind::exact, .value = number()});
    } else {
      refuse(wanted);
    }
    end_expression("Too many elements in numeric expression");
    return matcher;
  }

  void read_but_list(Matcher& matcher) {
    bool has_text = false, has_number = false;
    while (!failed() && reader_.next() != Token::end_array) {
      if (reader_.token() == Token::string) {
        has_text = true;
        matcher.but.push_back({.kind = Kind::exact, .value = reader_.text()});
      } else if (reader_.token() == Token::number) {
        has_number = true;
        matcher.but.push_back({.kind = Kind::exact, .value = number()});
      } else {
        return refuse("Inside anything but list, start|null|boolean is not supported.");
      }
    }
    if (has_text == has_number)
      refuse("Inside anything but list, either all values are number or string, mixed type is not supported");
  }

  // {"prefix": "a"} or {"prefix": ["a", "b"]}, and so with the other types.
  void read_but_expression(Matcher& matcher, const std::string type) {
    const bool is_affix = type == "prefix" || type == "suffix";
    if (!is_affix && type != "equals-ignore-case" && type != "wildcard")
      return refuse("Unsupported anything-but pattern: " + type);
    const auto refuse_kind = [&] {
      refuse(is_affix ? "prefix/suffix match pattern must be a string"
                      : "Inside anything-but/" + type + " list, number|start|null|boolean is not supported.");
    };
    const auto add = [&] {
      const auto& text = reader_.text();
      if (is_affix && text.empty()) return refuse("Null prefix/suffix not allowed");
      if (is_affix)
        matcher.but.push_back({.kind = type == "prefix" ? Kind::prefix : Kind::suffix, .text = text});
      else
        matcher.but.push_back(string_matcher(type));
    };
    if (reader_.next() == Token::string) return add();
    if (reader_.token() != Token::array) return refuse_kind();
    while (!failed() && reader_.next() != Token::end_array) {
      if (reader_.token() != Token::string) return refuse_kind();
      add();
    }
    if (matcher.but.empty()) refuse("Empty arrays are not allowed");
  }

  Value number() {
    if (const double number = reader_.value().number(); number < -number_max || number > number_max)
      refuse("Value must be between -5.0E9 and 5.0E9, inclusive");
    return reader_.value();
  }

  // The number after an operator.
  double operand(const std::string& shown) {
    if (reader_.next() != Token::number) {
      refuse("Value of " + shown + " must be numeric");
      return 0;
    }
    return number().number();
  }

  void end_numeric(const char* otherwise) {
    if (!failed() && reader_.next() != Token::end_array) refuse(otherwise);
  }

  Matcher read_numeric() {
    constexpr auto too_many = "Too many elements in numeric expression";
    Matcher range{.kind = Kind::range};
    if (reader_.next() != Token::array) {
      refuse("Value of numeric must be an array.");
      return range;
    }
    if (reader_.next() != Token::string) {
      refuse("Invalid member in numeric match: " + shown_token());
      return range;
    }
    const auto type = reader_.text();
    if (type == "=") {
      range.least = range.most = operand("equals");
      range.has_least = range.has_most = true;
      end_numeric(too_many);
    } else if (type == "<" || type == "<=") {
      range.most = operand(type);
      range.has_most = true;
      range.open_most = type == "<";
      end_numeric(too_many);
    } else if (type == ">" || type == ">=") {
      range.least = operand(type);
      range.has_least = true;
      range.open_least = type == ">";
      if (!failed() && reader_.next() != Token::end_array) read_upper_bound(range);
    } else {
      refuse("Unrecognized numeric range operator: " + type);
    }
    end_expression(too_many);
    return range;
  }

  void read_upper_bound(Matcher& range) {
    if (reader_.token() != Token::string) return refuse("Bad value in numeric range: " + shown_token());
    const auto type = reader_.text();
    if (type != "<" && type != "<=") return refuse("Bad numeric range operator: " + type);
    range.most = operand(type);
    range.has_most = true;
    range.open_most = type == "<";
    end_numeric("Too many terms in numeric range expression");
    if (!failed() && range.least >= range.most) refuse("Bottom must be less than top");
  }

  std::string shown_token() const {
    switch (reader_.token()) {
      case Token::object:
        return "{";
      case Token::array:
        return "[";
      case Token::end_array:
        return "]";
      default:
        return reader_.text();
    }
  }

  PatternReader reader_;
  std::string reason_;
};

}  // namespace

Result<Pattern> Pattern::parse(std::string_view text) {
  auto root = Compiler(text).compile();
  if (!root) return root.error();
  Pattern pattern;
  pattern.root_ = std::move(*root);
  return pattern;
}

Error invalid_event_pattern(std::string_view reason) {
  return {"InvalidEventPatternException", "Event pattern is not valid. Reason: " + std::string(reason)};
}

}  // namespace moonbase::notifications
