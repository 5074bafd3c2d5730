#include "stream.hpp"

#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>

#include "errors.hpp"
#include "item_format.hpp"

namespace moonbase::dynamodb {
namespace {

std::string padded(std::int64_t number, std::size_t digits) {
  auto text = std::to_string(number);
  return std::string(digits > text.size() ? digits - text.size() : 0, '0') + text;
}

void open_shard(Transaction& tx, const std::string& account, std::int64_t stream, std::int64_t shard,
                std::int64_t first_sequence, Time now) {
  tx.query(
      "INSERT INTO dynamodb_shard (account, stream, shard, opened_at_ms, first_sequence, last_sequence) "
      "VALUES (?, ?, ?, ?, ?, NULL)",
      account, stream, shard, now.ms, first_sequence);
}

// A shard that is old enough, and has a record, is followed by another.
void follow_shard(Transaction& tx, const std::string& account, std::int64_t stream, std::int64_t shard,
                  std::int64_t sequence, Time now) {
  const auto first =
      tx.query("SELECT first_sequence FROM dynamodb_shard WHERE account = ? AND stream = ? AND shard = ?", account,
               stream, shard);
  if (first.empty() || first[0][0].integer() == sequence) return;
  tx.query("UPDATE dynamodb_shard SET last_sequence = ? WHERE account = ? AND stream = ? AND shard = ?", sequence - 1,
           account, stream, shard);
  open_shard(tx, account, stream, shard + 1, sequence, now);
  tx.query("UPDATE dynamodb_stream SET shard = ?, shard_opened_at_ms = ? WHERE account = ? AND stream = ?", shard + 1,
           now.ms, account, stream);
}

// Keeps an encoded item alive for as long as its parameter.
struct Image {
  std::string bytes;
  bool present = false;
  Parameter parameter() const { return present ? Parameter(Blob{bytes}) : Parameter(nullptr); }
};
Image image(const StoredItem* item, bool wanted) {
  if (!item || !wanted) return {};
  return {encode_item(item->item), true};
}

void end(Transaction& tx, const TableName& table, std::int64_t stream, Time now) {
  tx.query(
      "UPDATE dynamodb_shard SET last_sequence = (SELECT next_sequence - 1 FROM dynamodb_stream WHERE account = ? "
      "AND stream = ?) WHERE account = ? AND stream = ? AND last_sequence IS NULL",
      table.account, stream, table.account, stream);
  tx.query("UPDATE dynamodb_stream SET disabled_at_ms = ?, trims = 1 WHERE account = ? AND stream = ?", now.ms,
           table.account, stream);
  tx.schedule(Time{now.ms + record_lifetime_ms}, "dynamodb-trim", Map{{"account", table.account}, {"stream", stream}},
              table.account + "/" + std::to_string(stream));
}

// A change of the table, as a record of one stream.
void write_to(Transaction& tx, const Table& table, std::int64_t stream, StreamView view, const StoredItem* before,
              const StoredItem* after, const Origin& origin) {
  const auto position = tx.query(
      "UPDATE dynamodb_stream SET next_sequence = next_sequence + 1 WHERE account = ? AND stream = ? "
      "RETURNING next_sequence, shard, shard_opened_at_ms, trims",
      table.account, stream);
  const auto sequence = position[0][0].integer() - 1;
  if (origin.now.ms - position[0][2].integer() >= shard_lifetime_ms)
    follow_shard(tx, table.account, stream, position[0][1].integer(), sequence, origin.now);

  const auto keys = encode_item(table.key_attributes(after ? after->item : before->item));
  const bool old_wanted = view == StreamView::old_image || view == StreamView::both;
  const bool new_wanted = view == StreamView::new_image || view == StreamView::both;
  const auto old_image = image(before, old_wanted), new_image = image(after, new_wanted);
  // What happened is told by which of the two were there, also where the view keeps neither.
  const int event = !before ? 0 : after ? 1 : 2;
  tx.query(
      "INSERT INTO dynamodb_record (account, stream, sequence, at_ms, event, expired, keys, before, after) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      table.account, stream, sequence, origin.now.ms, event, origin.expired ? 1 : 0, Blob{keys}, old_image.parameter(),
      new_image.parameter());
  if (position[0][3].integer() == 0) {
    tx.query("UPDATE dynamodb_stream SET trims = 1 WHERE account = ? AND stream = ?", table.account, stream);
    tx.schedule(Time{origin.now.ms + record_lifetime_ms}, "dynamodb-trim",
                Map{{"account", table.account}, {"stream", stream}}, table.account + "/" + std::to_string(stream));
  }
}

}  // namespace

std::string sequence_text(std::int64_t sequence) { return "1" + padded(sequence, 20); }

std::string shard_id(std::int64_t shard, std::int64_t opened_at_ms) {
  return "shardId-" + padded(opened_at_ms, 20) + "-" +
         hex(std::string{static_cast<char>(shard >> 24), static_cast<char>(shard >> 16), static_cast<char>(shard >> 8),
                         static_cast<char>(shard)});
}

void write_record(Transaction& tx, const Table& table, const StoredItem* before, const StoredItem* after,
                  const Origin& origin) {
  if (!before && !after) return;
  if (before && after && before->item == after->item) return;
  if (table.stream) write_to(tx, table, *table.stream, table.stream_view, before, after, origin);
  for (const auto& other : table.replica_streams) write_to(tx, table, other.number, other.view, before, after, origin);
}

Result<Done> set_stream(Transaction& tx, const TableName& table, Value& definition, const Value& specification,
                        Time now) {
  const auto* present = definition.map().find("Stream");
  const bool enabled = specification["StreamEnabled"].boolean_or(false);
  const auto& view = specification["StreamViewType"];
  if (!enabled) {
    if (!view.is_null())
      return invalid_parameter("If stream is being disabled, then UpdateViewType must not be specified");
    if (!present) return validation("Table has no stream to disable: TableName: " + table.name);
    if (!definition["Regions"].is_null())
      return invalid_parameter("Disabling Stream is not allowed for a Global Table replica.");
    end(tx, table, present->integer(), now);
    definition.map().erase("Stream");
    definition.map().erase("StreamSpecification");
    return done;
  }
  if (present) return validation("Table already has an enabled stream: TableName: " + table.name);
  if (view.is_null()) return invalid_parameter("If stream is being enabled then UpdateViewType is required");
  const auto stream = take_spaces(tx, table.account, 1);
  // A label names a moment; two in one moment still differ.
  std::string label;
  for (auto moment = now;; moment.ms += 1) {
    label = iso_8601(moment);
    label.pop_back();  // The "Z".
    const auto taken =
        tx.query("SELECT stream FROM dynamodb_stream WHERE account = ? AND region = ? AND table_name = ? AND label = ?",
                 table.account, table.region, table.name, label);
    if (taken.empty()) break;
  }
  tx.query(
      "INSERT INTO dynamodb_stream (account, region, table_name, label, stream, view_type, key_schema, created_at_ms, "
      "disabled_at_ms, next_sequence, shard, shard_opened_at_ms, trims) VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, 1, 1, ?, "
      "0)",
      table.account, table.region, table.name, label, stream, view.string(), to_json(definition["KeySchema"]), now.ms,
      now.ms);
  open_shard(tx, table.account, stream, 1, 1, now);
  definition.set("Stream", stream);
  definition.set("StreamSpecification", Map{{"StreamEnabled", true}, {"StreamViewType", view}});
  definition.set("LatestStreamLabel", label);
  definition.set("LatestStreamArn", definition["TableArn"].string() + "/stream/" + label);
  return done;
}

void end_stream(Transaction& tx, const Table& table, Time now) {
  if (table.stream) end(tx, {table.account, table.region, table.name}, *table.stream, now);
}

}  // namespace moonbase::dynamodb
