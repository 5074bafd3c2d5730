#include "stream_read.hpp"

#include <algorithm>
#include <moonbase/hash.hpp>

#include "attribute.hpp"
#include "item_format.hpp"
#include "table.hpp"

namespace moonbase::dynamodb {
namespace {

std::string stream_arn(const CallContext& context, const std::string& table, const std::string& label) {
  return context.arn("dynamodb", "table/" + table + "/stream/" + label);
}

}  // namespace

Stream read_stream_row(const CallContext& context, const Row& row) {
  Stream stream;
  stream.table_name = row[0].string();
  stream.label = row[1].string();
  stream.number = row[2].integer();
  stream.view_type = row[3].string();
  stream.key_schema = row[4].string();
  stream.created_at_ms = row[5].integer();
  stream.enabled = row[6].is_null();
  stream.next_sequence = row[7].integer();
  stream.arn = stream_arn(context, stream.table_name, stream.label);
  return stream;
}

std::optional<Stream> find_stream(Transaction& tx, const CallContext& context, const std::string& arn) {
  const auto table = table_name_of(arn);
  const auto at = arn.find("/stream/");
  if (at == std::string::npos) return std::nullopt;
  const auto rows = tx.query(std::string(stream_columns) + " AND table_name = ? AND label = ?",
                             context.identity.account_id, context.region, table, arn.substr(at + 8));
  if (rows.empty() || stream_arn(context, table, arn.substr(at + 8)) != arn) return std::nullopt;
  return read_stream_row(context, rows[0]);
}

std::vector<Shard> read_shards(Transaction& tx, const CallContext& context, const Stream& stream) {
  std::vector<Shard> shards;
  for (const auto& row : tx.query("SELECT shard, opened_at_ms, first_sequence, last_sequence FROM dynamodb_shard "
                                  "WHERE account = ? AND stream = ? ORDER BY shard",
                                  context.identity.account_id, stream.number))
    shards.push_back({row[0].integer(), row[1].integer(), row[2].integer(), row[3].integer_or(-1)});
  return shards;
}

Value describe_record(const Stream& stream, const std::string& region, const Row& row) {
  constexpr const char* events[] = {"INSERT", "MODIFY", "REMOVE"};
  const auto sequence = row[0].integer();
  Map change = {{"ApproximateCreationDateTime", row[1].integer() / 1000 * 1000},
                {"Keys", decode_item(row[4].string())},
                {"SequenceNumber", sequence_text(sequence)},
                {"StreamViewType", stream.view_type}};
  auto bytes = item_bytes(change.find("Keys")->map());
  for (const auto& [column, member] : {std::pair{5, "OldImage"}, std::pair{6, "NewImage"}}) {
    if (row[column].is_null()) continue;
    auto image = decode_item(row[column].string());
    bytes += item_bytes(image);
    change.set(member, std::move(image));
  }
  change.set("SizeBytes", bytes);
  Map record = {{"eventID", md5_hex(stream.arn + sequence_text(sequence))},
                {"eventName", events[std::clamp<std::int64_t>(row[2].integer(), 0, 2)]},
                {"eventVersion", "1.1"},
                {"eventSource", "aws:dynamodb"},
                {"awsRegion", region},
                {"dynamodb", std::move(change)}};
  if (row[3].integer() != 0)
    record.set("userIdentity", Map{{"PrincipalId", "dynamodb.amazonaws.com"}, {"Type", "Service"}});
  return record;
}

}  // namespace moonbase::dynamodb
