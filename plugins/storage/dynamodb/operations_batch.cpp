// BatchGetItem and BatchWriteItem.
#include <algorithm>
#include <set>

#include "attribute.hpp"
#include "errors.hpp"
#include "legacy.hpp"
#include "service.hpp"

namespace moonbase::dynamodb {
namespace {

constexpr std::size_t get_keys_max = 100, write_requests_max = 25;
constexpr std::size_t answer_bytes_max = 16 * 1024 * 1024;

const ExpressionParameters get_parameters = {{ExpressionKind::projection}, {"AttributesToGet"}, ""};

Error duplicates() { return validation("Provided list of item keys contains duplicates"); }

// One table's part of a BatchGetItem.
struct Gets {
  std::string given_name;  // As the request has it: a name or an ARN.
  const Value* request = nullptr;
  TablePointer table;
  std::vector<KeyBytes> keys;
  std::optional<Projection> projection;
};

Result<Gets> check_gets(Service& service, const std::string& name, Value& request) {
  Gets gets;
  gets.given_name = name;
  gets.request = &request;
  if (auto checked = check_parameters(request, get_parameters); !checked) return checked.error();
  for (auto& key : request.map().find("Keys")->list())
    if (auto checked = check_attributes(key.map()); !checked) return checked.error();
  if (auto checked = check_attributes_to_get(request["AttributesToGet"]); !checked) return checked.error();
  auto expressions = Expressions::read(service.expressions, request, get_parameters);
  if (!expressions) return expressions.error();
  gets.projection = read_projection(*expressions, request["AttributesToGet"]);
  const auto& keys = request["Keys"].list();
  for (std::size_t i = 1; i < keys.size(); ++i)
    if (std::find(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(i), keys[i]) !=
        keys.begin() + static_cast<std::ptrdiff_t>(i))
      return duplicates();
  return gets;
}

}  // namespace

Result<Value> batch_get_item(Service& service, Call& call) {
  auto& requests = call.input.map().find("RequestItems")->map();
  std::vector<Gets> batch;
  std::size_t count = 0;
  for (auto& [name, request] : requests) {
    count += request["Keys"].list().size();
    if (count > get_keys_max) return validation("Too many items requested for the BatchGetItem call");
    auto gets = check_gets(service, name, request);
    if (!gets) return gets.error();
    batch.push_back(std::move(*gets));
  }
  for (auto& gets : batch) {
    auto table = service.tables.find(call.kernel.store, table_named(call, gets.given_name));
    if (!table) return table.error();
    gets.table = std::move(*table);
    for (const auto& key : (*gets.request)["Keys"].list()) {
      auto bytes = key_of_parameter(gets.table->keys, key.map());
      if (!bytes) return bytes.error();
      gets.keys.push_back(std::move(*bytes));
    }
  }

  // What a table's throughput does not let through is for the client to ask again.
  Map responses, unprocessed, throttled;
  std::optional<Error> exceeded;
  std::erase_if(batch, [&](const Gets& gets) {
    auto admitted = admit_read(*gets.table, nullptr, call.kernel.clock.now());
    if (admitted) return false;
    exceeded = admitted.error();
    throttled.set(gets.given_name, *gets.request);
    return true;
  });
  if (batch.empty() && exceeded) return *exceeded;

  List capacities;
  std::vector<Capacity> used;
  auto read = call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    responses = {};
    unprocessed = throttled;
    capacities.clear();
    used.clear();
    std::size_t bytes = 0;
    for (const auto& gets : batch) {
      const bool consistent = (*gets.request)["ConsistentRead"].boolean_or(false);
      List items, left;
      Capacity capacity;
      for (std::size_t i = 0; i < gets.keys.size(); ++i) {
        // Once the answer is full, the rest is for the client to ask again.
        auto found = left.empty() ? read_item(tx, *gets.table, gets.keys[i]) : std::nullopt;
        if (!left.empty() || (found && bytes > 0 && bytes + found->bytes > answer_bytes_max)) {
          left.push_back((*gets.request)["Keys"][i]);
          continue;
        }
        capacity.table += read_units(found ? found->bytes : 0, consistent);
        if (!found) continue;
        bytes += found->bytes;
        items.push_back(gets.projection ? Value(gets.projection->apply(found->item)) : Value(std::move(found->item)));
      }
      responses.set(gets.given_name, std::move(items));
      used.push_back(capacity);
      if (!left.empty()) {
        Value again = *gets.request;
        again.set("Keys", std::move(left));
        unprocessed.set(gets.given_name, std::move(again));
      }
      if (auto described = describe_capacity(call.input["ReturnConsumedCapacity"], gets.table->name, capacity);
          !described.is_null())
        capacities.push_back(std::move(described));
    }
    return Value();
  });
  if (!read) return read;
  for (std::size_t i = 0; i < batch.size(); ++i) charge_read(*batch[i].table, used[i]);
  Map output = {{"Responses", std::move(responses)}, {"UnprocessedKeys", std::move(unprocessed)}};
  if (!capacities.empty()) output.set("ConsumedCapacity", std::move(capacities));
  return Value(std::move(output));
}

Result<Value> batch_write_item(Service& service, Call& call) {
  auto& requests = call.input.map().find("RequestItems")->map();
  // A write: an item to put, or the key of one to delete.
  struct Write {
    std::size_t table = 0;
    const Map* key = nullptr;
    StoredItem item;
  };
  std::vector<Write> writes;
  std::vector<TableName> names;
  Map unprocessed;
  std::optional<Error> exceeded;
  for (auto& [name, list] : requests) {
    const auto named = table_named(call, name);
    if (const auto table = service.tables.find(call.kernel.store, named); table)
      if (auto admitted = admit_write(**table, call.kernel.clock.now()); !admitted) {
        exceeded = admitted.error();
        unprocessed.set(name, list);
        continue;
      }
    for (auto& request : list.list()) {
      if (writes.size() == write_requests_max)
        return validation("Too many items requested for the BatchWriteItem call");
      auto *put = request.map().find("PutRequest"), *remove = request.map().find("DeleteRequest");
      const bool puts = put && !put->is_null(), removes = remove && !remove->is_null();
      if (puts && removes)
        return validation(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported "
            "datatypes");
      if (!puts && !removes)
        return validation("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes");
      auto& attributes = puts ? put->map().find("Item")->map() : remove->map().find("Key")->map();
      if (auto checked = check_attributes(attributes); !checked) return checked.error();
      Write write{names.size(), removes ? &attributes : nullptr, {}};
      if (puts) write.item = {std::move(attributes), 0};
      write.item.bytes = item_bytes(write.item.item);
      writes.push_back(std::move(write));
    }
    names.push_back(named);
  }
  if (names.empty() && exceeded) return *exceeded;

  std::vector<Capacity> capacities;
  Map collections;
  auto written = write_tables(
      service, call, names,
      [&](Transaction& tx, const Tables& tables, std::vector<Written>& done_there) -> Result<Value> {
        capacities.assign(tables.size(), {});
        collections = {};
        std::set<std::tuple<std::size_t, std::string, std::string>> seen;
        std::vector<KeyBytes> keys;
        for (const auto& write : writes) {
          const auto& table = *tables[write.table];
          auto key = write.key ? key_of_parameter(table.keys, *write.key) : key_of_item(table.keys, write.item.item);
          if (!key) return key.error();
          if (!write.key)
            if (auto checked = check_item(table, write.item, false); !checked) return checked.error();
          if (!seen.insert({write.table, key->partition, key->sort}).second) return duplicates();
          keys.push_back(std::move(*key));
        }
        for (std::size_t i = 0; i < writes.size(); ++i) {
          const auto& table = *tables[writes[i].table];
          const auto before = read_before(tx, table, keys[i], false);
          const auto one = write_item(tx, table, keys[i], before ? &*before : nullptr,
                                      writes[i].key ? nullptr : &writes[i].item, {call.kernel.clock.now()});
          capacities[writes[i].table] += one.capacity;
          done_there[writes[i].table] += one;
        }
        for (std::size_t i = 0; i < writes.size(); ++i)
          add_collection(
              collections, tables[writes[i].table]->name,
              item_collection_metrics(tx, call.input["ReturnItemCollectionMetrics"], *tables[writes[i].table], keys[i],
                                      writes[i].key ? *writes[i].key : writes[i].item.item));
        return Value();
      });
  if (!written) return written;

  Map output = {{"UnprocessedItems", std::move(unprocessed)}};
  List described;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (auto one = describe_capacity(call.input["ReturnConsumedCapacity"], names[i].name, capacities[i]);
        !one.is_null())
      described.push_back(std::move(one));
  if (!described.empty()) output.set("ConsumedCapacity", std::move(described));
  if (!collections.empty()) output.set("ItemCollectionMetrics", std::move(collections));
  return Value(std::move(output));
}

}  // namespace moonbase::dynamodb
