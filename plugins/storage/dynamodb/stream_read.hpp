// A stream as it is read: its row, its shards, its records. Shared by the streams service and by whoever
// polls streams as an event source.
#pragma once

#include <moonbase/call.hpp>
#include <moonbase/store.hpp>
#include <optional>
#include <string>
#include <vector>

#include "stream.hpp"

namespace moonbase::dynamodb {

struct Stream {
  std::string arn, table_name, label, view_type, key_schema;
  std::int64_t number = 0, created_at_ms = 0, next_sequence = 0;
  bool enabled = true;
};
struct Shard {
  std::int64_t number = 0, opened_at_ms = 0, first = 0;
  std::int64_t last = -1;  // While it is open.
  std::string id() const { return shard_id(number, opened_at_ms); }
  bool open() const { return last < 0; }
};

inline constexpr auto stream_columns =
    "SELECT table_name, label, stream, view_type, key_schema, created_at_ms, disabled_at_ms, next_sequence "
    "FROM dynamodb_stream WHERE account = ? AND region = ?";
Stream read_stream_row(const CallContext& context, const Row& row);
// A stream of the caller's by its ARN: …:table/NAME/stream/LABEL.
std::optional<Stream> find_stream(Transaction& tx, const CallContext& context, const std::string& arn);
std::vector<Shard> read_shards(Transaction& tx, const CallContext& context, const Stream& stream);

// Columns of dynamodb_record, in the order that describe_record() reads them in.
inline constexpr auto record_columns = "sequence, at_ms, event, expired, keys, before, after";
Value describe_record(const Stream& stream, const std::string& region, const Row& row);

}  // namespace moonbase::dynamodb
