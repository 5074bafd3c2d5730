#include <cmath>
#include <wire/codec.hpp>

namespace moonbase::wire {
namespace {

using model::Constraints;
using model::Kind;
using model::Member;
using model::Shape;
using model::Validation;

constexpr std::size_t violations_max = 100;
constexpr std::size_t quoted_bytes_max = 4096;
constexpr std::size_t depth_max = 200;

// Where we are, as a chain on the stack: text is made of it only for a message.
struct Path {
  const Path* parent = nullptr;
  std::string_view name;   // A member or a map's key.
  std::size_t number = 0;  // Of a list's element, from 1.
  const Member* member = nullptr;

  std::string text(bool camel) const {
    std::string text = parent ? parent->text(camel) : "";
    if (!text.empty()) text += '.';
    if (number > 0) return text + std::to_string(number) + (camel ? ".member" : "");
    text += !member ? name : camel ? member->path_name : member->name;
    return text;
  }
};

// Java counts UTF-16 units.
std::int64_t text_length(std::string_view text) {
  std::int64_t length = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0) != 0x80) length += byte >= 0xf0 ? 2 : 1;
  }
  return length;
}

void quote(std::string& out, const Shape& shape, const Value& value, std::size_t depth = 0) {
  constexpr std::size_t quoted_depth_max = 8;
  if (out.size() > quoted_bytes_max) return;
  if (depth > quoted_depth_max) {
    out += "...";
    return;
  }
  char separator = 0;
  const auto separate = [&] {
    if (separator != 0) out += ", ";
    separator = ',';
  };
  switch (value.kind()) {
    case Value::Kind::null:
      out += "null";
      return;
    case Value::Kind::boolean:
      out += value.boolean() ? "true" : "false";
      return;
    case Value::Kind::integer:
      append_integer(out, value.integer());
      return;
    case Value::Kind::number:
      append_number(out, value.number());
      return;
    case Value::Kind::string:
      if (shape.sensitive) {
        out += "***Sensitive Data Redacted***";
      } else {
        out += shape.kind == Kind::blob
                   ? std::string("java.nio.HeapByteBuffer[pos=0 lim=") + std::to_string(value.string().size()) +
                         " cap=" + std::to_string(value.string().size()) + "]"
                   : value.string().substr(0, quoted_bytes_max);
      }
      return;
    case Value::Kind::list:
      out += '[';
      for (const auto& element : value.list()) {
        separate();
        quote(out, shape.element.shape ? *shape.element.shape : shape, element, depth + 1);
      }
      out += ']';
      return;
    case Value::Kind::map:
      if (shape.is_structure()) out += shape.name;
      out += shape.is_structure() ? '(' : '{';
      for (const auto& [key, element] : value.map()) {
        const auto* member = shape.is_structure() ? shape.member(key) : &shape.element;
        separate();
        out += shape.is_structure() && member ? member->path_name : key;
        out += '=';
        quote(out, member && member->shape ? *member->shape : shape, element, depth + 1);
      }
      out += shape.is_structure() ? ')' : '}';
      return;
  }
}

std::string joined(const std::vector<std::string>& values) {
  std::string text;
  for (const auto& value : values) text += (text.empty() ? "" : ", ") + value;
  return text;
}

std::string number_text(double number) {
  std::string text;
  constexpr double whole_max = 9007199254740992;
  if (number == std::floor(number) && std::abs(number) <= whole_max) {
    append_integer(text, static_cast<std::int64_t>(number));
  } else {
    append_number(text, number);
  }
  return text;
}

// What a shape demands, each as AWS words it, in AWS's order.
enum class Rule : std::uint8_t { length_max, length_min, range_max, range_min, pattern, values };
std::string rule_text(const Constraints& constraints, Rule rule) {
  switch (rule) {
    case Rule::length_max:
      return "Member must have length less than or equal to " + std::to_string(constraints.length_max);
    case Rule::length_min:
      return "Member must have length greater than or equal to " + std::to_string(constraints.length_min);
    case Rule::range_max:
      return "Member must have value less than or equal to " + number_text(*constraints.range_max);
    case Rule::range_min:
      return "Member must have value greater than or equal to " + number_text(*constraints.range_min);
    case Rule::pattern:
      return "Member must satisfy regular expression pattern: " + constraints.pattern;
    case Rule::values:
      return "Member must satisfy enum value set: [" + joined(constraints.values) + "]";
  }
  return "";
}

constexpr Rule all_rules[] = {Rule::length_max, Rule::length_min, Rule::range_max,
                              Rule::range_min,  Rule::pattern,    Rule::values};

bool has_rule(const Constraints& constraints, Rule rule) {
  switch (rule) {
    case Rule::length_max:
      return constraints.length_max != Constraints::none;
    case Rule::length_min:
      return constraints.length_min != Constraints::none;
    case Rule::range_max:
      return constraints.range_max.has_value();
    case Rule::range_min:
      return constraints.range_min.has_value();
    case Rule::pattern:
      return constraints.compiled != nullptr;
    case Rule::values:
      return !constraints.values.empty();
  }
  return false;
}

bool keeps(const Constraints& constraints, Rule rule, const Value& value) {
  const auto length = [&]() -> std::int64_t {
    if (value.is_list()) return static_cast<std::int64_t>(value.list().size());
    if (value.is_map()) return static_cast<std::int64_t>(value.map().size());
    return 0;
  };
  switch (rule) {
    case Rule::length_max:
      return length() <= constraints.length_max;
    case Rule::length_min:
      return length() >= constraints.length_min;
    case Rule::range_max:
      return value.number() <= *constraints.range_max;
    case Rule::range_min:
      return value.number() >= *constraints.range_min;
    case Rule::pattern:
      return model::matches(*constraints.compiled, value.string());
    case Rule::values:
      for (const auto& allowed : constraints.values)
        if (allowed == value.string()) return true;
      return false;
  }
  return true;
}

// Lengths of strings need the shape: bytes of a blob, UTF-16 units of a text.
bool keeps_of(const Shape& shape, Rule rule, const Value& value) {
  const auto& constraints = *shape.constraints;
  if (value.is_string() && (rule == Rule::length_max || rule == Rule::length_min)) {
    const auto length =
        shape.kind == Kind::blob ? static_cast<std::int64_t>(value.string().size()) : text_length(value.string());
    return rule == Rule::length_max ? length <= constraints.length_max : length >= constraints.length_min;
  }
  return keeps(constraints, rule, value);
}

std::string_view token_name(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::string:
      return "STRING_VALUE";
    case Value::Kind::boolean:
      return value.boolean() ? "TRUE_VALUE" : "FALSE_VALUE";
    case Value::Kind::number:
      return "DECIMAL_VALUE";
    default:
      return "NUMBER_VALUE";
  }
}

class Validator {
 public:
  Validator(const Validation& wording, Ids& ids) : wording_(wording), ids_(ids) {}

  // False where the kinds are wrong, which ends everything; violations are gathered instead.
  bool check(const Shape& shape, Value& value, const Path& path, std::size_t depth) {
    if (depth > depth_max) return wrong_kind("The request is nested too deeply.");
    if (!check_kind(shape, value)) return false;
    switch (shape.kind) {
      case Kind::list:
        check_rules(shape, value, path);
        return check_list(shape, value, path, depth);
      case Kind::map:
        check_rules(shape, value, path);
        return check_map(shape, value, path, depth);
      case Kind::structure:
      case Kind::union_structure:
        return check_structure(shape, value, path, depth);
      default:
        check_rules(shape, value, path);
        return true;
    }
  }

  bool check_root(const Shape& shape, Value& value) {
    if (value.is_null()) value = Map();
    if (!check_kind(shape, value)) return false;
    return check_structure(shape, value, {}, 0);
  }

  Result<Done> result() {
    if (!kind_problem_.empty()) return Error{wording_.serialization_code, std::move(kind_problem_)};
    if (first_) return std::move(*first_);
    if (count_ > 0) {
      const auto heading = std::to_string(count_) + (count_ == 1 ? " validation error" : " validation errors");
      return Error{code_of_list_, heading + " detected: " + list_};
    }
    if (union_problem_) return std::move(*union_problem_);
    return done;
  }

 private:
  bool wrong_kind(std::string text) {
    kind_problem_ = std::move(text);
    return false;
  }

  bool check_kind(const Shape& shape, Value& value) {
    bool fits = true;
    switch (shape.kind) {
      case Kind::string:
      case Kind::blob:
        fits = value.is_string();
        break;
      case Kind::integer:
      case Kind::long_integer:
      case Kind::timestamp:
        fits = value.is_integer() || make_integer(value);
        break;
      case Kind::number:
      case Kind::float_number:
      case Kind::double_number:
        fits = value.is_integer() || value.is_number();
        break;
      case Kind::boolean:
        fits = value.is_boolean();
        break;
      case Kind::list:
        fits = value.is_list();
        break;
      case Kind::map:
      case Kind::structure:
      case Kind::union_structure:
        fits = value.is_map();
        break;
      case Kind::document:
        break;
    }
    if (fits) return true;
    if (value.is_map()) return wrong_kind("Start of structure or map found where not expected.");
    if (value.is_list()) return wrong_kind("Start of list found where not expected");
    if (shape.kind >= Kind::list) return wrong_kind("Unexpected field type");
    return wrong_kind(std::string(token_name(value)) + " cannot be converted to " + std::string(type_name(shape.kind)));
  }

  // Callers from inside, such as Lua, may have doubles only.
  static bool make_integer(Value& value) {
    constexpr double whole_max = 9007199254740992;
    if (!value.is_number() || value.number() != std::floor(value.number()) || std::abs(value.number()) > whole_max)
      return false;
    value = static_cast<std::int64_t>(value.number());
    return true;
  }

  bool check_structure(const Shape& shape, Value& value, const Path& path, std::size_t depth) {
    auto& map = value.map();
    const Path* above = path.parent || path.member || path.number > 0 || !path.name.empty() ? &path : nullptr;
    bool clean = true;
    for (auto& [name, content] : map) {
      const auto* member = content.is_null() ? nullptr : shape.member(name);
      if (!member) {
        clean = false;
      } else if (!check(*member->shape, content, {above, {}, 0, member}, depth + 1)) {
        return false;
      }
    }
    if (!clean) drop_unknown(shape, map);
    for (const auto position : shape.minded_when_absent) {
      const auto& member = shape.members[position];
      if (map.contains(member.name)) continue;
      if (member.idempotency_token) {
        map.set(std::string(member.name), ids_.uuid());
      } else if (!member.default_value.is_null()) {
        map.set(std::string(member.name), member.default_value);
      } else if (!member.shape->streaming) {  // What is read while the operation runs is never in the input.
        missing({above, {}, 0, &member});
      }
    }
    if (shape.kind == Kind::union_structure && map.size() != 1 && !union_problem_ && wording_.checks_unions)
      union_problem_ = Error{wording_.code, "The union at '" + path.text(true) + "' must have exactly one member set."};
    return true;
  }

  // Members that the model does not know, and nulls, which mean "not sent".
  static void drop_unknown(const Shape& shape, Map& map) {
    Map kept;
    for (auto& entry : map)
      if (!entry.value.is_null() && shape.member(entry.key)) kept.set(entry.key, std::move(entry.value));
    map = std::move(kept);
  }

  bool check_list(const Shape& shape, Value& value, const Path& path, std::size_t depth) {
    const auto& element_shape = *shape.element.shape;
    bool all_good = true;
    std::size_t number = 0;
    for (auto& element : value.list()) {
      const Path here{&path, {}, ++number, nullptr};
      if (element.is_null()) {
        if (!shape.sparse) missing(here);
        continue;
      }
      if (element_shape.kind >= Kind::list) {
        if (!check(element_shape, element, here, depth + 1)) return false;
        continue;
      }
      if (!check_kind(element_shape, element)) return false;
      all_good = all_good && good(element_shape, element);
    }
    if (!all_good) violated_inside(shape, value, element_shape, path, "Member");
    return true;
  }

  bool check_map(const Shape& shape, Value& value, const Path& path, std::size_t depth) {
    const auto& element_shape = *shape.element.shape;
    bool good_keys = true;
    bool good_values = true;
    for (auto& [key, element] : value.map()) {
      if (shape.key.shape->constraints) {
        const Value text(key);
        good_keys = good_keys && good(*shape.key.shape, text);
      }
      const Path here{&path, key, 0, nullptr};
      if (element.is_null()) {
        if (!shape.sparse) missing(here);
        continue;
      }
      if (element_shape.is_structure() || element_shape.kind == Kind::list || element_shape.kind == Kind::map) {
        // AWS spells the entry's value as "key.member".
        const Path inner{&here, "member", 0, nullptr};
        if (!check(element_shape, element, inner, depth + 1)) return false;
        continue;
      }
      if (!check_kind(element_shape, element)) return false;
      good_values = good_values && good(element_shape, element);
    }
    if (!good_keys) violated_inside(shape, value, *shape.key.shape, path, "Map keys");
    if (!good_values) violated_inside(shape, value, element_shape, path, "Map value");
    return true;
  }

  static bool good(const Shape& shape, const Value& value) {
    if (!shape.constraints) return true;
    for (const auto rule : all_rules)
      if (has_rule(*shape.constraints, rule) && !keeps_of(shape, rule, value)) return false;
    return true;
  }

  void check_rules(const Shape& shape, const Value& value, const Path& path) {
    if (!shape.constraints) return;
    for (const auto rule : all_rules)
      if (has_rule(*shape.constraints, rule) && !keeps_of(shape, rule, value)) violated(shape, value, rule, path);
  }

  void missing(const Path& path) {
    if (wording_.style == Validation::Style::parameter) {
      if (!first_)
        first_ = Error{wording_.missing_code.empty() ? wording_.code : wording_.missing_code,
                       "The request must contain the parameter " + path.text(false) + "."};
      return;
    }
    if (count_ == 0 && !wording_.missing_code.empty()) code_of_list_ = wording_.missing_code;
    add("Value null at '" + path.text(true) + "' failed to satisfy constraint: Member must not be null");
  }

  void violated(const Shape& shape, const Value& value, Rule rule, const Path& path) {
    std::string quoted;
    quote(quoted, shape, value);
    const auto& constraints = *shape.constraints;
    if (wording_.style == Validation::Style::list)
      return add("Value '" + quoted + "' at '" + path.text(true) +
                 "' failed to satisfy constraint: " + rule_text(constraints, rule));
    if (first_) return;
    const bool both = constraints.range_min && constraints.range_max;
    const bool is_range = rule == Rule::range_min || rule == Rule::range_max;
    first_ = Error{wording_.code,
                   "Value " + quoted + " for parameter " + path.text(false) + " is invalid. Reason: " +
                       (is_range && both ? "Must be between " + number_text(*constraints.range_min) + " and " +
                                               number_text(*constraints.range_max) + ", if provided."
                                         : rule_text(constraints, rule) + ".")};
  }

  // AWS names the list or map, and every rule of its elements, whichever of them is broken.
  void violated_inside(const Shape& shape, const Value& value, const Shape& inner, const Path& path,
                       std::string_view what) {
    std::string rules;
    for (const auto rule : all_rules)
      if (has_rule(*inner.constraints, rule))
        rules += (rules.empty() ? "" : ", ") + rule_text(*inner.constraints, rule);
    std::string quoted;
    quote(quoted, shape, value);
    if (wording_.style == Validation::Style::list)
      return add("Value '" + quoted + "' at '" + path.text(true) +
                 "' failed to satisfy constraint: " + std::string(what) + " must satisfy constraint: [" + rules + "]");
    if (!first_)
      first_ = Error{wording_.code,
                     "Value " + quoted + " for parameter " + path.text(false) + " is invalid. Reason: " + rules + "."};
  }

  void add(const std::string& violation) {
    if (++count_ > violations_max) {
      count_ = violations_max;
      return;
    }
    if (!list_.empty()) list_ += "; ";
    list_ += violation;
  }

  const Validation& wording_;
  Ids& ids_;
  std::string kind_problem_;
  std::string code_of_list_ = wording_.code;
  std::optional<Error> first_;
  std::optional<Error> union_problem_;
  std::size_t count_ = 0;
  std::string list_;
};

}  // namespace

Result<Done> validate(const model::Service& service, const model::Operation& operation, Value& input, Ids& ids) {
  Validator validator(service.validation, ids);
  // Not an input of the wrong kind alone: it says what else was found.
  static_cast<void>(validator.check_root(*operation.input, input));
  return validator.result();
}

}  // namespace moonbase::wire
