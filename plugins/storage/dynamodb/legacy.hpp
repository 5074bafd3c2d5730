// The parameters that expressions replaced (Expected, AttributeUpdates, KeyConditions, QueryFilter,
// ScanFilter, ConditionalOperator, AttributesToGet), turned into expressions. Pure.
#pragma once

#include "request.hpp"

namespace moonbase::dynamodb {

// Checks and normalises {attribute: {ComparisonOperator, AttributeValueList}}, as KeyConditions,
// QueryFilter and ScanFilter have it.
Result<Done> check_conditions(Value& conditions);

// Expected: {attribute: {Value, Exists, ComparisonOperator, AttributeValueList}}.
Result<Done> check_expected(Value& expected);

// AttributeUpdates: {attribute: {Action, Value}}.
Result<Done> check_updates(Value& updates);

// "One or more parameter values were invalid: Duplicate value in attribute name: a".
Result<Done> check_attributes_to_get(const Value& names);

// The same as expressions, of parameters that passed the checks above; they must outlive the result.
// An empty one where the parameter is absent or empty. `op` is ConditionalOperator.
BoundExpression expected_condition(const Value& expected, const Value& op);
BoundExpression filter_condition(const Value& conditions, const Value& op);
BoundExpression updates_expression(const Value& updates);

}  // namespace moonbase::dynamodb
