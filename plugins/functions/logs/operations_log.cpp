// Log events: written, read, searched; filter patterns tried.
#include "logs/operations_log.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "logs/filter_pattern.hpp"
#include "logs/log_group.hpp"
#include "logs/log_reader.hpp"

namespace moonbase::functions {
namespace {

constexpr std::size_t put_bytes_max = 1'048'576, event_overhead = 26;
constexpr std::int64_t day_ms = 86'400'000, future_ms_max = 2 * 3'600'000, past_ms_max = 14 * day_ms;
constexpr std::int64_t events_page = 10'000;
// --- PutLogEvents --------------------------------------------------------------------------------

Result<Done> check_batch(const List& events) {
  std::size_t bytes = 0;
  std::int64_t last = INT64_MIN;
  for (const auto& event : events) {
    bytes += event["message"].string().size() + event_overhead;
    const auto at_ms = event["timestamp"].integer();
    if (at_ms < last)
      return log_parameter("Log events in a single PutLogEvents request must be in chronological order.");
    last = at_ms;
  }
  if (bytes > put_bytes_max)
    return log_parameter("Upload too large: " + std::to_string(bytes) + " bytes exceeds limit of " +
                         std::to_string(put_bytes_max));
  if (last - events.front()["timestamp"].integer() > day_ms)
    return log_parameter("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.");
  return done;
}

Result<Value> put_log_events(Call& call, LogStore& logs) {
  const auto& input = call.input;
  const auto& events = input["logEvents"].list();
  if (auto good = check_batch(events); !good) return good.error();
  const auto &account = call.context.identity.account_id, &region = call.context.region;
  const auto &group_name = input["logGroupName"].string(), &stream = input["logStreamName"].string();
  const auto now = call.kernel.clock.now();
  const auto first_sequence = logs.take_sequence(events.size());
  std::string bytes;
  auto answer = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto group = require_group(tx, call, group_name);
    if (!group) return group.error();
    const auto known =
        tx.query("SELECT name FROM log_stream WHERE account = ? AND region = ? AND log_group = ? AND name = ?", account,
                 region, group_name, stream);
    if (known.empty()) return no_stream();
    // Events are in order: the old ones come first, the new ones last.
    const auto count = [&](auto matches) {
      return static_cast<std::int64_t>(std::count_if(
          events.begin(), events.end(), [&](const Value& event) { return matches(event["timestamp"].integer()); }));
    };
    const auto oldest = group->oldest(now).ms;
    const auto expired = count([&](std::int64_t at) { return at <= oldest; });
    const auto too_old = count([&](std::int64_t at) { return at < now.ms - past_ms_max; });
    const auto too_new = count([&](std::int64_t at) { return at > now.ms + future_ms_max; });
    const auto begin = static_cast<std::size_t>(std::max(expired, too_old));
    const auto end = events.size() - static_cast<std::size_t>(too_new);
    bytes.clear();
    for (auto i = begin; i < end; ++i)
      LogStore::append_to(bytes, first_sequence + i, {events[i]["timestamp"].integer()}, events[i]["message"].string());
    if (!bytes.empty()) {
      const Time first{events[begin]["timestamp"].integer()}, last{events[end - 1]["timestamp"].integer()};
      LogStore::insert_chunk(tx, {account, region, group_name, stream, first_sequence, first, last, now, bytes});
      LogStore::widen_stream(tx, {account, region, group_name, stream, first, last}, now);
    }
    Map output{{"nextSequenceToken", std::to_string(first_sequence + events.size())}};
    Map rejected;
    if (too_new > 0) rejected.set("tooNewLogEventStartIndex", static_cast<std::int64_t>(end));
    if (too_old > 0) rejected.set("tooOldLogEventEndIndex", too_old);
    if (expired > 0) rejected.set("expiredLogEventEndIndex", expired);
    if (!rejected.empty()) output.set("rejectedLogEventsInfo", std::move(rejected));
    return Value(std::move(output));
  });
  if (answer) logs.tails().see({account, region, group_name, stream, now, bytes});
  return answer;
}

// --- reading -------------------------------------------------------------------------------------

Map shown(const LogPage::Event& event) {
  return {{"timestamp", event.place.at_ms}, {"message", event.text}, {"ingestionTime", event.ingested_ms}};
}

// Where a page of GetLogEvents begins or ends: "f<place>", events behind it; "b<place>", events before it.
struct PageToken {
  std::optional<LogPlace> behind, before;
};

Result<PageToken> page_token(const Call& call) {
  const auto position = log_position(call.input["nextToken"]);
  if (!position) return position.error();
  if (position->empty()) return PageToken{};
  const auto place = LogPlace::parse(std::string_view(*position).substr(1));
  if (place && position->front() == 'f') return PageToken{place, std::nullopt};
  if (place && position->front() == 'b') return PageToken{std::nullopt, place};
  return log_parameter("The specified nextToken is invalid.");
}

// The tokens of the pages on both sides of one.
Map neighbours(const LogPage& page, const PageToken& token, bool newest_first) {
  const auto given = token.behind ? *token.behind : token.before.value_or(LogPlace{});
  auto first = page.events.empty() ? given : page.events.front().place;
  auto last = page.events.empty() ? given : page.events.back().place;
  if (page.more) (newest_first ? first : last) = newest_first ? *page.more : page.more->before();
  return {{"nextForwardToken", log_token("f" + last.text())}, {"nextBackwardToken", log_token("b" + first.text())}};
}

Result<Value> get_log_events(Call& call, LogStore& logs) {
  logs.flush();
  const auto group_name = group_named(call);
  if (!group_name) return group_name.error();
  const auto token = page_token(call);
  if (!token) return token.error();
  LogRange range;
  range.stream = call.input["logStreamName"].string();
  range.events_max = static_cast<std::size_t>(call.input["limit"].integer_or(events_page));
  range.newest_first = !token->behind && (token->before || !call.input["startFromHead"].boolean_or(false));
  range.to.at_ms = call.input["endTime"].integer_or(INT64_MAX);
  if (token->before) range.to = std::min(range.to, *token->before);
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto group = require_group(tx, call, *group_name);
    if (!group) return group.error();
    if (tx.query("SELECT name FROM log_stream WHERE account = ? AND region = ? AND log_group = ? AND name = ?",
                 group->account, group->region, group->name, range.stream)
            .empty())
      return no_stream();
    range.account = group->account;
    range.region = group->region;
    range.group = group->name;
    range.from = {std::max(call.input["startTime"].integer_or(0), group->oldest(call.kernel.clock.now()).ms), 0};
    if (token->behind) range.from = std::max(range.from, token->behind->next());
    const auto page = read_log(tx, range);
    auto output = neighbours(page, *token, range.newest_first);
    List events;
    for (const auto& event : page.events) events.push_back(shown(event));
    output.set("events", std::move(events));
    return Value(std::move(output));
  });
}

// Which streams FilterLogEvents looks into; empty: all.
Result<Done> choose_streams(const Call& call, LogRange& range) {
  const auto prefix = call.input["logStreamNamePrefix"].string_or("");
  std::set<std::string, std::less<>> names;
  if (call.input["logStreamNames"].is_list())
    for (const auto& name : call.input["logStreamNames"].list()) names.insert(name.string());
  if (!prefix.empty() && !names.empty())
    return log_parameter("Only one of logStreamNamePrefix and logStreamNames can be specified.");
  if (names.size() == 1)
    range.stream = *names.begin();
  else if (!names.empty())
    range.streams = [names](const std::string& name) { return names.contains(name); };
  else if (!prefix.empty())
    range.streams = [prefix](const std::string& name) { return name.starts_with(prefix); };
  return done;
}

Result<Value> filter_log_events(Call& call, LogStore& logs) {
  logs.flush();
  if (!call.input["startFromHead"].boolean_or(true)) return not_implemented("logs FilterLogEvents startFromHead");
  const auto pattern = LogPattern::parse(call.input["filterPattern"].string_or(""));
  if (!pattern) return pattern.error();
  const auto group_name = group_named(call);
  if (!group_name) return group_name.error();
  LogRange range;
  range.pattern = &*pattern;
  range.events_max = static_cast<std::size_t>(call.input["limit"].integer_or(events_page));
  if (auto chosen = choose_streams(call, range); !chosen) return chosen.error();
  if (const auto& end = call.input["endTime"]; end.is_integer() && end.integer() < INT64_MAX)
    range.to.at_ms = end.integer() + 1;
  const auto position = log_position(call.input["nextToken"]);
  if (!position) return position.error();
  if (!position->empty()) {
    const auto place = LogPlace::parse(*position);
    if (!place) return log_parameter("The specified nextToken is invalid.");
    range.from = *place;
  }
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto group = require_group(tx, call, *group_name);
    if (!group) return group.error();
    range.account = group->account;
    range.region = group->region;
    range.group = group->name;
    const auto start_ms = std::max(call.input["startTime"].integer_or(0), group->oldest(call.kernel.clock.now()).ms);
    range.from = std::max(range.from, LogPlace{start_ms, 0});
    const auto page = read_log(tx, range);
    Map output;
    if (page.more) output.set("nextToken", log_token(page.more->text()));
    List events, names;
    for (const auto& event : page.events) {
      auto one = shown(event);
      one.set("logStreamName", event.stream);
      one.set("eventId", std::to_string(event.place.sequence));
      events.push_back(std::move(one));
    }
    for (const auto& stream : page.streams)
      names.push_back(Map{{"logStreamName", stream}, {"searchedCompletely", !page.more}});
    output.set("events", std::move(events));
    output.set("searchedLogStreams", std::move(names));
    return Value(std::move(output));
  });
}

// --- TestMetricFilter ----------------------------------------------------------------------------

Result<Value> test_metric_filter(Call& call) {
  const auto pattern = LogPattern::parse(call.input["filterPattern"].string());
  if (!pattern) return pattern.error();
  List matches;
  std::int64_t number = 0;
  for (const auto& message : call.input["logEventMessages"].list()) {
    ++number;
    if (!pattern->matches(message.string())) continue;
    matches.push_back(Map{
        {"eventNumber", number}, {"eventMessage", message}, {"extractedValues", pattern->values(message.string())}});
  }
  return Value(Map{{"matches", std::move(matches)}});
}

}  // namespace

void register_log_operations(Registrar& registrar, LogStore& logs) {
  registrar.operation("FilterLogEvents", [&logs](Call& call) { return filter_log_events(call, logs); });
  registrar.operation("GetLogEvents", [&logs](Call& call) { return get_log_events(call, logs); });
  registrar.operation("PutLogEvents", [&logs](Call& call) { return put_log_events(call, logs); });
  registrar.operation("TestMetricFilter", test_metric_filter);
}

}  // namespace moonbase::functions
