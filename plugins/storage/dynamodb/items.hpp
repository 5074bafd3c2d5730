// Items in the store: reading and writing them with their index entries. Inside a transaction.
#pragma once

#include <map>
#include <moonbase/store.hpp>
#include <optional>
#include <string>
#include <vector>

#include "catalog.hpp"
#include "key.hpp"
#include "table.hpp"

namespace moonbase::dynamodb {

struct StoredItem {
  Map item;
  std::size_t bytes = 0;
};

std::optional<StoredItem> read_item(Transaction& tx, const Table& table, const KeyBytes& key);

// The item that a write is about to replace. Where neither the table (indexes, stream, expiry, recovery) nor the
// caller (`looks`: a condition, or an answer) looks inside, only its size is read and `item` is empty.
std::optional<StoredItem> read_before(Transaction& tx, const Table& table, const KeyBytes& key, bool looks);

// What a write or a read used, and what of it an index used. Units as DynamoDB counts them.
struct Capacity {
  double table = 0;
  std::map<std::string, double> global, local;

  double total() const;
  Capacity& operator+=(const Capacity& more);
  Capacity& operator*=(double factor);
};
double write_units(std::size_t bytes);
double read_units(std::size_t bytes, bool consistent);

// What ReturnConsumedCapacity asked for; null where it asked for nothing.
Value describe_capacity(const Value& asked, const std::string& table, const Capacity& capacity);

// {ItemCollectionKey, SizeEstimateRangeGB} of what was written, where it was asked for and the table has
// local indexes; else null. `key_attributes` has the partition key, `key` its bytes.
Value item_collection_metrics(Transaction& tx, const Value& asked, const Table& table, const KeyBytes& key,
                              const Map& key_attributes);

// Adds one to the metrics of several tables: each collection once.
void add_collection(Map& tables, const std::string& table, Value metrics);

// By how much a table or an index grew.
struct Growth {
  std::int64_t items = 0;
  std::int64_t bytes = 0;
};

// What a write did. Of a body that may run twice only the last counts, so it is a value.
struct Written {
  Capacity capacity;
  Growth table;
  std::vector<Growth> indexes;  // In the order of Table::indexes; empty where none changed.

  Written& operator+=(const Written& more);
};

// Why and when an item is written, for the table's stream.
struct Origin {
  Time now;
  bool expired = false;  // The time to live removes it.
};

// Puts `after` in the place of `before` (null: no item) and keeps the indexes, the expiry and the
// stream in step. Both have the key `key`; `before` must be what the transaction sees, and may be read_before()'s.
Written write_item(Transaction& tx, const Table& table, const KeyBytes& key, const StoredItem* before,
                   const StoredItem* after, const Origin& origin);

// An index's entry for an item: its key, and what of the item it holds.
struct IndexEntry {
  KeyBytes key;
  StoredItem projected;
};
std::optional<IndexEntry> index_entry(const Table& table, const Index& index, const Map& item);
void insert_index_entry(Transaction& tx, const Table& table, const Index& index, const KeyBytes& item_key,
                        const IndexEntry& entry);
// The bytes by which entries with the same index key differ.
std::string tie_bytes(const KeyBytes& item_key);

// Before an item is stored: its index keys' types and its size. `update` chooses the wording.
Result<Done> check_item(const Table& table, const StoredItem& item, bool update);

}  // namespace moonbase::dynamodb
