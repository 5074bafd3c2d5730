#include "expiry.hpp"

#include <cstdlib>

#include "number.hpp"

namespace moonbase::dynamodb {
namespace {

constexpr double seconds_max = 1e12;  // The year 33658: far enough, and exact in milliseconds.

}  // namespace

std::optional<std::int64_t> expires_at(const Table& table, const Map& item) {
  if (table.ttl_attribute.empty()) return std::nullopt;
  const auto* value = item.find(table.ttl_attribute);
  if (!value || type_of(*value) != Type::number) return std::nullopt;
  const double seconds = std::strtod(content_of(*value).string().c_str(), nullptr);
  if (!(seconds >= 1 && seconds < seconds_max)) return std::nullopt;
  return static_cast<std::int64_t>(seconds);
}

void note_expiry(Transaction& tx, const Table& table, const KeyBytes& key, const Map* before, const Map* after) {
  if (table.ttl_attribute.empty()) return;
  constexpr std::int64_t never = 0;
  const auto was = before ? expires_at(table, *before).value_or(never) : never;
  const auto is = after ? expires_at(table, *after).value_or(never) : never;
  if (was == is) return;
  if (was != never)
    tx.query("DELETE FROM dynamodb_expiry WHERE account = ? AND space = ? AND expires_at = ? AND pk = ? AND sk = ?",
             table.account, table.space, was, Blob{key.partition}, Blob{key.sort});
  if (is == never) return;
  const auto first = tx.query("SELECT MIN(expires_at) FROM dynamodb_expiry WHERE account = ? AND space = ?",
                              table.account, table.space);
  tx.query(
      "INSERT INTO dynamodb_expiry (account, space, expires_at, pk, sk) VALUES (?, ?, ?, ?, ?) "
      "ON CONFLICT (account, space, expires_at, pk, sk) DO NOTHING",
      table.account, table.space, is, Blob{key.partition}, Blob{key.sort});
  if (first[0][0].is_null() || is < first[0][0].integer()) schedule_expiry(tx, table, is);
}

void schedule_expiry(Transaction& tx, const Table& table, std::int64_t second) {
  tx.schedule(Time{second * 1000}, "dynamodb-expire",
              Map{{"account", table.account}, {"region", table.region}, {"table", table.name}, {"space", table.space}},
              table.account + "/" + std::to_string(table.space));
}

}  // namespace moonbase::dynamodb
