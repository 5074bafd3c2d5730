// Catalog: the tables, kept in memory after their first use.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <moonbase/call.hpp>
#include <moonbase/store.hpp>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <tuple>

#include "table.hpp"

namespace moonbase::dynamodb {

using TablePointer = std::shared_ptr<const Table>;

// Which table: also what it is remembered under.
struct TableName {
  std::string account, region, name;
  friend auto operator<=>(const TableName&, const TableName&) = default;
};
// The table that a Call names in `TableName` (or its ARN).
TableName table_named(const Call& call, std::string_view name_or_arn);

// Any thread may use it.
class Catalog {
 public:
  // The Error is ResourceNotFoundException, with DynamoDB's text for item operations.
  Result<TablePointer> find(Store& store, const TableName& name);

  // It was created and is committed. Answers what is kept: another caller may have found it first.
  TablePointer add(const TableName& name, const TablePointer& table);
  // It was changed, as is committed now: the next find() reads it anew.
  void forget(const TableName& name);
  // It was deleted.
  void drop(const TableName& name);
  void clear(std::string_view account_id);  // Empty: all.

 private:
  struct Entry {
    TablePointer table;
    bool stale = false;  // Kept for its size, which goes on counting.
  };
  std::shared_mutex mutex_;
  std::map<TableName, Entry> tables_;
  std::uint64_t changes_ = 0;  // Of any table: what was read before one of them may be old.
};

// Reads a table's row; null where there is none. Inside a transaction, so that what follows in it
// holds for the table as it is.
TablePointer read_table(Transaction& tx, const TableName& name);
// Whether the table has not changed since it was read.
bool is_current(Transaction& tx, const Table& table);

// Gives out numbers of spaces and streams that the account has not used; answers the first.
std::int64_t take_spaces(Transaction& tx, const std::string& account, std::size_t count);
// A new table with this definition: gives it and its indexes their spaces.
TablePointer insert_table(Transaction& tx, const TableName& name, Value definition);
// Replaces one region's definition, or that and what other regions share of it; what is cached of the table is then to
// be forgotten.
void save_definition(Transaction& tx, const TableName& name, const Value& definition);
void save_table(Transaction& tx, const Table& table, const Value& definition);

Error table_not_found();
// The same as the operations on tables word it.
Error no_such_table(const std::string& name);

}  // namespace moonbase::dynamodb
