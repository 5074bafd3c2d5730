// What can be wrong with a well-formed expression. DynamoDB reports one error, by kind first and by
// position second, so each kind has a place where its first error waits.
#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

#include "attribute.hpp"
#include "errors.hpp"
#include "expression.hpp"

namespace moonbase::dynamodb {
namespace {

constexpr std::string_view condition_functions[] = {
    "attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains", "size"};
constexpr std::string_view update_functions[] = {"if_not_exists", "list_append"};

template <std::size_t count>
bool among(const std::string_view (&names)[count], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

// The first error of each kind, in order of precedence.
template <std::size_t kinds>
class Errors {
 public:
  void note(std::size_t kind, std::string text) {
    if (texts_[kind].empty()) texts_[kind] = std::move(text);
  }
  const std::string* first() const {
    for (const auto& text : texts_)
      if (!text.empty()) return &text;
    return nullptr;
  }

 private:
  std::array<std::string, kinds> texts_;
};

std::string undefined_name(const std::string& name) {
  return "An expression attribute name used in the document path is not defined; attribute name: " + name;
}
std::string undefined_value(const std::string& value) {
  return "An expression attribute value used in expression is not defined; attribute value: " + value;
}
std::string operand_type(std::string_view function, std::string_view type) {
  return "Incorrect operand type for operator or function; operator or function: " + std::string(function) +
         ", operand type: " + std::string(type);
}
std::string operand_count(std::string_view function, std::size_t count) {
  return "Incorrect number of operands for operator or function; operator or function: " + std::string(function) +
         ", number of operands: " + std::to_string(count);
}
std::string needs_path(std::string_view function) {
  return "Operator or function requires a document path; operator or function: " + std::string(function);
}
std::string misused(std::string_view function) {
  return "The function is not allowed to be used this way in an expression; function: " + std::string(function);
}

class Checker {
 public:
  Checker(const Expression& expression, const Bindings& bindings) : expression_(expression), bindings_(bindings) {}

 protected:
  // A literal operand's type. Paths and functions have none that is known beforehand.
  std::optional<Type> literal_type(const Operand& operand) const {
    const auto* value = literal(operand);
    if (!value) return std::nullopt;
    return type_of(*value);
  }
  const Value* literal(const Operand& operand) const {
    return operand.kind == Operand::Kind::value ? bindings_.values[operand.value] : nullptr;
  }

  template <class Visit>
  void each_path(const Operand& operand, const Visit& visit) const {
    if (operand.kind == Operand::Kind::path) visit(operand.path);
    if (operand.kind == Operand::Kind::function)
      for (const auto& argument : operand.function->arguments) each_path(argument, visit);
  }

  const std::string* reserved_word(const Path& path) const {
    for (const auto& step : path)
      if (step.kind == PathStep::Kind::name && is_reserved_word(step.name)) return &step.name;
    return nullptr;
  }
  const std::string* missing_name(const Path& path) const {
    for (const auto& step : path)
      if (step.kind == PathStep::Kind::placeholder && !bindings_.names[step.number])
        return &expression_.names[step.number];
    return nullptr;
  }

  const Expression& expression_;
  const Bindings& bindings_;
};

class ConditionChecker : Checker {
 public:
  using Checker::Checker;

  std::optional<std::string> error() {
    if (expression_.redundant_parentheses) return "The expression has redundant parentheses;";
    for (const auto& comparison : expression_.condition.comparisons) check(comparison);
    if (const auto* text = errors_.first()) return *text;
    return std::nullopt;
  }

 private:
  enum Kind { unknown_function, misused_function, reserved, in_comparison };
  enum ComparisonKind { undefined, count, distinct, type };

  void check(const Comparison& comparison) {
    comparison_errors_ = {};
    const bool alone = comparison.op == Operator::function;
    for (const auto& operand : comparison.operands) {
      check_functions(operand, !alone);
      check_operand(operand);
    }
    if (alone) {
      if (comparison.operands[0].function->name == "size") errors_.note(misused_function, misused("size"));
    } else {
      check_operator(comparison);
    }
    if (const auto* text = comparison_errors_.first()) errors_.note(in_comparison, *text);
  }

  void check_functions(const Operand& operand, bool inside) {
    if (operand.kind != Operand::Kind::function) return;
    const auto& name = operand.function->name;
    for (const auto& argument : operand.function->arguments) check_functions(argument, true);
    if (among(update_functions, name)) {
      errors_.note(unknown_function, "The function is not allowed in a condition expression; function: " + name);
    } else if (!among(condition_functions, name)) {
      errors_.note(unknown_function, "Invalid function name; function: " + name);
    } else if (inside && name != "size") {
      errors_.note(misused_function, misused(name));
    }
  }

  void check_operand(const Operand& operand) {
    switch (operand.kind) {
      case Operand::Kind::path:
        if (const auto* word = reserved_word(operand.path))
          errors_.note(reserved, "Attribute name is a reserved keyword; reserved keyword: " + *word);
        if (const auto* name = missing_name(operand.path)) comparison_errors_.note(undefined, undefined_name(*name));
        break;
      case Operand::Kind::value:
        if (!literal(operand)) comparison_errors_.note(undefined, undefined_value(expression_.values[operand.value]));
        break;
      case Operand::Kind::function:
        for (const auto& argument : operand.function->arguments) check_operand(argument);
        check_function(*operand.function);
    }
  }

  void check_distinct(std::string_view op, const std::vector<Operand>& operands) {
    if (operands.size() != 2 || operands[0].kind != Operand::Kind::path || operands[1].kind != Operand::Kind::path)
      return;
    const auto &first = operands[0].path, &second = operands[1].path;
    if (first.size() != second.size() || missing_name(first) || missing_name(second)) return;
    for (std::size_t i = 0; i < first.size(); ++i) {
      const bool index = first[i].kind == PathStep::Kind::index;
      if (index != (second[i].kind == PathStep::Kind::index)) return;
      if (index ? first[i].number != second[i].number
                : step_name(first[i], bindings_) != step_name(second[i], bindings_))
        return;
    }
    comparison_errors_.note(distinct,
                            "The first operand must be distinct from the remaining operands for this operator or "
                            "function; operator: " +
                                std::string(op) + ", first operand: " + describe_path(first, bindings_));
  }

  void check_function(const Function& function) {
    const auto& name = function.name;
    const auto& arguments = function.arguments;
    const bool takes_one = name == "attribute_exists" || name == "attribute_not_exists" || name == "size";
    if (arguments.size() != (takes_one ? 1 : 2)) {
      comparison_errors_.note(count, operand_count(name, arguments.size()));
      return;
    }
    check_distinct(name, arguments);
    if (name == "attribute_exists" || name == "attribute_not_exists") {
      if (arguments[0].kind != Operand::Kind::path) comparison_errors_.note(type, needs_path(name));
    } else if (name == "begins_with") {
      for (const auto& argument : arguments)
        if (const auto given = literal_type(argument); given && *given != Type::string && *given != Type::binary)
          comparison_errors_.note(type, operand_type(name, type_name(*given)));
    } else if (name == "size") {
      if (const auto given = literal_type(arguments[0]);
          given && (*given == Type::number || *given == Type::boolean || *given == Type::null))
        comparison_errors_.note(type, operand_type(name, type_name(*given)));
    } else if (name == "attribute_type") {
      check_type_name(arguments[1]);
    }
  }

  void check_type_name(const Operand& operand) {
    const auto given = literal_type(operand);
    if (given != Type::string) {
      // Where it is no literal, the service lists every type it knows inside.
      comparison_errors_.note(
          type, operand_type("attribute_type", given ? type_name(*given)
                                                     : "{S,SS,N,NS,B,BS,BOOL,NULL,L,M,HD,DOUBLE,FLOAT,HDS,FS,"
                                                       "DOUBLESET,DICT,DECIMAL,INT,DECIMALSET,INTSET}"));
      return;
    }
    const auto& wanted = content_of(*literal(operand)).string();
    if (!type_from_name(wanted))
      comparison_errors_.note(
          type, "Invalid attribute type name found; type: " + wanted + ", valid types: {S,SS,N,NS,B,BS,BOOL,NULL,L,M}");
  }

  void check_operator(const Comparison& comparison) {
    const auto op = operator_text(comparison.op);
    if (comparison.op == Operator::in) {
      if (comparison.operands.size() - 1 > in_operands_max)
        comparison_errors_.note(count,
                                "Too many operands for the operator or function; operator or function: IN, number of "
                                "operands: " +
                                    std::to_string(comparison.operands.size() - 1));
      return;
    }
    check_distinct(op, comparison.operands);
    if (comparison.op == Operator::equal || comparison.op == Operator::not_equal) return;
    for (const auto& operand : comparison.operands)
      if (const auto given = literal_type(operand);
          given && *given != Type::string && *given != Type::number && *given != Type::binary)
        comparison_errors_.note(type, operand_type(op, type_name(*given)));
    if (comparison.op == Operator::between) check_bounds(comparison);
  }

  void check_bounds(const Comparison& comparison) {
    const auto *lower = literal(comparison.operands[1]), *upper = literal(comparison.operands[2]);
    if (!lower || !upper) return;
    const auto bounds = [&] {
      return "; lower bound operand: AttributeValue: " + describe(*lower) +
             ", upper bound operand: AttributeValue: " + describe(*upper);
    };
    if (type_of(*lower) != type_of(*upper)) {
      comparison_errors_.note(type,
                              "The BETWEEN operator requires same data type for lower and upper bounds" + bounds());
    } else if (compare(*lower, *upper) == std::strong_ordering::greater) {
      comparison_errors_.note(
          type, "The BETWEEN operator requires upper bound to be greater than or equal to lower bound" + bounds());
    }
  }

  Errors<4> errors_;
  Errors<4> comparison_errors_;  // Of the comparison at hand.
};

// Two paths of which one leads through the other, or through another kind of container.
class PathOverlaps {
 public:
  PathOverlaps(std::vector<const Path*> paths, const Bindings& bindings)
      : paths_(std::move(paths)), bindings_(bindings) {}

  enum class Relation { none, overlap, conflict };
  struct Finding {
    Relation relation = Relation::none;
    std::size_t one = 0, two = 0;
  };

  Finding find() const {
    // Related paths stand side by side once sorted; only then is it worth finding the first pair as written.
    std::vector<std::size_t> order(paths_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](auto a, auto b) { return before(*paths_[a], *paths_[b]); });
    Finding found;
    for (std::size_t i = 0; i + 1 < order.size() && found.relation == Relation::none; ++i)
      found = {relation(*paths_[order[i]], *paths_[order[i + 1]]), std::min(order[i], order[i + 1]),
               std::max(order[i], order[i + 1])};
    if (found.relation == Relation::none || paths_.size() > pairs_max) return found;
    Finding conflict;
    for (std::size_t two = 1; two < paths_.size(); ++two) {
      for (std::size_t one = 0; one < two; ++one) {
        const auto related = relation(*paths_[one], *paths_[two]);
        if (related == Relation::overlap) return {related, one, two};
        if (related == Relation::conflict && conflict.relation == Relation::none) conflict = {related, one, two};
      }
    }
    return conflict;
  }

 private:
  static constexpr std::size_t pairs_max = 256;

  static bool is_index(const PathStep& step) { return step.kind == PathStep::Kind::index; }

  int order(const PathStep& a, const PathStep& b) const {
    if (is_index(a) != is_index(b)) return is_index(a) ? -1 : 1;
    if (is_index(a)) return a.number < b.number ? -1 : a.number > b.number ? 1 : 0;
    return step_name(a, bindings_).compare(step_name(b, bindings_));
  }
  bool before(const Path& a, const Path& b) const {
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i)
      if (const int relation = order(a[i], b[i]); relation != 0) return relation < 0;
    return a.size() < b.size();
  }
  Relation relation(const Path& a, const Path& b) const {
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
      if (is_index(a[i]) != is_index(b[i])) return Relation::conflict;
      if (order(a[i], b[i]) != 0) return Relation::none;
    }
    return Relation::overlap;
  }

  std::vector<const Path*> paths_;
  const Bindings& bindings_;
};

std::optional<std::string> overlap_error(std::vector<const Path*> paths, const Bindings& bindings) {
  const auto found = PathOverlaps(paths, bindings).find();
  if (found.relation == PathOverlaps::Relation::none) return std::nullopt;
  return std::string("Two document paths ") +
         (found.relation == PathOverlaps::Relation::overlap ? "overlap" : "conflict") +
         " with each other; must remove or rewrite one of these paths; path one: " +
         describe_path(*paths[found.one], bindings) + ", path two: " + describe_path(*paths[found.two], bindings);
}

class UpdateChecker : Checker {
 public:
  using Checker::Checker;

  std::optional<std::string> error() {
    if (expression_.redundant_parentheses) return "The expression has redundant parentheses;";
    std::vector<const Path*> targets;
    for (const auto& action : expression_.actions) {
      check(action);
      targets.push_back(&action.path);
    }
    if (!expression_.repeated_section.empty())
      errors_.note(section, "The \"" + expression_.repeated_section +
                                "\" section can only be used once in an update expression;");
    const bool all_defined =
        std::none_of(targets.begin(), targets.end(), [&](auto* path) { return missing_name(*path); });
    if (all_defined)
      if (auto text = overlap_error(targets, bindings_)) errors_.note(overlap, std::move(*text));
    if (const auto* text = errors_.first()) return *text;
    return std::nullopt;
  }

 private:
  enum Kind { reserved, unknown_function, misused_function, section, name, value, overlap, operand, function };

  void check(const UpdateAction& action) {
    check_path(action.path);
    for (const auto& given : action.operands) check_operand(given, false);
    if (action.kind == UpdateAction::Kind::add || action.kind == UpdateAction::Kind::remove_members) {
      check_set_operand(action);
    } else if (action.arithmetic != UpdateAction::Arithmetic::none) {
      const auto* sign = action.arithmetic == UpdateAction::Arithmetic::plus ? "+" : "-";
      for (const auto& given : action.operands) {
        if (const auto type = literal_type(given); type && *type != Type::number)
          errors_.note(function, operand_type(sign, type_name(*type)));
      }
    }
  }

  void check_path(const Path& path) {
    if (const auto* word = reserved_word(path))
      errors_.note(reserved, "Attribute name is a reserved keyword; reserved keyword: " + *word);
    if (const auto* missing = missing_name(path)) errors_.note(name, undefined_name(*missing));
  }

  void check_operand(const Operand& given, bool inside) {
    if (given.kind == Operand::Kind::path) check_path(given.path);
    if (given.kind == Operand::Kind::value && !literal(given))
      errors_.note(value, undefined_value(expression_.values[given.value]));
    if (given.kind != Operand::Kind::function) return;

    const auto& called = *given.function;
    for (const auto& argument : called.arguments) check_operand(argument, true);
    if (among(condition_functions, called.name)) {
      errors_.note(unknown_function, "The function is not allowed in an update expression; function: " + called.name);
      return;
    }
    if (!among(update_functions, called.name)) {
      errors_.note(unknown_function, "Invalid function name; function: " + called.name);
      return;
    }
    if (inside && called.name == "list_append") errors_.note(misused_function, misused(called.name));
    if (called.arguments.size() != 2) {
      errors_.note(function, operand_count(called.name, called.arguments.size()));
    } else if (called.name == "if_not_exists") {
      if (called.arguments[0].kind != Operand::Kind::path) errors_.note(function, needs_path(called.name));
    } else {
      for (const auto& argument : called.arguments)
        if (const auto type = literal_type(argument); type && *type != Type::list)
          errors_.note(function, operand_type(called.name, type_name(*type)));
    }
  }

  void check_set_operand(const UpdateAction& action) {
    const bool adds = action.kind == UpdateAction::Kind::add;
    const auto type = literal_type(action.operands[0]);
    if (!type || *type == Type::string_set || *type == Type::number_set || *type == Type::binary_set) return;
    if (adds && *type == Type::number) return;
    constexpr std::string_view long_names[] = {"STRING", "NUMBER", "BINARY", "BOOLEAN", "NULL", "MAP", "LIST"};
    errors_.note(operand, std::string("Incorrect operand type for operator or function; operator: ") +
                              (adds ? "ADD" : "DELETE") +
                              ", operand type: " + std::string(long_names[static_cast<std::size_t>(*type)]) +
                              ", typeSet: ALLOWED_FOR_" + (adds ? "ADD" : "DELETE") + "_OPERAND");
  }

  Errors<9> errors_;
};

class ProjectionChecker : Checker {
 public:
  using Checker::Checker;

  std::optional<std::string> error() {
    std::vector<const Path*> paths;
    const std::string *word = nullptr, *missing = nullptr;
    for (const auto& path : expression_.paths) {
      if (!word) word = reserved_word(path);
      if (!missing) missing = missing_name(path);
      paths.push_back(&path);
    }
    if (word) return "Attribute name is a reserved keyword; reserved keyword: " + *word;
    if (missing) return undefined_name(*missing);
    return overlap_error(std::move(paths), bindings_);
  }
};

}  // namespace

const std::string& step_name(const PathStep& step, const Bindings& bindings) {
  return step.kind == PathStep::Kind::placeholder ? *bindings.names[step.number] : step.name;
}

std::string describe_path(const Path& path, const Bindings& bindings) {
  std::string text = "[";
  for (const auto& step : path) {
    if (text.size() > 1) text += ", ";
    text += step.kind == PathStep::Kind::index ? "[" + std::to_string(step.number) + "]" : step_name(step, bindings);
  }
  return text + "]";
}

Result<Done> check_expression(const Expression& expression, const Bindings& bindings) {
  std::optional<std::string> error;
  if (expression.kind == ExpressionKind::projection) {
    error = ProjectionChecker(expression, bindings).error();
  } else if (expression.kind == ExpressionKind::update) {
    error = UpdateChecker(expression, bindings).error();
  } else {
    error = ConditionChecker(expression, bindings).error();
  }
  if (!error) return done;
  return validation("Invalid " + std::string(parameter_name(expression.kind)) + ": " + *error);
}

}  // namespace moonbase::dynamodb
