#include "items.hpp"

#include <algorithm>
#include <cmath>

#include "errors.hpp"
#include "expiry.hpp"
#include "item_format.hpp"
#include "recovery.hpp"
#include "stream.hpp"
#include "vector_index.hpp"

namespace moonbase::dynamodb {
namespace {

constexpr auto select_item =
    "SELECT content, bytes FROM dynamodb_item WHERE account = ? AND space = ? AND pk = ? AND sk = ? AND tie = ?";
constexpr auto select_bytes =
    "SELECT bytes FROM dynamodb_item WHERE account = ? AND space = ? AND pk = ? AND sk = ? AND tie = ?";
constexpr auto update_item =
    "UPDATE dynamodb_item SET bytes = ?, content = ? WHERE account = ? AND space = ? AND pk = ? AND sk = ? AND tie = ?";
constexpr auto upsert_item =
    "INSERT INTO dynamodb_item (account, space, pk, sk, tie, bytes, content) VALUES (?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (account, space, pk, sk, tie) DO UPDATE SET bytes = excluded.bytes, content = excluded.content";
constexpr auto delete_item =
    "DELETE FROM dynamodb_item WHERE account = ? AND space = ? AND pk = ? AND sk = ? AND tie = ?";

void put_row(Transaction& tx, const Table& table, std::int64_t space, const KeyBytes& key, std::string_view tie,
             const StoredItem& item) {
  const auto content = encode_item(item.item);
  tx.query(upsert_item, table.account, space, Blob{key.partition}, Blob{key.sort}, Blob{tie}, item.bytes,
           Blob{content});
}
// The same where the row is known to be there: the database need not look for a conflict first.
void replace_row(Transaction& tx, const Table& table, const KeyBytes& key, const StoredItem& item) {
  const auto content = encode_item(item.item);
  tx.query(update_item, item.bytes, Blob{content}, table.account, table.space, Blob{key.partition}, Blob{key.sort},
           Blob{""});
}
void delete_row(Transaction& tx, const Table& table, std::int64_t space, const KeyBytes& key, std::string_view tie) {
  tx.query(delete_item, table.account, space, Blob{key.partition}, Blob{key.sort}, Blob{tie});
}

double write_index(Transaction& tx, const Table& table, const Index& index, const KeyBytes& key, const Map* before,
                   const Map* after, Growth& growth) {
  const auto old_entry = before ? index_entry(table, index, *before) : std::nullopt;
  const auto new_entry = after ? index_entry(table, index, *after) : std::nullopt;
  const auto tie = tie_bytes(key);
  double units = 0;
  growth.items = (new_entry ? 1 : 0) - (old_entry ? 1 : 0);
  growth.bytes = static_cast<std::int64_t>(new_entry ? new_entry->projected.bytes : 0) -
                 static_cast<std::int64_t>(old_entry ? old_entry->projected.bytes : 0);
  const bool moves = old_entry && (!new_entry || !(new_entry->key == old_entry->key));
  if (moves) {
    delete_row(tx, table, index.space, old_entry->key, tie);
    units += write_units(old_entry->projected.bytes);
  }
  if (!new_entry) return units;
  if (old_entry && !moves && old_entry->projected.item == new_entry->projected.item) return units;
  insert_index_entry(tx, table, index, key, *new_entry);
  const auto replaced = old_entry && !moves ? old_entry->projected.bytes : 0;
  return units + write_units(std::max(replaced, new_entry->projected.bytes));
}

}  // namespace

std::optional<StoredItem> read_item(Transaction& tx, const Table& table, const KeyBytes& key) {
  const auto rows = tx.query(select_item, table.account, table.space, Blob{key.partition}, Blob{key.sort}, Blob{""});
  if (rows.empty()) return std::nullopt;
  return StoredItem{decode_item(rows[0][0].string()), static_cast<std::size_t>(rows[0][1].integer())};
}

std::optional<StoredItem> read_before(Transaction& tx, const Table& table, const KeyBytes& key, bool looks) {
  const bool table_looks = !table.indexes.empty() || !table.ttl_attribute.empty() || table.recovers || table.stream ||
                           !table.replica_streams.empty();
  if (looks || table_looks) return read_item(tx, table, key);
  const auto rows = tx.query(select_bytes, table.account, table.space, Blob{key.partition}, Blob{key.sort}, Blob{""});
  if (rows.empty()) return std::nullopt;
  return StoredItem{{}, static_cast<std::size_t>(rows[0][0].integer())};
}

double Capacity::total() const {
  double units = table;
  for (const auto* indexes : {&global, &local})
    for (const auto& [name, used] : *indexes) units += used;
  return units;
}

Capacity& Capacity::operator+=(const Capacity& more) {
  table += more.table;
  for (const auto& [name, units] : more.global) global[name] += units;
  for (const auto& [name, units] : more.local) local[name] += units;
  return *this;
}

Capacity& Capacity::operator*=(double factor) {
  table *= factor;
  for (auto* indexes : {&global, &local})
    for (auto& [name, units] : *indexes) units *= factor;
  return *this;
}

Written& Written::operator+=(const Written& more) {
  capacity += more.capacity;
  table.items += more.table.items;
  table.bytes += more.table.bytes;
  if (indexes.size() < more.indexes.size()) indexes.resize(more.indexes.size());
  for (std::size_t i = 0; i < more.indexes.size(); ++i) {
    indexes[i].items += more.indexes[i].items;
    indexes[i].bytes += more.indexes[i].bytes;
  }
  return *this;
}

double write_units(std::size_t bytes) { return static_cast<double>(std::max<std::size_t>(1, (bytes + 1023) / 1024)); }

double read_units(std::size_t bytes, bool consistent) {
  return static_cast<double>(std::max<std::size_t>(1, (bytes + 4095) / 4096)) * (consistent ? 1.0 : 0.5);
}

Value describe_capacity(const Value& asked, const std::string& table, const Capacity& capacity) {
  const auto level = asked.string_or("NONE");
  if (level == "NONE") return {};
  const auto units = [](double used) { return Value(Map{{"CapacityUnits", used}}); };
  Map described = {{"TableName", table}, {"CapacityUnits", capacity.total()}};
  if (level == "INDEXES") {
    described.set("Table", units(capacity.table));
    const auto indexes = [&](const char* member, const std::map<std::string, double>& used) {
      if (used.empty()) return;
      Map names;
      for (const auto& [name, count] : used) names.set(name, units(count));
      described.set(member, std::move(names));
    };
    indexes("LocalSecondaryIndexes", capacity.local);
    indexes("GlobalSecondaryIndexes", capacity.global);
  }
  return described;
}

Value item_collection_metrics(Transaction& tx, const Value& asked, const Table& table, const KeyBytes& key,
                              const Map& key_attributes) {
  const bool has_collections =
      std::any_of(table.indexes.begin(), table.indexes.end(), [](const Index& index) { return !index.global; });
  if (!has_collections || asked.string_or("NONE") != "SIZE") return {};
  // An index's partition has the same bytes as the table's.
  std::int64_t bytes = 0;
  const auto add = [&](std::int64_t space) {
    bytes += tx.query("SELECT COALESCE(SUM(bytes), 0) FROM dynamodb_item WHERE account = ? AND space = ? AND pk = ?",
                      table.account, space, Blob{key.partition})[0][0]
                 .integer();
  };
  add(table.space);
  for (const auto& index : table.indexes)
    if (!index.global) add(index.space);
  const auto& name = table.keys.partition[0].name;
  const auto gigabytes = static_cast<double>(bytes >> 30);
  return Map{{"ItemCollectionKey", Map{{name, *key_attributes.find(name)}}},
             {"SizeEstimateRangeGB", List{gigabytes, gigabytes + 1}}};
}

void add_collection(Map& tables, const std::string& table, Value metrics) {
  if (metrics.is_null()) return;
  auto& list = tables[table];
  if (list.is_null()) list = List{};
  if (std::find(list.list().begin(), list.list().end(), metrics) == list.list().end())
    list.list().push_back(std::move(metrics));
}

Written write_item(Transaction& tx, const Table& table, const KeyBytes& key, const StoredItem* before,
                   const StoredItem* after, const Origin& origin) {
  Written written;
  const auto old_bytes = before ? before->bytes : 0, new_bytes = after ? after->bytes : 0;
  written.capacity.table = write_units(std::max(old_bytes, new_bytes));
  written.table.items = (after ? 1 : 0) - (before ? 1 : 0);
  written.table.bytes = static_cast<std::int64_t>(new_bytes) - static_cast<std::int64_t>(old_bytes);
  if (after && before) {
    replace_row(tx, table, key, *after);
  } else if (after) {
    put_row(tx, table, table.space, key, "", *after);
  } else if (before) {
    delete_row(tx, table, table.space, key, "");
  }
  note_expiry(tx, table, key, before ? &before->item : nullptr, after ? &after->item : nullptr);
  if (table.recovers && (before || after)) note_undo(tx, table, key, before, origin.now);
  if (table.stream || !table.replica_streams.empty()) write_record(tx, table, before, after, origin);
  written.indexes.resize(table.indexes.size());
  for (std::size_t i = 0; i < table.indexes.size(); ++i) {
    const auto& index = table.indexes[i];
    const auto units = write_index(tx, table, index, key, before ? &before->item : nullptr,
                                   after ? &after->item : nullptr, written.indexes[i]);
    if (units > 0 && !index.vector)
      (index.global ? written.capacity.global : written.capacity.local)[index.name] += units;
  }
  return written;
}

std::string tie_bytes(const KeyBytes& item_key) {
  // The partition's length goes first, so that no two keys run together.
  std::string tie;
  tie += static_cast<char>(item_key.partition.size() >> 8);
  tie += static_cast<char>(item_key.partition.size() & 0xff);
  return tie + item_key.partition + item_key.sort;
}

std::optional<IndexEntry> index_entry(const Table& table, const Index& index, const Map& item) {
  auto key = key_in_index(index.keys, item);
  if (!key) return std::nullopt;
  IndexEntry entry{std::move(*key), {}};
  auto& projected = entry.projected;
  if (index.vector) {
    const auto* vector = item.find(index.vector->attribute);
    auto packed = vector ? pack_vector(*vector, index.vector->dimensions) : std::nullopt;
    if (!packed) return std::nullopt;
    entry.key.sort = std::move(*packed);
  }
  if (index.projects == Index::Projects::all) {
    projected.item = item;
    if (index.vector) projected.item.erase(index.vector->attribute);
    projected.bytes = item_bytes(projected.item) + (index.vector ? entry.key.sort.size() : 0);
    return entry;
  }
  projected.item = table.key_attributes(item, &index);
  for (const auto& attribute : index.attributes)
    if (const auto* value = item.find(attribute)) projected.item.set(attribute, *value);
  if (index.vector) projected.item.erase(index.vector->attribute);
  projected.bytes = item_bytes(projected.item) + (index.vector ? entry.key.sort.size() : 0);
  return entry;
}

void insert_index_entry(Transaction& tx, const Table& table, const Index& index, const KeyBytes& item_key,
                        const IndexEntry& entry) {
  put_row(tx, table, index.space, entry.key, tie_bytes(item_key), entry.projected);
}

Result<Done> check_item(const Table& table, const StoredItem& item, bool update) {
  for (const auto& index : table.indexes)
    if (auto checked = check_index_key(index.keys, index.name, item.item); !checked) return checked;
  for (const auto& index : table.indexes)
    if (index.vector)
      if (auto checked = check_vector(index, item.item); !checked) return checked;
  if (item.bytes > item_bytes_max)
    return validation(std::string("Item size ") + (update ? "to update " : "") +
                      "has exceeded the maximum allowed size");
  return done;
}

}  // namespace moonbase::dynamodb
