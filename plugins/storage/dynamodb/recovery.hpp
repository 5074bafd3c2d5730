// Backups and point-in-time recovery: copies of a table's items as they are or as they were. Inside a
// transaction.
//
// Recovery to a moment is by undoing: each change of a table that has it enabled keeps what the item
// was before. The state at a moment is the table's present one with, for every key changed since, the
// oldest of the later changes undone.
#pragma once

#include <moonbase/store.hpp>

#include "catalog.hpp"
#include "items.hpp"
#include "table.hpp"

namespace moonbase::dynamodb {

constexpr std::int64_t recovery_days_max = 35;
constexpr std::int64_t recovery_day_ms = 24LL * 3600 * 1000;

// Keeps what an item was. The table has recovery enabled.
void note_undo(Transaction& tx, const Table& table, const KeyBytes& key, const StoredItem* before, Time now);

// Copies the items of a space into another, empty one.
void copy_items(Transaction& tx, const std::string& account, std::int64_t from, std::int64_t to);
// Makes `space`, a copy of the table's items, what the table was at `at`.
void undo_until(Transaction& tx, const Table& table, std::int64_t space, Time at);
// The key of the task that trims what undoing needs: one a table.
std::string undo_key(const Table& table);
// Writes the entries of all the table's indexes, which are empty.
void fill_indexes(Transaction& tx, const Table& table);

}  // namespace moonbase::dynamodb
