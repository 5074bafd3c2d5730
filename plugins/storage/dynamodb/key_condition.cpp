#include "key_condition.hpp"

#include <algorithm>

#include "errors.hpp"

namespace moonbase::dynamodb {
namespace {

using Kind = KeyCondition::Kind;

Error invalid_operator(std::string_view op) {
  return validation("Invalid operator used in KeyConditionExpression: " + std::string(op));
}
Error invalid_condition(const std::string& what) {
  return validation("Invalid condition in KeyConditionExpression: " + what);
}

Kind mirrored(Kind kind) {
  switch (kind) {
    case Kind::less:
      return Kind::greater;
    case Kind::less_equal:
      return Kind::greater_equal;
    case Kind::greater:
      return Kind::less;
    case Kind::greater_equal:
      return Kind::less_equal;
    default:
      return kind;
  }
}

Kind kind_of(Operator op) {
  constexpr std::pair<Operator, Kind> kinds[] = {{Operator::equal, Kind::equal},
                                                 {Operator::less, Kind::less},
                                                 {Operator::less_equal, Kind::less_equal},
                                                 {Operator::greater, Kind::greater},
                                                 {Operator::greater_equal, Kind::greater_equal},
                                                 {Operator::between, Kind::between}};
  for (const auto& [known, kind] : kinds)
    if (known == op) return kind;
  return Kind::unsupported;
}

Result<KeyCondition> read_comparison(const Comparison& comparison, const Bindings& bindings) {
  KeyCondition condition;
  const auto* operands = &comparison.operands;
  std::string name(operator_text(comparison.op));
  if (comparison.op == Operator::function) {
    const auto& function = *comparison.operands[0].function;
    if (function.name != "begins_with") return invalid_operator(function.name);
    name = function.name;
    operands = &function.arguments;
    condition.kind = Kind::begins_with;
  } else {
    condition.kind = kind_of(comparison.op);
    if (condition.kind == Kind::unsupported) return invalid_operator(name);
  }
  const bool path_first = condition.kind == Kind::begins_with || condition.kind == Kind::between;
  if (path_first && (*operands)[0].kind != Operand::Kind::path)
    return invalid_condition(name + " operator must have the key attribute as its first operand");

  bool named = false;
  for (std::size_t i = 0; i < operands->size(); ++i) {
    const auto& operand = (*operands)[i];
    if (operand.kind == Operand::Kind::function)
      return validation("KeyConditionExpressions cannot contain nested operations");
    if (operand.kind == Operand::Kind::value) {
      condition.values.push_back(bindings.values[operand.value]);
      continue;
    }
    if (named) return invalid_condition("Multiple attribute names used in one condition");
    if (operand.path.size() > 1)
      return validation("KeyConditionExpressions cannot have conditions on nested attributes");
    condition.attribute = step_name(operand.path[0], bindings);
    named = true;
    if (i > 0) condition.kind = mirrored(condition.kind);
  }
  if (!named) return invalid_condition("No key attribute specified");
  return condition;
}

Result<Done> check_count(std::size_t count, std::size_t most) {
  if (count >= 1 && count <= most) return done;
  return validation("Conditions can be of length 1 or 2 only");
}

const KeyCondition* find_condition(const std::vector<KeyCondition>& conditions, std::string_view attribute) {
  const auto found = std::find_if(conditions.begin(), conditions.end(),
                                  [&](const KeyCondition& one) { return one.attribute == attribute; });
  return found == conditions.end() ? nullptr : &*found;
}

Error missed(const std::string& attribute) {
  return validation("Query condition missed key schema element: " + attribute);
}

Result<Done> check_types(const KeyAttribute& attribute, const KeyCondition& condition) {
  if (condition.kind == Kind::unsupported)
    return validation("Attempted conditional constraint is not an indexable operation");
  for (const auto* value : condition.values)
    if (type_of(*value) != attribute.type)
      return invalid_parameter("Condition parameter type does not match schema type");
  return done;
}

Error empty_value(const KeyAttribute& attribute) {
  return validation(
      "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain "
      "an empty " +
      std::string(attribute.type == Type::string ? "string" : "binary") + " value. Key: " + attribute.name);
}

}  // namespace

bool KeyCondition::holds(const Value& value) const {
  if (kind == Kind::begins_with)
    return type_of(value) == type_of(*values[0]) &&
           content_of(value).string().starts_with(content_of(*values[0]).string());
  const auto order = compare(value, *values[0]);
  if (!order) return false;
  switch (kind) {
    case Kind::equal:
      return *order == 0;
    case Kind::less:
      return *order < 0;
    case Kind::less_equal:
      return *order <= 0;
    case Kind::greater:
      return *order > 0;
    case Kind::greater_equal:
      return *order >= 0;
    case Kind::between:
      return *order >= 0 && compare(value, *values[1]) != std::strong_ordering::greater;
    default:
      return false;
  }
}

Result<std::vector<KeyCondition>> read_key_conditions(const BoundExpression& expression, std::size_t most) {
  const auto& parsed = expression.expression->condition;
  for (const auto& step : parsed.steps) {
    if (step.kind == Condition::Step::Kind::disjunction) return invalid_operator("OR");
    if (step.kind == Condition::Step::Kind::negation) return invalid_operator("NOT");
  }
  std::vector<KeyCondition> conditions;
  for (const auto& comparison : parsed.comparisons) {
    auto condition = read_comparison(comparison, expression.bindings);
    if (!condition) return condition.error();
    if (find_condition(conditions, condition->attribute))
      return validation("KeyConditionExpressions must only contain one condition per key");
    conditions.push_back(std::move(*condition));
  }
  if (auto checked = check_count(conditions.size(), most); !checked) return checked.error();
  return conditions;
}

Result<std::vector<KeyCondition>> read_key_conditions(const Value& given, std::size_t most) {
  if (auto checked = check_count(given.map().size(), most); !checked) return checked.error();
  constexpr std::pair<std::string_view, Kind> kinds[] = {
      {"EQ", Kind::equal},         {"LT", Kind::less},         {"LE", Kind::less_equal},          {"GT", Kind::greater},
      {"GE", Kind::greater_equal}, {"BETWEEN", Kind::between}, {"BEGINS_WITH", Kind::begins_with}};
  std::vector<KeyCondition> conditions;
  for (const auto& [attribute, condition] : given.map()) {
    KeyCondition read{attribute, Kind::unsupported, {}};
    for (const auto& [name, kind] : kinds)
      if (name == condition["ComparisonOperator"].string()) read.kind = kind;
    if (const auto& list = condition["AttributeValueList"]; !list.is_null())
      for (const auto& value : list.list()) read.values.push_back(&value);
    conditions.push_back(std::move(read));
  }
  return conditions;
}

Result<KeyRange> key_range(const KeySchema& schema, const std::vector<KeyCondition>& conditions) {
  std::size_t used = 0;
  std::vector<const Value*> partition;
  if (schema.sort.empty() && conditions.size() > schema.partition.size())
    return validation("Query key condition not supported");
  for (const auto& attribute : schema.partition) {
    const auto* condition = find_condition(conditions, attribute.name);
    if (!condition) return missed(attribute.name);
    if (auto checked = check_types(attribute, *condition); !checked) return checked.error();
    if (condition->kind != Kind::equal) return validation("Query key condition not supported");
    if (attribute.type != Type::number && content_of(*condition->values[0]).string().empty())
      return empty_value(attribute);
    partition.push_back(condition->values[0]);
    ++used;
  }

  KeyRange range;
  range.partition = partition_bytes(partition);
  const auto end_before = [&](std::string upper) {
    range.end = upper.empty() ? KeyRange::End::partition : KeyRange::End::before_upper;
    range.upper = std::move(upper);
  };
  // Equalities on the leading sort attributes, then at most one condition that makes a range.
  std::vector<const Value*> leading;
  for (const auto& attribute : schema.sort) {
    const auto* condition = find_condition(conditions, attribute.name);
    if (!condition) break;
    if (auto checked = check_types(attribute, *condition); !checked) return checked.error();
    const auto& first = *condition->values[0];
    if (condition->kind == Kind::begins_with && attribute.type == Type::number)
      return validation(
          "Invalid KeyConditionExpression: Incorrect operand type for operator or function; operator or "
          "function: begins_with, operand type: N");
    if (condition->kind != Kind::begins_with && attribute.type != Type::number && content_of(first).string().empty())
      return empty_value(attribute);
    ++used;

    const bool single = schema.sort.size() == 1;
    const auto with = [&](const Value& value) {
      auto values = leading;
      values.push_back(&value);
      return sort_bytes(schema, values);
    };
    // All that has the leading attributes; for a single sort attribute, the whole partition.
    const auto prefix = sort_bytes(schema, leading);
    const auto end_with_prefix = [&] { end_before(single ? std::string() : successor_of_prefix(prefix)); };
    // Behind everything with this value: with one attribute, its bytes with nothing behind them.
    const auto behind = [&](const Value& value) {
      return single ? with(value) + '\0' : successor_of_prefix(with(value));
    };
    switch (condition->kind) {
      case Kind::equal:
        leading.push_back(&first);
        range.lower = sort_bytes(schema, leading);
        end_before(successor_of_prefix(range.lower));
        if (single) {
          range.upper = range.lower;
          range.end = KeyRange::End::at_upper;
        }
        continue;
      case Kind::less:
        range.lower = prefix;
        end_before(with(first));
        break;
      case Kind::less_equal:
        range.lower = prefix;
        end_before(behind(first));
        break;
      case Kind::greater:
        range.lower = behind(first);
        end_with_prefix();
        break;
      case Kind::greater_equal:
        range.lower = with(first);
        end_with_prefix();
        break;
      case Kind::between:
        range.lower = with(first);
        end_before(behind(*condition->values[1]));
        break;
      case Kind::begins_with: {
        auto bytes = with(first);
        if (!single) bytes.resize(bytes.size() - 2);  // Without the end mark of the last part.
        range.lower = bytes;
        end_before(successor_of_prefix(std::move(bytes)));
        break;
      }
      case Kind::unsupported:
        break;
    }
    break;
  }
  if (used == conditions.size()) return range;
  // A condition is left that no key attribute took.
  const auto next = used - schema.partition.size();
  return missed(next < schema.sort.size() ? schema.sort[next].name : schema.sort.back().name);
}

}  // namespace moonbase::dynamodb
