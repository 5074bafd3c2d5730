// Time to live: when items expire, and the sweep that deletes them on the platform's clock.
//
// Whenever a table has rows in dynamodb_expiry, a task "dynamodb-expire" is due at or before the
// first of them. So the sweep runs when there is something to do, and never otherwise.
#pragma once

#include <optional>
#include <string>

#include "items.hpp"

namespace moonbase::dynamodb {

// The second in which an item expires; nothing where its attribute is no number that could be one.
std::optional<std::int64_t> expires_at(const Table& table, const Map& item);

// An item is stored or removed: its expiry follows.
void note_expiry(Transaction& tx, const Table& table, const KeyBytes& key, const Map* before, const Map* after);

// The sweep is to run in this second, instead of whenever it was to.
void schedule_expiry(Transaction& tx, const Table& table, std::int64_t second);

}  // namespace moonbase::dynamodb
