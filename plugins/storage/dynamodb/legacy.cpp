#include "legacy.hpp"

#include <algorithm>

#include "attribute.hpp"
#include "errors.hpp"

namespace moonbase::dynamodb {
namespace {

struct OperandRule {
  std::string_view name;
  std::size_t least, most;
  std::string_view types;  // Of the operands; empty: any. Separated and ended by spaces.
};

constexpr std::size_t any_number = 100'000'000;
constexpr OperandRule operand_rules[] = {
    {"EQ", 1, 1, ""},
    {"NE", 1, 1, ""},
    {"LE", 1, 1, "S N B "},
    {"LT", 1, 1, "S N B "},
    {"GE", 1, 1, "S N B "},
    {"GT", 1, 1, "S N B "},
    {"NULL", 0, 0, ""},
    {"NOT_NULL", 0, 0, ""},
    {"CONTAINS", 1, 1, "S N B BOOL NULL "},
    {"NOT_CONTAINS", 1, 1, "S N B BOOL NULL "},
    {"BEGINS_WITH", 1, 1, "S B "},
    {"IN", 1, any_number, "S N B "},
    {"BETWEEN", 2, 2, "S N B "},
};

const OperandRule* find_rule(std::string_view name) {
  const auto* found = std::find_if(std::begin(operand_rules), std::end(operand_rules),
                                   [&](const OperandRule& rule) { return rule.name == name; });
  return found == std::end(operand_rules) ? nullptr : found;
}

Result<Done> check_operands(std::string_view name, const List& operands) {
  const auto* rule = find_rule(name);
  if (!rule) return invalid_parameter("Unsupported ComparisonOperator: " + std::string(name));
  if (operands.size() < rule->least || operands.size() > rule->most)
    return invalid_parameter("Invalid number of argument(s) for the " + std::string(name) + " ComparisonOperator");
  for (const auto& operand : operands)
    if (type_of(operand) != type_of(operands[0]))
      return invalid_parameter("AttributeValues inside AttributeValueList must be of same type");
  for (const auto& operand : operands) {
    const std::string type(type_name(type_of(operand)));
    if (!rule->types.empty() && (" " + std::string(rule->types)).find(" " + type + " ") == std::string::npos)
      return invalid_parameter("ComparisonOperator " + std::string(name) + " is not valid for " + type +
                               " AttributeValue type");
  }
  if (name == "BETWEEN" && compare(operands[0], operands[1]) == std::strong_ordering::greater)
    return validation(
        "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound");
  return done;
}

Result<Done> check_list(Value* values) {
  if (!values || values->is_null()) return done;
  for (auto& value : values->list())
    if (auto checked = check_attribute(value); !checked) return checked;
  return done;
}

const List no_operands;

const List& list_in(const Value& condition) {
  const auto& values = condition["AttributeValueList"];
  return values.is_null() ? no_operands : values.list();
}

// Of AttributeValueList, or of Value: its older spelling for a list of one.
std::vector<const Value*> operands_of(const Value& condition) {
  std::vector<const Value*> operands;
  for (const auto& operand : list_in(condition)) operands.push_back(&operand);
  if (!condition["Value"].is_null()) operands.push_back(&condition["Value"]);
  return operands;
}

Result<Done> check_expected_entry(const std::string& attribute, const Value& condition) {
  const auto &op = condition["ComparisonOperator"], &list = condition["AttributeValueList"];
  const auto &value = condition["Value"], &exists = condition["Exists"];
  const auto refuse = [&](const std::string& what) { return invalid_parameter(what + " for Attribute: " + attribute); };
  if (!list.is_null() && !value.is_null()) return refuse("Value and AttributeValueList cannot be used together");
  if (!op.is_null()) {
    if (!exists.is_null()) return refuse("Exists and ComparisonOperator cannot be used together");
    const auto& name = op.string();
    if (name != "NULL" && name != "NOT_NULL" && list.is_null() && value.is_null())
      return refuse("Value or AttributeValueList must be used with ComparisonOperator: " + name);
    return check_operands(name, value.is_null() ? list_in(condition) : List{value});
  }
  if (!list.is_null()) return refuse("AttributeValueList can only be used with a ComparisonOperator");
  if (exists.boolean_or(true) && value.is_null())
    return refuse(std::string("Value must be provided when Exists is ") + (exists.is_null() ? "null" : "true"));
  if (!exists.boolean_or(true) && !value.is_null()) return refuse("Value cannot be used when Exists is false");
  return done;
}

// Builds an expression of literal names and values.
class Builder {
 public:
  explicit Builder(ExpressionKind kind) : expression_(std::make_shared<Expression>()) { expression_->kind = kind; }

  Operand path(const std::string& attribute) {
    Operand operand;
    operand.path = attribute_path(attribute);
    return operand;
  }
  static Path attribute_path(const std::string& attribute) {
    PathStep step;
    step.name = attribute;
    return {std::move(step)};
  }
  Operand value(const Value& literal) {
    Operand operand;
    operand.kind = Operand::Kind::value;
    operand.value = bindings_.values.size();
    bindings_.values.push_back(&literal);
    return operand;
  }

  void function(const std::string& name, std::vector<Operand> arguments) {
    Operand operand;
    operand.kind = Operand::Kind::function;
    operand.function = std::make_shared<Function>(Function{name, std::move(arguments)});
    comparison({Operator::function, {std::move(operand)}});
  }
  void comparison(Comparison comparison) {
    expression_->condition.steps.push_back(
        {Condition::Step::Kind::comparison, expression_->condition.comparisons.size()});
    expression_->condition.comparisons.push_back(std::move(comparison));
  }
  void negate() { expression_->condition.steps.push_back({Condition::Step::Kind::negation, 0}); }
  // Joins the last two conditions.
  void join(bool disjunction) {
    using Kind = Condition::Step::Kind;
    expression_->condition.steps.push_back({disjunction ? Kind::disjunction : Kind::conjunction, 0});
  }

  // Operands are given by address: the builder refers to the request's own values.
  void condition(const std::string& attribute, std::string_view op, const std::vector<const Value*>& operands) {
    if (op == "NULL" || op == "NOT_NULL") {
      function(op == "NULL" ? "attribute_not_exists" : "attribute_exists", {path(attribute)});
    } else if (op == "CONTAINS" || op == "NOT_CONTAINS") {
      function("contains", {path(attribute), value(*operands[0])});
      if (op == "NOT_CONTAINS") negate();
    } else if (op == "BEGINS_WITH") {
      function("begins_with", {path(attribute), value(*operands[0])});
    } else {
      constexpr std::pair<std::string_view, Operator> operators[] = {
          {"EQ", Operator::equal},      {"NE", Operator::not_equal},    {"LT", Operator::less},
          {"LE", Operator::less_equal}, {"GT", Operator::greater},      {"GE", Operator::greater_equal},
          {"IN", Operator::in},         {"BETWEEN", Operator::between},
      };
      Comparison parsed;
      for (const auto& [name, meaning] : operators)
        if (name == op) parsed.op = meaning;
      parsed.operands.push_back(path(attribute));
      for (const auto* operand : operands) parsed.operands.push_back(value(*operand));
      comparison(std::move(parsed));
    }
  }

  void action(UpdateAction action) { expression_->actions.push_back(std::move(action)); }

  BoundExpression finish() { return {std::move(expression_), std::move(bindings_)}; }

 private:
  std::shared_ptr<Expression> expression_;
  Bindings bindings_;
};

}  // namespace

Result<Done> check_conditions(Value& conditions) {
  for (auto& [attribute, condition] : conditions.map()) {
    if (auto checked = check_list(condition.map().find("AttributeValueList")); !checked) return checked;
    if (auto checked = check_operands(condition["ComparisonOperator"].string_or(""), list_in(condition)); !checked)
      return checked;
  }
  return done;
}

Result<Done> check_expected(Value& expected) {
  for (auto& [attribute, condition] : expected.map()) {
    if (auto checked = check_list(condition.map().find("AttributeValueList")); !checked) return checked;
    if (auto* value = condition.map().find("Value"); value && !value->is_null())
      if (auto checked = check_attribute(*value); !checked) return checked;
    if (auto checked = check_expected_entry(attribute, condition); !checked) return checked;
  }
  return done;
}

Result<Done> check_updates(Value& updates) {
  for (auto& [attribute, update] : updates.map()) {
    auto* value = update.map().find("Value");
    const bool has_value = value && !value->is_null();
    const auto action = update["Action"].string_or("PUT");
    if (!has_value) {
      if (action != "DELETE")
        return invalid_parameter("Only DELETE action is allowed when no attribute value is specified");
      continue;
    }
    if (auto checked = check_attribute(*value); !checked) return checked;
    const auto type = type_of(*value);
    const bool is_set = type == Type::string_set || type == Type::number_set || type == Type::binary_set;
    if (action == "DELETE" && !is_set)
      return invalid_parameter("DELETE action with value is not supported for the type " +
                               std::string(type_name(type)));
    if (action == "ADD" && !is_set && type != Type::number && type != Type::list)
      return invalid_parameter("ADD action is not supported for the type " + std::string(type_name(type)));
  }
  return done;
}

Result<Done> check_attributes_to_get(const Value& names) {
  if (names.is_null()) return done;
  std::vector<std::string_view> sorted;
  for (const auto& name : names.list()) sorted.push_back(name.string());
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice == sorted.end()) return done;
  return invalid_parameter("Duplicate value in attribute name: " + std::string(*twice));
}

BoundExpression expected_condition(const Value& expected, const Value& op) {
  if (expected.is_null() || expected.map().empty()) return {};
  Builder builder(ExpressionKind::condition);
  bool first = true;
  for (const auto& [attribute, condition] : expected.map()) {
    const bool exists = condition["Exists"].boolean_or(true);
    const auto comparison = condition["ComparisonOperator"].string_or(exists ? "EQ" : "NULL");
    builder.condition(attribute, comparison, operands_of(condition));
    if (!first) builder.join(op.string_or("AND") == "OR");
    first = false;
  }
  return builder.finish();
}

BoundExpression filter_condition(const Value& conditions, const Value& op) {
  if (conditions.is_null() || conditions.map().empty()) return {};
  Builder builder(ExpressionKind::filter);
  bool first = true;
  for (const auto& [attribute, condition] : conditions.map()) {
    builder.condition(attribute, condition["ComparisonOperator"].string(), operands_of(condition));
    if (!first) builder.join(op.string_or("AND") == "OR");
    first = false;
  }
  return builder.finish();
}

BoundExpression updates_expression(const Value& updates) {
  if (updates.is_null() || updates.map().empty()) return {};
  Builder builder(ExpressionKind::update);
  for (const auto& [attribute, update] : updates.map()) {
    const auto kind = update["Action"].string_or("PUT");
    UpdateAction action;
    action.path = Builder::attribute_path(attribute);
    if (update["Value"].is_null()) {
      action.kind = UpdateAction::Kind::remove;
    } else {
      action.kind = kind == "ADD"      ? UpdateAction::Kind::add
                    : kind == "DELETE" ? UpdateAction::Kind::remove_members
                                       : UpdateAction::Kind::set;
      action.operands.push_back(builder.value(update["Value"]));
    }
    builder.action(std::move(action));
  }
  return builder.finish();
}

}  // namespace moonbase::dynamodb
