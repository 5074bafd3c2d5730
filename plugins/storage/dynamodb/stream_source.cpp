#include "stream_source.hpp"

#include <algorithm>
#include <charconv>
#include <moonbase/json.hpp>

#include "errors.hpp"
#include "stream_read.hpp"

namespace moonbase::dynamodb {
namespace {

constexpr std::int64_t records_read_max = 1000;

Error no_such_stream(std::string_view arn) {
  return {"ResourceNotFoundException", "Requested resource not found: Stream: " + std::string(arn) + " not found"};
}

SourceRecord source_record(const Stream& stream, const std::string& region, const Row& row) {
  SourceRecord record;
  record.event = describe_record(stream, region, row);
  record.event.set("eventSourceARN", stream.arn);
  auto& change = record.event.map().find("dynamodb")->map();
  for (const char* member : {"Keys", "OldImage", "NewImage"})
    if (auto* image = change.find(member)) *image = json_shape(*image);
  change.set("ApproximateCreationDateTime", row[1].integer() / 1000);
  record.id = record.item_id = change["SequenceNumber"].string();
  record.group = to_json(change["Keys"]);
  record.position = std::to_string(row[0].integer() + 1);
  record.arrived = {row[1].integer()};
  // Names and types are repeated in the event; twice the stored bytes and its frame is an upper estimate.
  record.bytes = 512;
  for (const int column : {4, 5, 6}) record.bytes += row[column].is_null() ? 0 : 2 * row[column].string().size();
  return record;
}

}  // namespace

std::shared_ptr<Signal> StreamSignals::of(const std::string& account, std::int64_t stream) {
  const std::lock_guard lock(mutex_);
  any_ = true;
  auto& signal = signals_[{account, stream}];
  if (!signal) signal = std::make_shared<Signal>();
  return signal;
}

void StreamSignals::notify(const std::string& account, std::int64_t stream) {
  if (!any_.load()) return;
  std::shared_ptr<Signal> signal;
  {
    const std::lock_guard lock(mutex_);
    const auto found = signals_.find({account, stream});
    if (found == signals_.end()) return;
    if (found->second.use_count() == 1) {  // Nobody polls it any more.
      signals_.erase(found);
      return;
    }
    signal = found->second;
  }
  signal->notify();
}

void StreamSignals::notify_all() {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, signal] : signals_) signal->notify();
}

Result<bool> StreamSource::is_queue(const CallContext& context, std::string_view arn) {
  if (arn.find("/stream/") == arn.npos)
    return Error{"ValidationException", std::string(arn) + " is no stream: its ARN has the stream's label"};
  if (!changed(context, arn)) return no_such_stream(arn);
  return false;
}

std::shared_ptr<Signal> StreamSource::changed(const CallContext& context, std::string_view arn) {
  const auto number = kernel_.store.read([&](Transaction& tx) -> Result<Value> {
    const auto stream = find_stream(tx, context, std::string(arn));
    return stream ? Value(stream->number) : Value();
  });
  if (!number || number->is_null()) return nullptr;
  return signals_.of(context.identity.account_id, number->integer());
}

Result<std::vector<SourceShard>> StreamSource::shards(const CallContext& context, std::string_view arn) {
  std::vector<SourceShard> found;
  const auto read = kernel_.store.read([&](Transaction& tx) -> Result<Value> {
    found.clear();
    const auto stream = find_stream(tx, context, std::string(arn));
    if (!stream) return no_such_stream(arn);
    std::string before;
    for (const auto& shard : read_shards(tx, context, *stream)) {
      found.push_back({shard.id(), before});
      before = shard.id();
    }
    return Value();
  });
  if (!read) return read.error();
  return found;
}

Result<std::string> StreamSource::start(const CallContext& context, std::string_view arn, std::string_view shard,
                                        SourceStart from, Time) {
  if (from == SourceStart::at_timestamp) return validation("A table's stream is not read from a moment");
  const auto position = kernel_.store.read([&](Transaction& tx) -> Result<Value> {
    const auto stream = find_stream(tx, context, std::string(arn));
    if (!stream) return no_such_stream(arn);
    for (const auto& each : read_shards(tx, context, *stream)) {
      if (each.id() != shard) continue;
      if (from == SourceStart::trim_horizon) return Value(each.first);
      return Value(each.open() ? stream->next_sequence : each.last + 1);
    }
    return Error{"ResourceNotFoundException", "Requested resource not found: Shard does not exist"};
  });
  if (!position) return position.error();
  return std::to_string(position->integer());
}

Result<SourceBatch> StreamSource::read(const CallContext& context, std::string_view arn, const SourceRead& wanted) {
  std::int64_t from = 0;
  const auto end = wanted.position.data() + wanted.position.size();
  if (const auto parsed = std::from_chars(wanted.position.data(), end, from);
      parsed.ec != std::errc() || parsed.ptr != end)
    return validation("Invalid position in a stream: " + wanted.position);
  SourceBatch batch;
  const auto now = kernel_.clock.now();
  const auto read = kernel_.store.read([&](Transaction& tx) -> Result<Value> {
    batch = {};
    batch.position = wanted.position;
    const auto stream = find_stream(tx, context, std::string(arn));
    if (!stream) return no_such_stream(arn);
    const auto shards = read_shards(tx, context, *stream);
    const auto shard =
        std::find_if(shards.begin(), shards.end(), [&](const Shard& one) { return one.id() == wanted.shard; });
    batch.ended = shard == shards.end();  // Trimmed away.
    if (batch.ended) return Value();
    const auto last = shard->open() ? stream->next_sequence - 1 : shard->last;
    auto next = from;
    std::size_t bytes = 0;
    bool full = false;
    tx.each(
        std::string("SELECT ") + record_columns +
            " FROM dynamodb_record WHERE account = ? AND stream = ? AND sequence >= ? AND sequence <= ? AND at_ms > "
            "? ORDER BY sequence LIMIT ?",
        {context.identity.account_id, stream->number, from, last, now.ms - record_lifetime_ms,
         std::min<std::int64_t>(wanted.records_max, records_read_max)},
        [&](const Row& row) {
          auto record = source_record(*stream, context.region, row);
          full = !batch.records.empty() && bytes + record.bytes > wanted.bytes_max;
          if (full) return false;
          bytes += record.bytes;
          next = row[0].integer() + 1;
          batch.records.push_back(std::move(record));
          return true;
        });
    // Whatever is left out of a read that found nothing has been trimmed.
    if (batch.records.empty()) next = std::max(from, last + 1);
    batch.position = std::to_string(next);
    batch.ended = !shard->open() && next > last;
    return Value();
  });
  if (!read) return read.error();
  return batch;
}

}  // namespace moonbase::dynamodb
