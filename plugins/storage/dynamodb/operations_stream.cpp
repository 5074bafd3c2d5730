// DescribeStream, GetRecords, GetShardIterator, ListStreams.
#include <algorithm>
#include <charconv>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>
#include <stdexcept>

#include "errors.hpp"
#include "service.hpp"
#include "stream.hpp"
#include "stream_read.hpp"

namespace moonbase::dynamodb {
namespace {

constexpr std::int64_t page_shards = 100, page_streams = 100, page_records = 1000;
constexpr std::size_t page_bytes = 1024 * 1024;
constexpr std::int64_t iterator_lifetime_ms = 15 * 60 * 1000;

Error no_such_stream(const std::string& arn) {
  return {"ResourceNotFoundException", "Requested resource not found: Stream: " + arn + " not found"};
}

// --- iterators -----------------------------------------------------------------------------------

// Where reading goes on. Clients keep it as text and may send anything back.
struct Iterator {
  std::string arn;
  std::int64_t shard = 0, sequence = 0, made_at_ms = 0;

  std::string text() const {
    return arn + "|1|" +
           base64(std::to_string(shard) + " " + std::to_string(sequence) + " " + std::to_string(made_at_ms));
  }
};

std::optional<Iterator> read_iterator(const std::string& text) {
  const auto bar = text.find("|1|");
  if (bar == std::string::npos) return std::nullopt;
  const auto numbers = from_base64(std::string_view(text).substr(bar + 3));
  if (!numbers) return std::nullopt;
  Iterator iterator{text.substr(0, bar)};
  const char* at = numbers->data();
  const char* const end = at + numbers->size();
  for (auto* number : {&iterator.shard, &iterator.sequence, &iterator.made_at_ms}) {
    const auto read = std::from_chars(at, end, *number);
    if (read.ec != std::errc()) return std::nullopt;
    at = read.ptr < end ? read.ptr + 1 : end;
  }
  return iterator;
}

std::optional<std::int64_t> read_sequence(const std::string& text) {
  std::int64_t sequence = 0;
  if (text.size() < 2 || text[0] != '1') return std::nullopt;
  const auto read = std::from_chars(text.data() + 1, text.data() + text.size(), sequence);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return sequence;
}

}  // namespace

Result<Value> list_streams(Service&, Call& call) {
  const auto limit = call.input["Limit"].integer_or(page_streams);
  const auto start = call.input["ExclusiveStartStreamArn"].string_or("");
  const auto wanted =
      call.input["TableName"].is_null() ? std::string() : table_name_of(call.input["TableName"].string());
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    List streams;
    Map output;
    for (const auto& row : tx.query(std::string(stream_columns) + " ORDER BY table_name, label",
                                    call.context.identity.account_id, call.context.region)) {
      const auto stream = read_stream_row(call.context, row);
      if (!wanted.empty() && stream.table_name != wanted) continue;
      if (!start.empty() && stream.arn <= start) continue;
      if (static_cast<std::int64_t>(streams.size()) == limit) {
        output.set("LastEvaluatedStreamArn", streams.back()["StreamArn"]);
        break;
      }
      streams.push_back(
          Map{{"StreamArn", stream.arn}, {"StreamLabel", stream.label}, {"TableName", stream.table_name}});
    }
    output.set("Streams", std::move(streams));
    return Value(std::move(output));
  });
}

Result<Value> describe_stream(Service&, Call& call) {
  const auto& arn = call.input["StreamArn"].string();
  const auto limit = call.input["Limit"].integer_or(page_shards);
  const auto start = call.input["ExclusiveStartShardId"].string_or("");
  const auto& filter = call.input["ShardFilter"];
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto stream = find_stream(tx, call.context, arn);
    if (!stream) return no_such_stream(arn);
    auto schema = parse_json(stream->key_schema);
    if (!schema) throw std::runtime_error("the key schema of a stream is damaged");
    Map described = {{"StreamArn", arn},
                     {"StreamLabel", stream->label},
                     {"StreamStatus", stream->enabled ? "ENABLED" : "DISABLED"},
                     {"StreamViewType", stream->view_type},
                     {"CreationRequestDateTime", stream->created_at_ms},
                     {"TableName", stream->table_name},
                     {"KeySchema", std::move(*schema)}};
    List shards;
    std::string before;
    for (const auto& shard : read_shards(tx, call.context, *stream)) {
      const auto parent = std::exchange(before, shard.id());
      if (!start.empty() && shard.id() <= start) continue;
      if (filter["Type"].string_or("") == "CHILD_SHARDS" && parent != filter["ShardId"].string_or("")) continue;
      if (static_cast<std::int64_t>(shards.size()) == limit) {
        described.set("LastEvaluatedShardId", shards.back()["ShardId"]);
        break;
      }
      Map range = {{"StartingSequenceNumber", sequence_text(shard.first)}};
      if (!shard.open()) range.set("EndingSequenceNumber", sequence_text(std::max(shard.first, shard.last)));
      Map one = {{"ShardId", shard.id()}, {"SequenceNumberRange", std::move(range)}};
      if (!parent.empty()) one.set("ParentShardId", parent);
      shards.push_back(std::move(one));
    }
    described.set("Shards", std::move(shards));
    return Value(Map{{"StreamDescription", std::move(described)}});
  });
}

Result<Value> get_shard_iterator(Service&, Call& call) {
  const auto& input = call.input;
  const auto& arn = input["StreamArn"].string();
  const auto type = input["ShardIteratorType"].string();
  const auto now = call.kernel.clock.now();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto stream = find_stream(tx, call.context, arn);
    if (!stream) return no_such_stream(arn);
    const auto shards = read_shards(tx, call.context, *stream);
    const auto shard = std::find_if(shards.begin(), shards.end(),
                                    [&](const Shard& one) { return one.id() == input["ShardId"].string(); });
    if (shard == shards.end())
      return Error{"ResourceNotFoundException", "Requested resource not found: Shard does not exist"};
    Iterator iterator{arn, shard->number, shard->first, now.ms};
    if (type == "LATEST") {
      iterator.sequence = stream->next_sequence;
    } else if (type == "AT_SEQUENCE_NUMBER" || type == "AFTER_SEQUENCE_NUMBER") {
      if (input["SequenceNumber"].is_null())
        return validation("SequenceNumber is required for ShardIteratorType " + type);
      const auto sequence = read_sequence(input["SequenceNumber"].string());
      const auto last = shard->open() ? stream->next_sequence - 1 : shard->last;
      if (!sequence || *sequence < shard->first || *sequence > last)
        return validation("Invalid SequenceNumber: " + input["SequenceNumber"].string());
      iterator.sequence = *sequence + (type == "AFTER_SEQUENCE_NUMBER" ? 1 : 0);
      const auto oldest = tx.query("SELECT MIN(sequence) FROM dynamodb_record WHERE account = ? AND stream = ?",
                                   call.context.identity.account_id, stream->number);
      if (oldest[0][0].is_null() || oldest[0][0].integer() > *sequence)
        return Error{"TrimmedDataAccessException",
                     "The operation attempted to read past the oldest stream record in a shard."};
    } else if (type != "TRIM_HORIZON") {
      return validation("1 validation error detected: Value '" + type +
                        "' at 'shardIteratorType' failed to satisfy constraint: Member must satisfy enum value set: "
                        "[AFTER_SEQUENCE_NUMBER, LATEST, AT_SEQUENCE_NUMBER, TRIM_HORIZON]");
    }
    return Value(Map{{"ShardIterator", iterator.text()}});
  });
}

Result<Value> get_records(Service&, Call& call) {
  const auto iterator = read_iterator(call.input["ShardIterator"].string());
  if (!iterator) return validation("Invalid ShardIterator");
  const auto now = call.kernel.clock.now();
  if (now.ms - iterator->made_at_ms > iterator_lifetime_ms)
    return Error{"ExpiredIteratorException", "Iterator expired. The iterator was created at time " +
                                                 iso_8601(Time{iterator->made_at_ms}) + " while right now it is " +
                                                 iso_8601(now) +
                                                 " which is further in the future than the tolerated "
                                                 "delay of 900000 milliseconds."};
  const auto limit = std::clamp<std::int64_t>(call.input["Limit"].integer_or(page_records), 1, page_records);
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto stream = find_stream(tx, call.context, iterator->arn);
    if (!stream) return no_such_stream(iterator->arn);
    const auto shards = read_shards(tx, call.context, *stream);
    const auto shard =
        std::find_if(shards.begin(), shards.end(), [&](const Shard& one) { return one.number == iterator->shard; });
    if (shard == shards.end())
      return Error{"TrimmedDataAccessException",
                   "The operation attempted to read past the oldest stream record in a shard."};
    const auto last = shard->open() ? stream->next_sequence - 1 : shard->last;

    List records;
    auto next = iterator->sequence;
    std::size_t bytes = 0;
    tx.each(
        "SELECT sequence, at_ms, event, expired, keys, before, after FROM dynamodb_record WHERE account = ? AND stream "
        "= "
        "? AND sequence >= ? AND sequence <= ? AND at_ms > ? ORDER BY sequence LIMIT ?",
        {call.context.identity.account_id, stream->number, iterator->sequence, last, now.ms - record_lifetime_ms,
         limit},
        [&](const Row& row) {
          for (const int column : {4, 5, 6}) bytes += row[column].is_null() ? 0 : row[column].string().size();
          if (!records.empty() && bytes > page_bytes) return false;
          records.push_back(describe_record(*stream, call.context.region, row));
          next = row[0].integer() + 1;
          return true;
        });
    Map output = {{"Records", std::move(records)}};
    if (shard->open() || next <= last)
      output.set("NextShardIterator", Iterator{iterator->arn, shard->number, next, now.ms}.text());
    return Value(std::move(output));
  });
}

}  // namespace moonbase::dynamodb
