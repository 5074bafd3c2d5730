// ExecuteStatement, BatchExecuteStatement, ExecuteTransaction: each statement becomes the input of the
// operation that does the same.
#include <algorithm>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>
#include <optional>

#include "attribute.hpp"
#include "errors.hpp"
#include "partiql.hpp"
#include "service.hpp"

namespace moonbase::dynamodb {
namespace {

using Operation = Result<Value> (*)(Service&, Call&);

Result<Value> run(Operation operation, Service& service, Call& call, Map input) {
  Call inner{call.service, call.operation, std::move(input), call.context, call.kernel};
  return operation(service, inner);
}

// A statement with its table.
struct Prepared {
  Statement statement;
  TablePointer table;
};

Result<Prepared> prepare(Service& service, Call& call, const Value& request) {
  auto statement = parse_statement(request["Statement"].string(), request["Parameters"]);
  if (!statement) return statement.error();
  auto table = service.tables.find(call.kernel.store, table_named(call, statement->table));
  if (!table) return table.error();
  return Prepared{std::move(*statement), std::move(*table)};
}

void add_placeholders(Map& input, const Statement& statement) {
  if (!statement.names.empty()) input.set("ExpressionAttributeNames", statement.names);
  if (!statement.values.empty()) input.set("ExpressionAttributeValues", statement.values);
}

// {TableName, Key, …} of an update, a delete or a check.
Result<Map> keyed_input(const Prepared& prepared) {
  const auto& statement = prepared.statement;
  auto key = key_in_where(statement, prepared.table->keys);
  if (!key) return key.error();
  Map input = {{"TableName", prepared.table->name}, {"Key", std::move(*key)}, {"ConditionExpression", statement.where}};
  if (!statement.update.empty()) input.set("UpdateExpression", statement.update);
  add_placeholders(input, statement);
  return input;
}

Map insert_input(const Prepared& prepared) {
  // Of several key attributes any shows whether the item exists.
  return {{"TableName", prepared.table->name},
          {"Item", prepared.statement.item},
          {"ConditionExpression", "attribute_not_exists(#k)"},
          {"ExpressionAttributeNames", Map{{"#k", prepared.table->keys.partition[0].name}}}};
}

// Names that only the WHERE used are not the projection's.
Map names_in(const std::string& text, const Map& names) {
  Map used;
  std::size_t at = 0;
  while ((at = text.find('#', at)) != std::string::npos) {
    const auto end = text.find_first_not_of("#n0123456789", at);
    const auto placeholder = text.substr(at, end == std::string::npos ? end : end - at);
    if (const auto* name = names.find(placeholder)) used.set(placeholder, *name);
    at += placeholder.size();
  }
  return used;
}

// Where a SELECT goes on: its LastEvaluatedKey as text. Clients may send anything back.
std::string next_token(const Value& last) { return base64(to_json(json_shape(last))); }

std::optional<Map> read_next_token(const std::string& token) {
  const auto text = from_base64(token);
  const auto parsed = text ? parse_json(*text) : Result<Value>(Value());
  if (!parsed || !parsed->is_map()) return std::nullopt;
  Map key;
  for (const auto& [name, attribute] : parsed->map()) {
    if (!attribute.is_map() || attribute.map().size() != 1) return std::nullopt;
    const auto& [type, content] = *attribute.map().begin();
    if (!content.is_string() || (type != "S" && type != "N" && type != "B")) return std::nullopt;
    auto bytes = type == "B" ? from_base64(content.string()) : content.string();
    if (!bytes) return std::nullopt;
    key.set(name, Map{{type, std::move(*bytes)}});
  }
  return key;
}

Result<Value> run_select(Service& service, Call& call, const Prepared& prepared, const Value& request) {
  const auto& statement = prepared.statement;
  const auto* index = statement.index.empty() ? nullptr : prepared.table->find_index(statement.index);
  if (!statement.index.empty() && !index)
    return validation("The table does not have the specified index: " + statement.index);
  const auto& schema = index ? index->keys : prepared.table->keys;
  auto input = split_where(statement, schema);
  if (!input) return input.error();
  const bool queries = input->contains("KeyConditionExpression");
  if (!statement.order_by.empty()) {
    if (!queries) return validation("Must have WHERE clause in the statement when using ORDER BY clause.");
    if (!schema.contains(statement.order_by))
      return validation("Variable reference " + statement.order_by +
                        " in ORDER BY clause must be part of the primary key");
    input->set("ScanIndexForward", !statement.descending);
  }
  input->set("TableName", prepared.table->name);
  if (index) input->set("IndexName", index->name);
  if (!statement.projection.empty()) input->set("ProjectionExpression", statement.projection);
  add_placeholders(*input, statement);
  for (const auto* member : {"Limit", "ConsistentRead", "ReturnConsumedCapacity"})
    if (!request[member].is_null()) input->set(member, request[member]);
  if (const auto& token = request["NextToken"]; !token.is_null()) {
    auto start = read_next_token(token.string());
    if (!start) return validation("Given invalid next token");
    input->set("ExclusiveStartKey", std::move(*start));
  }
  auto output = run(queries ? query : scan, service, call, std::move(*input));
  if (!output) return output;
  Map answered = {{"Items", (*output)["Items"]}};
  if (const auto& last = (*output)["LastEvaluatedKey"]; !last.is_null()) {
    answered.set("LastEvaluatedKey", last);
    answered.set("NextToken", next_token(last));
  }
  if (const auto& capacity = (*output)["ConsumedCapacity"]; !capacity.is_null())
    answered.set("ConsumedCapacity", capacity);
  return Value(std::move(answered));
}

Result<Value> run_write(Service& service, Call& call, const Prepared& prepared, const Value& request) {
  const auto& statement = prepared.statement;
  Result<Value> output = Value();
  Map input;
  if (statement.kind == Statement::Kind::insert) {
    input = insert_input(prepared);
  } else {
    auto keyed = keyed_input(prepared);
    if (!keyed) return keyed.error();
    input = std::move(*keyed);
    input.set("ReturnValues", statement.return_values);
  }
  for (const auto* member : {"ReturnConsumedCapacity", "ReturnValuesOnConditionCheckFailure"})
    if (!request[member].is_null()) input.set(member, request[member]);
  const auto operation = statement.kind == Statement::Kind::insert   ? put_item
                         : statement.kind == Statement::Kind::update ? update_item
                                                                     : delete_item;
  output = run(operation, service, call, std::move(input));
  if (!output) {
    if (statement.kind == Statement::Kind::insert && output.error().code == "ConditionalCheckFailedException")
      return Error{"DuplicateItemException", "Duplicate primary key exists in table"};
    return output;
  }
  Map answered = {{"Items", List{}}};
  if (const auto& attributes = (*output)["Attributes"]; !attributes.is_null()) answered.set("Items", List{attributes});
  if (const auto& capacity = (*output)["ConsumedCapacity"]; !capacity.is_null())
    answered.set("ConsumedCapacity", capacity);
  return Value(std::move(answered));
}

Result<Value> run_statement(Service& service, Call& call, const Prepared& prepared, const Value& request) {
  if (prepared.statement.kind == Statement::Kind::exists)
    return validation("EXISTS is only supported in ExecuteTransaction");
  return prepared.statement.writes() ? run_write(service, call, prepared, request)
                                     : run_select(service, call, prepared, request);
}

// "ConditionalCheckFailedException" → "ConditionalCheckFailed", as a batch's answers spell it.
std::string batch_code(const std::string& code) {
  if (code == "ValidationException") return "ValidationError";
  const auto end = code.find("Exception");
  return end == std::string::npos ? code : code.substr(0, end);
}

Value batch_answer(Service& service, Call& call, const Value& request, List& capacities) {
  const auto failed = [](const Error& error, const std::string& table) {
    Map answer = {{"Error", Map{{"Code", batch_code(error.code)}, {"Message", error.message}}}};
    if (const auto* item = error.members.find("Item")) answer.find("Error")->set("Item", *item);
    if (!table.empty()) answer.set("TableName", table);
    return Value(std::move(answer));
  };
  const auto prepared = prepare(service, call, request);
  if (!prepared) return failed(prepared.error(), "");
  const auto& table = prepared->table->name;
  if (!prepared->statement.writes())
    if (const auto key = key_in_where(prepared->statement, prepared->table->keys); !key)
      return failed(
          validation("Select statements within BatchExecuteStatement must specify the primary key in the where "
                     "clause."),
          table);
  const auto output = run_statement(service, call, *prepared, request);
  if (!output) return failed(output.error(), table);
  if (const auto& used = (*output)["ConsumedCapacity"]; !used.is_null()) capacities.push_back(used);
  Map answer = {{"TableName", table}};
  if (const auto& items = (*output)["Items"].list(); !items.empty()) answer.set("Item", items[0]);
  return Value(std::move(answer));
}

// An INSERT's condition that failed is a duplicate.
Error with_duplicates(const Error& error, const std::vector<bool>& inserts) {
  const auto* reasons = error.members.find("CancellationReasons");
  if (!reasons) return error;
  List told = reasons->list();
  for (std::size_t i = 0; i < told.size() && i < inserts.size(); ++i)
    if (inserts[i] && told[i]["Code"].string() == "ConditionalCheckFailed") {
      told[i].set("Code", "DuplicateItem");
      told[i].set("Message", "Duplicate primary key exists in table");
    }
  return cancelled(std::move(told));
}

}  // namespace

Result<Value> execute_statement(Service& service, Call& call) {
  const auto prepared = prepare(service, call, call.input);
  if (!prepared) return prepared.error();
  return run_statement(service, call, *prepared, call.input);
}

Result<Value> batch_execute_statement(Service& service, Call& call) {
  List responses, capacities;
  for (auto request : call.input["Statements"].list()) {
    request.set("ReturnConsumedCapacity", call.input["ReturnConsumedCapacity"]);
    responses.push_back(batch_answer(service, call, request, capacities));
  }
  Map output = {{"Responses", std::move(responses)}};
  if (!capacities.empty()) output.set("ConsumedCapacity", std::move(capacities));
  return Value(std::move(output));
}

Result<Value> execute_transaction(Service& service, Call& call) {
  List actions;
  std::vector<bool> inserts;
  std::size_t reads = 0;
  const auto& statements = call.input["TransactStatements"].list();
  for (const auto& request : statements) {
    const auto prepared = prepare(service, call, request);
    if (!prepared) return prepared.error();
    const auto& statement = prepared->statement;
    inserts.push_back(statement.kind == Statement::Kind::insert);
    if (inserts.back()) {
      actions.push_back(Map{{"Put", insert_input(*prepared)}});
      continue;
    }
    auto input = keyed_input(*prepared);
    if (!input) return input.error();
    if (const auto& wanted = request["ReturnValuesOnConditionCheckFailure"]; !wanted.is_null())
      input->set("ReturnValuesOnConditionCheckFailure", wanted);
    const char* kind = statement.kind == Statement::Kind::update   ? "Update"
                       : statement.kind == Statement::Kind::remove ? "Delete"
                       : statement.kind == Statement::Kind::exists ? "ConditionCheck"
                                                                   : "Get";
    if (statement.kind == Statement::Kind::select) {
      ++reads;
      input = Map{{"TableName", prepared->table->name}, {"Key", *input->find("Key")}};
      if (!statement.projection.empty()) {
        input->set("ProjectionExpression", statement.projection);
        input->set("ExpressionAttributeNames", names_in(statement.projection, statement.names));
      }
    }
    actions.push_back(Map{{kind, std::move(*input)}});
  }
  if (reads != 0 && reads != statements.size())
    return validation("ExecuteTransaction API does not support both read and write operations in the same request");
  Map input = {{"TransactItems", std::move(actions)}};
  if (reads == 0 && !call.input["ClientRequestToken"].is_null())
    input.set("ClientRequestToken", call.input["ClientRequestToken"]);
  if (!call.input["ReturnConsumedCapacity"].is_null())
    input.set("ReturnConsumedCapacity", call.input["ReturnConsumedCapacity"]);
  auto output = run(reads == 0 ? transact_write_items : transact_get_items, service, call, std::move(input));
  if (!output) return with_duplicates(output.error(), inserts);
  Map answered;
  if (reads != 0) answered.set("Responses", (*output)["Responses"]);
  if (const auto& capacity = (*output)["ConsumedCapacity"]; !capacity.is_null())
    answered.set("ConsumedCapacity", capacity);
  return Value(std::move(answered));
}

}  // namespace moonbase::dynamodb
