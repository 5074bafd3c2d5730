#include "recovery.hpp"

#include "item_format.hpp"

namespace moonbase::dynamodb {
namespace {
constexpr std::size_t chunk_rows = 1000;
}

void note_undo(Transaction& tx, const Table& table, const KeyBytes& key, const StoredItem* before, Time now) {
  const auto content = before ? encode_item(before->item) : std::string();
  tx.query(
      "INSERT INTO dynamodb_undo (account, space, sequence, at_ms, pk, sk, bytes, content) VALUES (?, ?, "
      "(SELECT COALESCE(MAX(sequence), 0) + 1 FROM dynamodb_undo WHERE account = ? AND space = ?), ?, ?, ?, ?, ?)",
      table.account, table.space, table.account, table.space, now.ms, Blob{key.partition}, Blob{key.sort},
      before ? before->bytes : 0, before ? Parameter(Blob{content}) : Parameter(nullptr));
}

std::string undo_key(const Table& table) { return table.account + "/" + std::to_string(table.space); }

void copy_items(Transaction& tx, const std::string& account, std::int64_t from, std::int64_t to) {
  tx.query(
      "INSERT INTO dynamodb_item (account, space, pk, sk, tie, bytes, content) "
      "SELECT account, ?, pk, sk, tie, bytes, content FROM dynamodb_item WHERE account = ? AND space = ?",
      to, account, from);
}

void undo_until(Transaction& tx, const Table& table, std::int64_t space, Time at) {
  constexpr auto oldest_later_changes =
      "SELECT pk, sk, MIN(sequence) FROM dynamodb_undo WHERE account = ? AND space = ? AND at_ms > ? GROUP BY pk, sk";
  tx.query(std::string("DELETE FROM dynamodb_item WHERE account = ? AND space = ? AND (pk, sk) IN (SELECT pk, sk FROM (") +
               oldest_later_changes + ") AS later)",
           table.account, space, table.account, table.space, at.ms);
  tx.query(std::string("INSERT INTO dynamodb_item (account, space, pk, sk, tie, bytes, content) "
                       "SELECT account, ?, pk, sk, ?, bytes, content FROM dynamodb_undo WHERE account = ? AND space = ? "
                       "AND content IS NOT NULL AND (pk, sk, sequence) IN (") +
               oldest_later_changes + ")",
           space, Blob{""}, table.account, table.space, table.account, table.space, at.ms);
}

void fill_indexes(Transaction& tx, const Table& table) {
  if (table.indexes.empty()) return;
  std::string pk, sk, tie;
  while (true) {
    const auto rows = tx.query(
        "SELECT pk, sk, content FROM dynamodb_item WHERE account = ? AND space = ? AND (pk, sk, tie) > (?, ?, ?) "
        "ORDER BY pk, sk, tie LIMIT ?",
        table.account, table.space, Blob{pk}, Blob{sk}, Blob{tie}, chunk_rows);
    for (const auto& row : rows) {
      const KeyBytes key{row[0].string(), row[1].string()};
      const auto item = decode_item(row[2].string());
      for (const auto& index : table.indexes)
        if (const auto entry = index_entry(table, index, item)) insert_index_entry(tx, table, index, key, *entry);
    }
    if (rows.size() < chunk_rows) return;
    pk = rows.back()[0].string();
    sk = rows.back()[1].string();
    tie.assign(1, '\0');  // Behind that row: an item's own tie is empty.
  }
}

}  // namespace moonbase::dynamodb
