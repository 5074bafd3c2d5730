// What DynamoDB does on its own: clearing, filling an index, expiry, trimming a stream.
#include <algorithm>

#include "expiry.hpp"
#include "item_format.hpp"
#include "recovery.hpp"
#include "service.hpp"
#include "stream.hpp"

namespace moonbase::dynamodb {
namespace {

constexpr std::size_t chunk_rows = 1000;  // What a step touches in one transaction.
constexpr std::size_t sweep_rows = 200;
constexpr std::int64_t expiry_seconds_max = 5LL * 365 * 24 * 3600;  // What expired longer ago stays.

TableName table_of(const Value& payload) {
  return {payload["account"].string(), payload["region"].string(), payload["table"].string()};
}

// Goes through a table's items in steps of one transaction each. Each step asks `goes_on` first, with
// the table as it is then; `last`, if any, runs in the last step's transaction.
struct Walk {
  std::function<bool(Transaction&, const Table&)> goes_on;
  std::function<void(Transaction&, const Table&, const KeyBytes&, const Map&)> visit;
  std::function<void(Transaction&, const Table&)> last;
};
Result<Done> walk_items(Store& store, const TableName& name, const Walk& walk) {
  std::string pk, sk;
  bool first = true, finished = false;
  while (!finished) {
    auto step = store.write([&](Transaction& tx) -> Result<Value> {
      finished = true;
      const auto table = read_table(tx, name);
      if (!table || !walk.goes_on(tx, *table)) return Value();
      const auto rows = tx.query(
          "SELECT pk, sk, content FROM dynamodb_item WHERE account = ? AND space = ? AND (pk, sk, tie) > (?, ?, ?) "
          "ORDER BY pk, sk, tie LIMIT ?",
          table->account, table->space, Blob{pk}, Blob{sk}, Blob{first ? "" : std::string_view("\0", 1)}, chunk_rows);
      for (const auto& row : rows)
        walk.visit(tx, *table, {row[0].string(), row[1].string()}, decode_item(row[2].string()));
      if (rows.size() == chunk_rows) {
        finished = false;
        return Value(Map{{"pk", rows.back()[0]}, {"sk", rows.back()[1]}});
      }
      if (walk.last) walk.last(tx, *table);
      return Value();
    });
    if (!step) return step.error();
    if (finished) break;
    pk = (*step)["pk"].string();
    sk = (*step)["sk"].string();
    first = false;
  }
  return done;
}

// What was written to a table, in the order of the indexes that its definition has meanwhile.
Written of_indexes(Written written, const Table& before, const Table& after) {
  std::vector<Growth> indexes(after.indexes.size());
  for (std::size_t i = 0; i < written.indexes.size(); ++i)
    for (std::size_t j = 0; j < after.indexes.size(); ++j)
      if (before.indexes[i].space == after.indexes[j].space) indexes[j] = written.indexes[i];
  written.indexes = std::move(indexes);
  return written;
}

}  // namespace

Result<Done> clear_space(TaskRun& run) {
  const auto account = run.payload["account"].string();
  const auto space = run.payload["space"].integer();
  while (true) {
    bool finished = false;
    auto cleared = run.kernel.store.write([&](Transaction& tx) -> Result<Value> {
      tx.query(
          "DELETE FROM dynamodb_item WHERE account = ? AND space = ? AND (pk, sk, tie) IN (SELECT pk, sk, tie FROM "
          "dynamodb_item WHERE account = ? AND space = ? LIMIT ?)",
          account, space, account, space, chunk_rows);
      finished = tx.changes() < static_cast<std::int64_t>(chunk_rows);
      return Value();
    });
    if (!cleared) return cleared.error();
    if (finished) return done;
  }
}

// Writes that come in the meantime keep the index themselves; each step sees what is committed, so
// an entry is the same whoever writes it.
Result<Done> backfill_index(Service& service, TaskRun& run) {
  const auto name = table_of(run.payload);
  const auto index_name = run.payload["index"].string();
  auto walked = walk_items(run.kernel.store, name,
                           {[&](Transaction&, const Table& table) {
                              const auto* index = table.find_index(index_name);
                              return index && !index->active;  // Else it was deleted in the meantime, or filled before.
                            },
                            [&](Transaction& tx, const Table& table, const KeyBytes& key, const Map& item) {
                              const auto& index = *table.find_index(index_name);
                              if (const auto entry = index_entry(table, index, item))
                                insert_index_entry(tx, table, index, key, *entry);
                            },
                            [&](Transaction& tx, const Table& table) {
                              auto definition = table.definition;
                              auto* described = find_index(definition, index_name);
                              described->set("IndexStatus", "ACTIVE");
                              described->map().erase("Backfilling");
                              save_table(tx, table, definition);
                            }});
  service.tables.forget(name);
  return walked;
}

// The time to live was enabled: items that were there get their expiry.
Result<Done> backfill_expiry(TaskRun& run) {
  const auto space = run.payload["space"].integer();
  return walk_items(
      run.kernel.store, table_of(run.payload),
      {[&](Transaction&, const Table& table) { return table.space == space && !table.ttl_attribute.empty(); },
       [](Transaction& tx, const Table& table, const KeyBytes& key, const Map& item) {
         note_expiry(tx, table, key, nullptr, &item);
       },
       nullptr});
}

// Nothing expires any more: the table is gone, or has no time to live. Where it has one again, what is old is found
// out when it falls due.
Result<Done> forget_expiry(TaskRun& run) {
  const auto name = table_of(run.payload);
  const auto space = run.payload["space"].integer();
  bool finished = false;
  while (!finished) {
    auto forgotten = run.kernel.store.write([&](Transaction& tx) -> Result<Value> {
      finished = true;
      const auto table = read_table(tx, name);
      if (table && table->space == space && !table->ttl_attribute.empty()) return Value();
      tx.query(
          "DELETE FROM dynamodb_expiry WHERE account = ? AND space = ? AND (expires_at, pk, sk) IN (SELECT expires_at, "
          "pk, sk FROM dynamodb_expiry WHERE account = ? AND space = ? LIMIT ?)",
          name.account, space, name.account, space, chunk_rows);
      finished = tx.changes() < static_cast<std::int64_t>(chunk_rows);
      return Value();
    });
    if (!forgotten) return forgotten.error();
  }
  return done;
}

Result<Done> expire_items(Service& service, TaskRun& run) {
  const auto name = table_of(run.payload);
  const auto space = run.payload["space"].integer();
  bool finished = false;
  while (!finished) {
    const auto now = run.kernel.clock.now();
    TablePointer table;
    Written written;
    auto step = run.kernel.store.write([&](Transaction& tx) -> Result<Value> {
      finished = true;
      written = {};
      table = read_table(tx, name);
      if (!table || table->space != space || table->ttl_attribute.empty()) {
        table = nullptr;
        return Value();
      }
      const auto rows = tx.query(
          "SELECT expires_at, pk, sk FROM dynamodb_expiry WHERE account = ? AND space = ? AND expires_at <= ? "
          "ORDER BY expires_at LIMIT ?",
          table->account, table->space, now.seconds(), sweep_rows);
      for (const auto& row : rows) {
        const KeyBytes key{row[1].string(), row[2].string()};
        const auto item = read_item(tx, *table, key);
        const bool too_old = row[0].integer() < now.seconds() - expiry_seconds_max;
        if (item && !too_old && expires_at(*table, item->item) == row[0].integer())
          written += write_item(tx, *table, key, &*item, nullptr, {now, true});
        else
          tx.query(
              "DELETE FROM dynamodb_expiry WHERE account = ? AND space = ? AND expires_at = ? AND pk = ? AND sk = ?",
              table->account, table->space, row[0].integer(), Blob{key.partition}, Blob{key.sort});
      }
      finished = rows.size() < sweep_rows;
      const auto next = tx.query("SELECT MIN(expires_at) FROM dynamodb_expiry WHERE account = ? AND space = ?",
                                 table->account, table->space);
      if (finished && !next[0][0].is_null()) schedule_expiry(tx, *table, next[0][0].integer());
      return Value();
    });
    if (!step) return step.error();
    // The sizes are those of the table that is in use: of the same items, and what is still its index.
    if (!table) continue;
    const auto used = service.tables.find(run.kernel.store, name);
    if (!used || (*used)->space != table->space) continue;
    note_written(service, **used, of_indexes(written, *table, **used));
  }
  return done;
}

// Forgets what is too old to be undone, once a day; all of it, once the table is gone or has no recovery.
Result<Done> trim_undo(TaskRun& run) {
  const auto name = table_of(run.payload);
  const auto space = run.payload["space"].integer();
  bool finished = false;
  while (!finished) {
    auto step = run.kernel.store.write([&](Transaction& tx) -> Result<Value> {
      const auto now = run.kernel.clock.now();
      const auto table = read_table(tx, name);
      const bool recovers = table && table->space == space && table->recovers;
      const auto oldest =
          recovers ? now.ms - table->definition["Recovery"]["Days"].integer() * recovery_day_ms : INT64_MAX;
      tx.query(
          "DELETE FROM dynamodb_undo WHERE account = ? AND space = ? AND at_ms < ? AND sequence < (SELECT "
          "MIN(sequence) "
          "FROM dynamodb_undo WHERE account = ? AND space = ?) + ?",
          name.account, space, oldest, name.account, space, chunk_rows);
      finished = tx.changes() < static_cast<std::int64_t>(chunk_rows);
      if (finished && recovers)
        tx.schedule(Time{now.ms + recovery_day_ms}, "dynamodb-undo-trim", run.payload, undo_key(*table));
      return Value();
    });
    if (!step) return step.error();
  }
  return done;
}

Result<Done> trim_stream(TaskRun& run) {
  const auto account = run.payload["account"].string();
  const auto stream = run.payload["stream"].integer();
  bool finished = false;
  while (!finished) {
    auto step = run.kernel.store.write([&](Transaction& tx) -> Result<Value> {
      const auto oldest = run.kernel.clock.now().ms - record_lifetime_ms;
      tx.query(
          "DELETE FROM dynamodb_record WHERE account = ? AND stream = ? AND sequence IN (SELECT sequence FROM "
          "dynamodb_record WHERE account = ? AND stream = ? AND at_ms <= ? ORDER BY sequence LIMIT ?)",
          account, stream, account, stream, oldest, chunk_rows);
      finished = tx.changes() < static_cast<std::int64_t>(chunk_rows);
      if (!finished) return Value();
      const auto first = tx.query(
          "SELECT sequence, at_ms FROM dynamodb_record WHERE account = ? AND stream = ? "
          "ORDER BY sequence LIMIT 1",
          account, stream);
      const auto next =
          tx.query("SELECT next_sequence, disabled_at_ms FROM dynamodb_stream WHERE account = ? AND stream = ?",
                   account, stream);
      if (next.empty()) return Value();
      const auto left = first.empty() ? next[0][0].integer() : first[0][0].integer();
      tx.query("DELETE FROM dynamodb_shard WHERE account = ? AND stream = ? AND last_sequence < ?", account, stream,
               left);
      const bool gone = !next[0][1].is_null() && next[0][1].integer() <= oldest && first.empty();
      if (gone) {
        tx.query("DELETE FROM dynamodb_stream WHERE account = ? AND stream = ?", account, stream);
        tx.query("DELETE FROM dynamodb_shard WHERE account = ? AND stream = ?", account, stream);
        return Value();
      }
      if (first.empty() && next[0][1].is_null()) {
        tx.query("UPDATE dynamodb_stream SET trims = 0 WHERE account = ? AND stream = ?", account, stream);
        return Value();
      }
      const auto from = first.empty() ? next[0][1].integer() : first[0][1].integer();
      tx.schedule(Time{from + record_lifetime_ms}, "dynamodb-trim", Map{{"account", account}, {"stream", stream}},
                  account + "/" + std::to_string(stream));
      return Value();
    });
    if (!step) return step.error();
  }
  return done;
}

}  // namespace moonbase::dynamodb
