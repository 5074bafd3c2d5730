#include "logs/operations_log.hpp"

#include <moonbase/hash.hpp>

#include <algorithm>
#include <charconv>

namespace moonbase::functions {
namespace {

Error no_group() { return {"ResourceNotFoundException", "The specified log group does not exist.", {}, 400}; }
Error no_stream() { return {"ResourceNotFoundException", "The specified log stream does not exist.", {}, 400}; }
Error bad_token() { return {"InvalidParameterException", "The specified nextToken is invalid.", {}, 400}; }

// Tokens name the position to go on from; what stands behind it is nobody's business.
std::string token_of(std::string_view position) { return base64_url("v1 " + std::string(position)); }
Result<std::string> position_of(const Value& token) {
  if (token.is_null()) return std::string();
  auto text = from_base64_url(token.string());
  if (!text || !text->starts_with("v1 ")) return bad_token();
  return text->substr(3);
}

std::string group_arn(const Call& call, const std::string& name) {
  return call.context.arn("logs", "log-group:" + name);
}

// logGroupName, or the name in logGroupIdentifier (which may be an ARN).
Result<std::string> group_of(const Call& call) {
  if (!call.input["logGroupName"].is_null()) return call.input["logGroupName"].string();
  auto name = call.input["logGroupIdentifier"].string_or("");
  if (const auto at = name.find(":log-group:"); at != name.npos) name = name.substr(at + 11);
  if (name.ends_with(":*")) name.resize(name.size() - 2);
  if (name.empty())
    return Error{"InvalidParameterException", "Either logGroupName or logGroupIdentifier is needed.", {}, 400};
  return name;
}

bool group_exists(Transaction& tx, const Call& call, const std::string& group) {
  return !tx.query("SELECT name FROM log_group WHERE account = ? AND region = ? AND name = ?",
                   call.context.identity.account_id, call.context.region, group)
              .empty();
}

Result<Value> describe_log_groups(Call& call, LogStore& logs) {
  logs.flush();
  for (const char* parameter : {"accountIdentifiers", "includeLinkedAccounts", "logGroupIdentifiers"})
    if (call.input[parameter].is_list() || call.input[parameter].boolean_or(false))
      return not_implemented(std::string("logs DescribeLogGroups ") + parameter);
  const auto after = position_of(call.input["nextToken"]);
  if (!after) return after.error();
  const auto prefix = call.input["logGroupNamePrefix"].string_or(""),
             part = call.input["logGroupNamePattern"].string_or("");
  const auto limit = static_cast<std::size_t>(call.input["limit"].integer_or(50));
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    List groups;
    Map output;
    tx.each("SELECT name, created_at_ms FROM log_group WHERE account = ? AND region = ? AND name > ? ORDER BY name",
            {call.context.identity.account_id, call.context.region, *after}, [&](const Row& row) {
              const auto& name = row["name"].string();
              if (!name.starts_with(prefix) || name.find(part) == name.npos) return true;
              if (groups.size() == limit) {
                output.set("nextToken", token_of(groups.back()["logGroupName"].string()));
                return false;
              }
              groups.push_back(Map{{"logGroupName", name},
                                   {"creationTime", row["created_at_ms"]},
                                   {"metricFilterCount", 0},
                                   {"arn", group_arn(call, name) + ":*"},
                                   {"logGroupArn", group_arn(call, name)},
                                   {"logGroupClass", "STANDARD"}});
              return true;
            });
    output.set("logGroups", std::move(groups));
    return Value(std::move(output));
  });
}

Result<Value> describe_log_streams(Call& call, LogStore& logs) {
  logs.flush();
  const auto group = group_of(call);
  if (!group) return group.error();
  const auto after = position_of(call.input["nextToken"]);
  if (!after) return after.error();
  const auto prefix = call.input["logStreamNamePrefix"].string_or("");
  const bool by_time = call.input["orderBy"].string_or("LogStreamName") == "LastEventTime";
  const bool descending = call.input["descending"].boolean_or(false);
  if (by_time && !prefix.empty())
    return Error{"InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix.", {}, 400};
  const auto limit = static_cast<std::size_t>(call.input["limit"].integer_or(50));
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    if (!group_exists(tx, call, *group)) return no_group();
    auto rows = tx.query(
        "SELECT name, created_at_ms, first_ms, last_ms, ingested_ms FROM log_stream WHERE account = ? "
        "AND region = ? AND log_group = ? ORDER BY name",
        call.context.identity.account_id, call.context.region, *group);
    if (by_time)
      std::stable_sort(rows.begin(), rows.end(),
                       [](const Row& a, const Row& b) { return a["last_ms"].integer() < b["last_ms"].integer(); });
    if (descending) std::reverse(rows.begin(), rows.end());
    List streams;
    Map output;
    bool begun = after->empty();
    for (const auto& row : rows) {
      const auto& name = row["name"].string();
      if (!begun) {
        begun = name == *after;
        continue;
      }
      if (!name.starts_with(prefix)) continue;
      if (streams.size() == limit) {
        output.set("nextToken", token_of(streams.back()["logStreamName"].string()));
        break;
      }
      streams.push_back(Map{{"logStreamName", name},
                            {"creationTime", row["created_at_ms"]},
                            {"firstEventTimestamp", row["first_ms"]},
                            {"lastEventTimestamp", row["last_ms"]},
                            {"lastIngestionTime", row["ingested_ms"]},
                            {"uploadSequenceToken", "0"},
                            {"arn", group_arn(call, *group) + ":log-stream:" + name},
                            {"storedBytes", 0}});
    }
    output.set("logStreams", std::move(streams));
    return Value(std::move(output));
  });
}

std::uint64_t number_of(const std::string& text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

Result<Value> get_log_events(Call& call, LogStore& logs) {
  logs.flush();
  const auto group = group_of(call);
  if (!group) return group.error();
  const auto& stream = call.input["logStreamName"].string();
  const auto start_ms = call.input["startTime"].integer_or(0), end_ms = call.input["endTime"].integer_or(INT64_MAX);
  const auto limit = static_cast<std::size_t>(call.input["limit"].integer_or(10'000));
  // "f<sequence>": events behind it; "b<sequence>": events before it.
  auto position = position_of(call.input["nextToken"]);
  if (!position) return position.error();
  if (!position->empty() && position->front() != 'f' && position->front() != 'b') return bad_token();
  const bool forward = position->empty() ? call.input["startFromHead"].boolean_or(false) : position->front() == 'f';
  const auto from = position->empty() ? 0 : number_of(position->substr(1));
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    if (!group_exists(tx, call, *group)) return no_group();
    if (tx.query("SELECT name FROM log_stream WHERE account = ? AND region = ? AND log_group = ? AND name = ?",
                 call.context.identity.account_id, call.context.region, *group, stream)
            .empty())
      return no_stream();
    struct Kept {
      std::uint64_t sequence;
      Value event;
    };
    std::vector<Kept> kept;
    tx.each(
        std::string("SELECT events FROM log_chunk WHERE account = ? AND region = ? AND log_group = ? AND "
                    "log_stream = ? AND last_ms >= ? AND first_ms < ? ORDER BY sequence") +
            (forward ? "" : " DESC"),
        {call.context.identity.account_id, call.context.region, *group, stream, start_ms, end_ms}, [&](const Row& row) {
          auto events = LogStore::read(row["events"].string());
          if (!forward) std::reverse(events.begin(), events.end());
          for (const auto& event : events) {
            const bool beyond = !position->empty() && (forward ? event.sequence <= from : event.sequence >= from);
            if (beyond || event.at.ms < start_ms || event.at.ms >= end_ms) continue;
            if (kept.size() == limit) return false;
            kept.push_back({event.sequence,
                            Map{{"timestamp", event.at.ms}, {"message", event.text}, {"ingestionTime", event.at.ms}}});
          }
          return kept.size() < limit;
        });
    if (!forward) std::reverse(kept.begin(), kept.end());
    const auto last = kept.empty() ? from : kept.back().sequence, first = kept.empty() ? from : kept.front().sequence;
    List events;
    for (auto& one : kept) events.push_back(std::move(one.event));
    return Value(Map{{"events", std::move(events)},
                     {"nextForwardToken", token_of("f" + std::to_string(last))},
                     {"nextBackwardToken", token_of("b" + std::to_string(first))}});
  });
}

Result<Value> filter_log_events(Call& call, LogStore& logs) {
  logs.flush();
  if (!call.input["filterPattern"].string_or("").empty()) return not_implemented("logs FilterLogEvents filterPattern");
  const auto group = group_of(call);
  if (!group) return group.error();
  const auto start_ms = call.input["startTime"].integer_or(0), end_ms = call.input["endTime"].integer_or(INT64_MAX);
  const auto limit = static_cast<std::size_t>(call.input["limit"].integer_or(10'000));
  const auto prefix = call.input["logStreamNamePrefix"].string_or("");
  const auto& streams = call.input["logStreamNames"];
  const auto position = position_of(call.input["nextToken"]);
  if (!position) return position.error();
  const auto from = number_of(*position);
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    if (!group_exists(tx, call, *group)) return no_group();
    struct Kept {
      std::uint64_t sequence;
      Value event;
    };
    std::vector<Kept> kept;
    // Chunks of several streams overlap in time, so their events are merged by sequence; memory is
    // bounded by what a group may hold.
    tx.each(
        "SELECT log_stream, events FROM log_chunk WHERE account = ? AND region = ? AND log_group = ? AND last_ms >= ? "
        "AND first_ms <= ? ORDER BY sequence",
        {call.context.identity.account_id, call.context.region, *group, start_ms, end_ms}, [&](const Row& row) {
          const auto& stream = row["log_stream"].string();
          if (!stream.starts_with(prefix)) return true;
          if (streams.is_list() && std::none_of(streams.list().begin(), streams.list().end(),
                                                [&](const Value& name) { return name.string() == stream; }))
            return true;
          for (const auto& event : LogStore::read(row["events"].string())) {
            if (event.sequence <= from || event.at.ms < start_ms || event.at.ms > end_ms) continue;
            kept.push_back({event.sequence, Map{{"logStreamName", stream},
                                                {"timestamp", event.at.ms},
                                                {"message", event.text},
                                                {"ingestionTime", event.at.ms},
                                                {"eventId", std::to_string(event.sequence)}}});
          }
          return true;
        });
    std::sort(kept.begin(), kept.end(), [](const Kept& a, const Kept& b) { return a.sequence < b.sequence; });
    Map output;
    if (kept.size() > limit) {
      kept.resize(limit);
      output.set("nextToken", token_of(std::to_string(kept.back().sequence)));
    }
    List events;
    for (auto& one : kept) events.push_back(std::move(one.event));
    output.set("events", std::move(events));
    output.set("searchedLogStreams", List{});
    return Value(std::move(output));
  });
}

}  // namespace

void register_log_operations(Registrar& registrar, LogStore& logs) {
  registrar.operation("DescribeLogGroups", [&logs](Call& call) { return describe_log_groups(call, logs); });
  registrar.operation("DescribeLogStreams", [&logs](Call& call) { return describe_log_streams(call, logs); });
  registrar.operation("FilterLogEvents", [&logs](Call& call) { return filter_log_events(call, logs); });
  registrar.operation("GetLogEvents", [&logs](Call& call) { return get_log_events(call, logs); });
}

}  // namespace moonbase::functions
