// TransactGetItems and TransactWriteItems.
#include <algorithm>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>
#include <set>

#include "attribute.hpp"
#include "errors.hpp"
#include "service.hpp"

namespace moonbase::dynamodb {
namespace {

constexpr std::size_t transaction_bytes_max = 4 * 1024 * 1024;
constexpr std::int64_t token_lifetime_ms = 10 * 60 * 1000;
constexpr double transaction_factor = 2;  // A transaction costs twice what its parts cost.

const ExpressionParameters get_parameters = {{ExpressionKind::projection}, {}, ""};
const ExpressionParameters update_parameters = {{ExpressionKind::update, ExpressionKind::condition}, {}, ""};
const ExpressionParameters condition_parameters = {{ExpressionKind::condition}, {}, ""};

enum class ActionKind { check, put, remove, update };

// One of the transaction's writes, read and checked as far as that goes without the table.
struct Action {
  ActionKind kind = ActionKind::check;
  Value* input = nullptr;
  Expressions expressions;
  std::size_t table = 0;  // In the list of names.
  StoredItem item;        // To put.

  const BoundExpression& condition() const { return expressions[ExpressionKind::condition]; }
};

Result<Action> read_action(Service& service, Value& wrapped) {
  Action action;
  std::size_t given = 0;
  constexpr std::pair<const char*, ActionKind> kinds[] = {{"ConditionCheck", ActionKind::check},
                                                          {"Put", ActionKind::put},
                                                          {"Delete", ActionKind::remove},
                                                          {"Update", ActionKind::update}};
  for (const auto& [name, kind] : kinds) {
    auto* input = wrapped.map().find(name);
    if (!input || input->is_null()) continue;
    ++given;
    action.kind = kind;
    action.input = input;
  }
  if (given != 1) return validation("TransactItems can only contain one of Check, Put, Update or Delete");
  auto& input = *action.input;
  const auto& parameters = action.kind == ActionKind::update ? update_parameters : condition_parameters;
  if (auto checked = check_parameters(input, parameters); !checked) return checked.error();
  auto& attributes = input.map().find(action.kind == ActionKind::put ? "Item" : "Key")->map();
  if (auto checked = check_attributes(attributes); !checked) return checked.error();
  auto expressions = Expressions::read(service.expressions, input, parameters);
  if (!expressions) return expressions.error();
  action.expressions = std::move(*expressions);
  if (action.kind == ActionKind::put) action.item = {attributes, item_bytes(attributes)};
  return action;
}

// What an action comes to: a reason to cancel, or what to write.
struct Outcome {
  Value reason = Map{{"Code", "None"}};
  bool cancels = false;
  KeyBytes key;
  std::optional<StoredItem> before, after;
};

void cancel(Outcome& outcome, const std::string& code, const std::string& message) {
  outcome.cancels = true;
  outcome.reason = Map{{"Code", code}, {"Message", message}};
}

Outcome evaluate(Transaction& tx, const Table& table, const Action& action) {
  Outcome outcome;
  const auto& input = *action.input;
  const auto refuse = [&](const Error& error) {
    cancel(outcome, "ValidationError", error.message);
    return outcome;
  };
  auto key = action.kind == ActionKind::put ? key_of_item(table.keys, action.item.item)
                                            : key_of_parameter(table.keys, input["Key"].map());
  if (!key) return refuse(key.error());
  outcome.key = std::move(*key);
  const auto& update = action.expressions[ExpressionKind::update];
  if (auto kept = check_keeps_key(table, update); !kept) return refuse(kept.error());
  outcome.before = read_item(tx, table, outcome.key);
  const auto* before = outcome.before ? &*outcome.before : nullptr;
  if (action.condition() && !action.condition().holds(before ? before->item : Map{})) {
    cancel(outcome, "ConditionalCheckFailed", "The conditional request failed");
    if (before && input["ReturnValuesOnConditionCheckFailure"].string_or("NONE") == "ALL_OLD")
      outcome.reason.set("Item", before->item);
    return outcome;
  }
  if (action.kind == ActionKind::put) {
    if (auto checked = check_item(table, action.item, false); !checked) return refuse(checked.error());
    outcome.after = action.item;
  } else if (action.kind == ActionKind::update) {
    auto after = updated_item(table, update, before, input["Key"].map());
    if (!after) return refuse(after.error());
    outcome.after = std::move(*after);
  }
  return outcome;
}

// --- idempotency ---------------------------------------------------------------------------------

// Text in which two requests are equal only if they are equal; JSON would lose the difference
// between binaries. Nests as deep as a request may.
void append_exact(std::string& out, const Value& value) {
  const auto part = [&](std::string_view bytes) { out += std::to_string(bytes.size()) + ":" + std::string(bytes); };
  if (value.is_string()) {
    part(value.string());
  } else if (value.is_map()) {
    out += "m" + std::to_string(value.map().size());
    for (const auto& [key, member] : value.map()) {
      part(key);
      append_exact(out, member);
    }
  } else if (value.is_list()) {
    out += "l" + std::to_string(value.list().size());
    for (const auto& element : value.list()) append_exact(out, element);
  } else {
    out += to_json(value) + ";";
  }
}

std::string digest_of(const Value& request) {
  std::string text;
  append_exact(text, request);
  return sha256_hex(text);
}

// Whether this request was carried out before under the same token; an Error where another was.
Result<bool> done_before(Transaction& tx, const std::string& account, const std::string& token,
                         const std::string& digest, Time now) {
  tx.query("DELETE FROM dynamodb_token WHERE account = ? AND expires_at_ms <= ?", account, now.ms);
  const auto rows = tx.query("SELECT digest FROM dynamodb_token WHERE account = ? AND token = ?", account, token);
  if (!rows.empty()) {
    if (rows[0][0].string() == digest) return true;
    return Error{"IdempotentParameterMismatchException",
                 "The request uses the same client token as a previous, but non-identical request. Do not reuse a "
                 "client token with different requests, unless the requests are identical"};
  }
  tx.query("INSERT INTO dynamodb_token (account, token, digest, expires_at_ms) VALUES (?, ?, ?, ?)", account, token,
           digest, now.ms + token_lifetime_ms);
  return false;
}

void add_capacities(Map& output, const Value& asked, const std::vector<TableName>& names,
                    const std::vector<Capacity>& capacities) {
  List described;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (auto one = describe_capacity(asked, names[i].name, capacities[i]); !one.is_null())
      described.push_back(std::move(one));
  if (!described.empty()) output.set("ConsumedCapacity", std::move(described));
}

// The position of a table among those that a transaction names.
std::size_t position_of(std::vector<TableName>& names, const TableName& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  names.push_back(name);
  return names.size() - 1;
}

}  // namespace

Error cancelled(List reasons) {
  std::string codes;
  for (const auto& reason : reasons) codes += (codes.empty() ? "" : ", ") + reason["Code"].string();
  return {"TransactionCanceledException",
          "Transaction cancelled, please refer cancellation reasons for specific reasons [" + codes + "]",
          {{"CancellationReasons", std::move(reasons)}}};
}

Result<Value> transact_get_items(Service& service, Call& call) {
  struct Get {
    Value* input = nullptr;
    std::size_t table = 0;
    Expressions expressions;
    KeyBytes key;
  };
  std::vector<Get> gets;
  std::vector<TableName> names;
  for (auto& wrapped : call.input.map().find("TransactItems")->list()) {
    Get get;
    get.input = wrapped.map().find("Get");
    if (auto checked = check_parameters(*get.input, get_parameters); !checked) return checked.error();
    if (auto checked = check_attributes(get.input->map().find("Key")->map()); !checked) return checked.error();
    auto expressions = Expressions::read(service.expressions, *get.input, get_parameters);
    if (!expressions) return expressions.error();
    get.expressions = std::move(*expressions);
    get.table = position_of(names, table_named(call, (*get.input)["TableName"].string()));
    gets.push_back(std::move(get));
  }
  Tables tables;
  for (const auto& name : names) {
    auto table = service.tables.find(call.kernel.store, name);
    if (!table) return table.error();
    tables.push_back(std::move(*table));
  }
  std::set<std::tuple<std::size_t, std::string, std::string>> seen;
  for (auto& get : gets) {
    auto key = key_of_parameter(tables[get.table]->keys, (*get.input)["Key"].map());
    if (!key) return key.error();
    get.key = std::move(*key);
    if (!seen.insert({get.table, get.key.partition, get.key.sort}).second)
      return validation("Transaction request cannot include multiple operations on one item");
  }

  for (const auto& table : tables)
    if (auto admitted = admit_read(*table, nullptr, call.kernel.clock.now()); !admitted) return admitted.error();
  List responses;
  std::vector<Capacity> capacities;
  std::size_t bytes = 0;
  auto read = call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    responses.clear();
    capacities.assign(tables.size(), {});
    bytes = 0;
    for (const auto& get : gets) {
      auto found = read_item(tx, *tables[get.table], get.key);
      capacities[get.table].table += transaction_factor * read_units(found ? found->bytes : 0, true);
      Map response;
      if (found) {
        bytes += found->bytes;
        const auto chosen = read_projection(get.expressions, Value());
        response.set("Item", chosen ? chosen->apply(found->item) : std::move(found->item));
      }
      responses.push_back(std::move(response));
    }
    return Value();
  });
  if (!read) return read;
  for (std::size_t i = 0; i < tables.size(); ++i) charge_read(*tables[i], capacities[i]);
  if (bytes > transaction_bytes_max) return validation("Collection size exceeded");
  Map output = {{"Responses", std::move(responses)}};
  add_capacities(output, call.input["ReturnConsumedCapacity"], names, capacities);
  return Value(std::move(output));
}

Result<Value> transact_write_items(Service& service, Call& call) {
  // Before anything is read from it: the same request must have the same digest.
  const auto& given_token = call.input["ClientRequestToken"];
  const auto token = given_token.is_null() ? std::string() : call.context.region + "/" + given_token.string();
  const auto digest = token.empty() ? std::string() : digest_of(call.input["TransactItems"]);
  std::vector<Action> actions;
  std::vector<TableName> names;
  std::size_t bytes = 0;
  for (auto& wrapped : call.input.map().find("TransactItems")->list()) {
    auto action = read_action(service, wrapped);
    if (!action) return action.error();
    action->table = position_of(names, table_named(call, (*action->input)["TableName"].string()));
    bytes += action->item.bytes;
    actions.push_back(std::move(*action));
  }
  if (bytes > transaction_bytes_max) return validation("Collection size exceeded");
  const auto now = call.kernel.clock.now();
  const auto& account = call.context.identity.account_id;

  std::vector<Capacity> capacities;
  Map collections;
  auto result = write_tables(
      service, call, names, [&](Transaction& tx, const Tables& tables, std::vector<Written>& written) -> Result<Value> {
        capacities.assign(tables.size(), {});
        if (!token.empty()) {
          const auto repeated = done_before(tx, account, token, digest, now);
          if (!repeated) return repeated.error();
          if (*repeated) return Value();
        }
        std::vector<Outcome> outcomes;
        std::set<std::tuple<std::size_t, std::string, std::string>> seen;
        bool cancels = false;
        std::size_t after_bytes = 0;
        for (const auto& action : actions) {
          outcomes.push_back(evaluate(tx, *tables[action.table], action));
          const auto& outcome = outcomes.back();
          cancels = cancels || outcome.cancels;
          after_bytes += outcome.after ? outcome.after->bytes : 0;
          if (!outcome.key.partition.empty() &&
              !seen.insert({action.table, outcome.key.partition, outcome.key.sort}).second)
            return validation("Transaction request cannot include multiple operations on one item");
        }
        if (cancels) {
          List reasons;
          for (auto& outcome : outcomes) reasons.push_back(std::move(outcome.reason));
          return cancelled(std::move(reasons));
        }
        if (after_bytes > transaction_bytes_max) return validation("Collection size exceeded");
        for (std::size_t i = 0; i < actions.size(); ++i) {
          const auto& outcome = outcomes[i];
          const auto position = actions[i].table;
          if (actions[i].kind == ActionKind::check) {
            capacities[position].table += transaction_factor * write_units(outcome.before ? outcome.before->bytes : 0);
            continue;
          }
          auto one = write_item(tx, *tables[position], outcome.key, outcome.before ? &*outcome.before : nullptr,
                                outcome.after ? &*outcome.after : nullptr, {now});
          one.capacity *= transaction_factor;
          capacities[position] += one.capacity;
          written[position] += one;
        }
        collections = {};
        for (std::size_t i = 0; i < actions.size(); ++i) {
          const auto& outcome = outcomes[i];
          if (actions[i].kind == ActionKind::check || (!outcome.after && !outcome.before)) continue;
          const auto& table = *tables[actions[i].table];
          add_collection(collections, table.name,
                         item_collection_metrics(tx, call.input["ReturnItemCollectionMetrics"], table, outcome.key,
                                                 outcome.after ? outcome.after->item : outcome.before->item));
        }
        return Value();
      });
  if (!result) return result;
  Map output;
  if (!collections.empty()) output.set("ItemCollectionMetrics", std::move(collections));
  add_capacities(output, call.input["ReturnConsumedCapacity"], names, capacities);
  return Value(std::move(output));
}

}  // namespace moonbase::dynamodb
