#include "catalog.hpp"

#include <moonbase/json.hpp>
#include <mutex>
#include <stdexcept>

#include "replicas.hpp"

namespace moonbase::dynamodb {

TableName table_named(const Call& call, std::string_view name_or_arn) {
  const auto& account = call.context.identity.account_id;
  // An ARN of another account or region names nothing here: it must not stand for the caller's own table.
  const bool ours = !name_or_arn.starts_with("arn:") || name_or_arn.starts_with(call.context.arn("dynamodb", ""));
  return {account, call.context.region, ours ? table_name_of(name_or_arn) : std::string(name_or_arn)};
}

Error no_such_table(const std::string& name) {
  return {"ResourceNotFoundException", "Requested resource not found: Table: " + name + " not found"};
}

void save_definition(Transaction& tx, const TableName& name, const Value& definition) {
  tx.query(
      "UPDATE dynamodb_table SET version = version + 1, definition = ? WHERE account = ? AND region = ? AND name = ?",
      to_json(definition), name.account, name.region, name.name);
}

void save_table(Transaction& tx, const Table& table, const Value& definition) {
  save_definition(tx, {table.account, table.region, table.name}, definition);
  sync_replicas(tx, table, definition);
}

Error table_not_found() { return {"ResourceNotFoundException", "Requested resource not found"}; }

TablePointer read_table(Transaction& tx, const TableName& name) {
  const auto rows =
      tx.query("SELECT space, version, definition FROM dynamodb_table WHERE account = ? AND region = ? AND name = ?",
               name.account, name.region, name.name);
  if (rows.empty()) return nullptr;
  auto definition = parse_json(rows[0][2].string());
  if (!definition) throw std::runtime_error("the definition of DynamoDB table " + name.name + " is damaged");
  return make_table(name.account, name.region, name.name, rows[0][0].integer(), rows[0][1].integer(),
                    std::move(*definition));
}

bool is_current(Transaction& tx, const Table& table) {
  const auto rows = tx.query("SELECT version, space FROM dynamodb_table WHERE account = ? AND region = ? AND name = ?",
                             table.account, table.region, table.name);
  return !rows.empty() && rows[0][0].integer() == table.version && rows[0][1].integer() == table.space;
}

std::int64_t take_spaces(Transaction& tx, const std::string& account, std::size_t count) {
  const auto more = static_cast<std::int64_t>(count);
  const auto rows = tx.query(
      "INSERT INTO dynamodb_space (account, next) VALUES (?, ?) "
      "ON CONFLICT (account) DO UPDATE SET next = dynamodb_space.next + ? RETURNING next",
      account, 1 + more, more);
  return rows[0][0].integer() - more;
}

TablePointer insert_table(Transaction& tx, const TableName& name, Value definition) {
  std::vector<Value*> indexes;
  for (const auto* kind : index_kinds)
    if (auto* list = definition.map().find(kind))
      for (auto& index : list->list()) indexes.push_back(&index);
  auto space = take_spaces(tx, name.account, 1 + indexes.size());
  const auto own_space = space++;
  for (auto* index : indexes) index->set("Space", space++);
  tx.query("INSERT INTO dynamodb_table (account, region, name, space, version, definition) VALUES (?, ?, ?, ?, 1, ?)",
           name.account, name.region, name.name, own_space, to_json(definition));
  return make_table(name.account, name.region, name.name, own_space, 1, std::move(definition));
}

Result<TablePointer> Catalog::find(Store& store, const TableName& name) {
  std::uint64_t changes = 0;
  {
    const std::shared_lock lock(mutex_);
    changes = changes_;
    const auto known = tables_.find(name);
    if (known != tables_.end() && !known->second.stale) return known->second.table;
  }
  TablePointer table;
  auto read = store.read([&](Transaction& tx) -> Result<Value> {
    table = read_table(tx, name);
    return Value();
  });
  if (!read) return read.error();
  const std::unique_lock lock(mutex_);
  if (!table) {
    if (const auto known = tables_.find(name); known != tables_.end() && known->second.stale) tables_.erase(known);
    return table_not_found();
  }
  auto& entry = tables_[name];
  if (entry.table && entry.table->space == table->space && !entry.stale && entry.table->version >= table->version)
    return entry.table;
  // Size and throughput go on counting; a replica in another region counts the same items.
  TablePointer counted = entry.table && entry.table->space == table->space ? entry.table : nullptr;
  if (!counted)
    for (const auto& region : regions_of(table->definition))
      if (const auto other = tables_.find({name.account, region, name.name});
          other != tables_.end() && other->second.table && other->second.table->space == table->space)
        counted = other->second.table;
  if (counted) {
    auto with_size = std::make_shared<Table>(*table);
    with_size->size = counted->size;
    with_size->throughput = counted->throughput;
    for (auto& index : with_size->indexes)
      if (const auto* known = counted->find_index(index.name); known && known->space == index.space) {
        index.size = known->size;
        index.throughput = known->throughput;
      }
    table = std::move(with_size);
  }
  entry = {table, changes != changes_};
  return table;
}

void Catalog::forget(const TableName& name) {
  const std::unique_lock lock(mutex_);
  ++changes_;
  // In all regions: the table may have replicas.
  for (auto& [known, entry] : tables_)
    if (known.account == name.account && known.name == name.name) entry.stale = true;
}

TablePointer Catalog::add(const TableName& name, const TablePointer& table) {
  const std::unique_lock lock(mutex_);
  ++changes_;
  auto& entry = tables_[name];
  if (!entry.table || entry.stale || entry.table->space != table->space) entry = {table, false};
  return entry.table;
}

void Catalog::drop(const TableName& name) {
  forget(name);
  const std::unique_lock lock(mutex_);
  tables_.erase(name);
}

void Catalog::clear(std::string_view account_id) {
  const std::unique_lock lock(mutex_);
  ++changes_;
  std::erase_if(tables_, [&](const auto& entry) { return account_id.empty() || entry.first.account == account_id; });
}

}  // namespace moonbase::dynamodb
