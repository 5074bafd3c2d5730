// What a PartiQL statement's WHERE says about keys.
#include "partiql.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "attribute.hpp"
#include "errors.hpp"
#include "expression.hpp"

namespace moonbase::dynamodb {
namespace {

// A part of a WHERE that AND joins to the others.
struct Conjunct {
  std::string text;
  const Comparison* comparison = nullptr;  // Where it is no more than one.
};

std::string operand_text(const Operand& operand, const Expression& expression) {
  if (operand.kind == Operand::Kind::value) return expression.values[operand.value];
  if (operand.kind == Operand::Kind::function) {
    std::string text;
    for (const auto& argument : operand.function->arguments)
      text += (text.empty() ? "" : ", ") + operand_text(argument, expression);
    return operand.function->name + "(" + text + ")";
  }
  std::string text;
  for (const auto& step : operand.path) {
    if (step.kind == PathStep::Kind::index)
      text += "[" + std::to_string(step.number) + "]";
    else
      text += (text.empty() ? "" : ".") + expression.names[step.number];
  }
  return text;
}

std::string comparison_text(const Comparison& comparison, const Expression& expression) {
  const auto text = [&](std::size_t i) { return operand_text(comparison.operands[i], expression); };
  switch (comparison.op) {
    case Operator::function:
      return text(0);
    case Operator::between:
      return text(0) + " BETWEEN " + text(1) + " AND " + text(2);
    case Operator::in: {
      std::string list;
      for (std::size_t i = 1; i < comparison.operands.size(); ++i) list += (list.empty() ? "" : ", ") + text(i);
      return text(0) + " IN (" + list + ")";
    }
    default:
      return text(0) + " " + std::string(operator_text(comparison.op)) + " " + text(1);
  }
}

// The WHERE as conjuncts. They refer to the expression, which must outlive them.
std::vector<Conjunct> conjuncts_of(const Expression& expression) {
  using Kind = Condition::Step::Kind;
  const auto joined = [](const std::vector<Conjunct>& parts) {
    std::string text;
    for (const auto& part : parts) text += (text.empty() ? "" : " AND ") + part.text;
    return parts.size() > 1 ? "(" + text + ")" : text;
  };
  std::vector<std::vector<Conjunct>> stack;
  for (const auto& step : expression.condition.steps) {
    if (step.kind == Kind::comparison) {
      const auto& comparison = expression.condition.comparisons[step.comparison];
      stack.push_back({{comparison_text(comparison, expression), &comparison}});
    } else if (step.kind == Kind::negation) {
      stack.back() = {{"(NOT " + joined(stack.back()) + ")", nullptr}};
    } else {
      auto right = std::move(stack.back());
      stack.pop_back();
      auto& left = stack.back();
      if (step.kind == Kind::conjunction)
        left.insert(left.end(), right.begin(), right.end());
      else
        left = {{"(" + joined(left) + " OR " + joined(right) + ")", nullptr}};
    }
  }
  return stack.empty() ? std::vector<Conjunct>{} : std::move(stack.back());
}

// The attribute that a conjunct compares with values alone, or empty.
std::string compared_attribute(const Conjunct& conjunct, const Expression& expression, const Map& names) {
  if (!conjunct.comparison) return "";
  const auto& comparison = *conjunct.comparison;
  const auto* operands = &comparison.operands;
  if (comparison.op == Operator::function) {
    if (comparison.operands[0].function->name != "begins_with") return "";
    operands = &comparison.operands[0].function->arguments;
  }
  if (operands->empty() || (*operands)[0].kind != Operand::Kind::path || (*operands)[0].path.size() != 1) return "";
  if (!std::all_of(operands->begin() + 1, operands->end(),
                   [](const Operand& one) { return one.kind == Operand::Kind::value; }))
    return "";
  return names.find(expression.names[(*operands)[0].path[0].number])->string();
}

Result<std::shared_ptr<const Expression>> parse_where(const Statement& statement) {
  auto parsed = parse_expression(ExpressionKind::condition, statement.where);
  if (!parsed) return malformed_statement("the WHERE clause: " + parsed.error().message);
  return parsed;
}

}  // namespace

Result<Map> key_in_where(const Statement& statement, const KeySchema& schema) {
  const auto missing = validation("Where clause does not contain a mandatory equality on all key attributes");
  if (statement.where.empty()) return missing;
  const auto where = parse_where(statement);
  if (!where) return where.error();
  Map key;
  for (const auto& conjunct : conjuncts_of(**where)) {
    const auto attribute = compared_attribute(conjunct, **where, statement.names);
    if (attribute.empty() || conjunct.comparison->op != Operator::equal || !schema.contains(attribute)) continue;
    key.set(attribute, *statement.values.find((*where)->values[conjunct.comparison->operands[1].value]));
  }
  if (key.size() != schema.all().size()) return missing;
  return key;
}

Result<Map> split_where(const Statement& statement, const KeySchema& schema) {
  Map split;
  if (statement.where.empty()) return split;
  const auto where = parse_where(statement);
  if (!where) return where.error();
  const auto conjuncts = conjuncts_of(**where);
  std::vector<std::string> seen;
  std::string keys, filter;
  bool ranged = false, filters_key = false;
  for (const auto& conjunct : conjuncts) {
    const auto attribute = compared_attribute(conjunct, **where, statement.names);
    const bool partition = std::any_of(schema.partition.begin(), schema.partition.end(),
                                       [&](const KeyAttribute& one) { return one.name == attribute; });
    const bool sort = std::any_of(schema.sort.begin(), schema.sort.end(),
                                  [&](const KeyAttribute& one) { return one.name == attribute; });
    const auto op = conjunct.comparison ? conjunct.comparison->op : Operator::in;
    const bool usable =
        (partition && op == Operator::equal) || (sort && !ranged && op != Operator::not_equal && op != Operator::in);
    const bool repeated = std::find(seen.begin(), seen.end(), attribute) != seen.end();
    if (usable && !repeated) {
      keys += (keys.empty() ? "" : " AND ") + conjunct.text;
      seen.push_back(attribute);
      ranged = ranged || (sort && op != Operator::equal);
      continue;
    }
    // A Query's filter may not touch its key.
    for (const auto* one : schema.all())
      for (const auto& [placeholder, name] : statement.names)
        if (name.string() == one->name && (conjunct.text + " ").find(placeholder) != std::string::npos)
          filters_key = true;
    filter += (filter.empty() ? "" : " AND ") + conjunct.text;
  }
  const bool whole_partition =
      std::all_of(schema.partition.begin(), schema.partition.end(),
                  [&](const KeyAttribute& one) { return std::find(seen.begin(), seen.end(), one.name) != seen.end(); });
  if (!whole_partition || filters_key) {
    split.set("FilterExpression", statement.where);
    return split;
  }
  split.set("KeyConditionExpression", keys);
  if (!filter.empty()) split.set("FilterExpression", filter);
  return split;
}

}  // namespace moonbase::dynamodb
