// A table's stream: its records and shards in the store.
//
// A shard is open for four hours and then followed by another; records and the shards that hold
// them are trimmed after a day of the platform's clock.
#pragma once

#include <string>

#include "items.hpp"

namespace moonbase::dynamodb {

constexpr std::int64_t shard_lifetime_ms = 4LL * 3600 * 1000;
constexpr std::int64_t record_lifetime_ms = 24LL * 3600 * 1000;

// Writes the record of a change; none where nothing changed. The table has a stream.
void write_record(Transaction& tx, const Table& table, const StoredItem* before, const StoredItem* after,
                  const Origin& origin);

// Gives the definition a new stream, or ends the one it has: StreamSpecification, LatestStreamArn
// and LatestStreamLabel follow.
Result<Done> set_stream(Transaction& tx, const TableName& table, Value& definition, const Value& specification,
                        Time now);
// The table is deleted: its stream is read for another day.
void end_stream(Transaction& tx, const Table& table, Time now);

// As clients see it: 21 digits, so that they compare as texts too.
std::string sequence_text(std::int64_t sequence);
std::string shard_id(std::int64_t shard, std::int64_t opened_at_ms);

}  // namespace moonbase::dynamodb
