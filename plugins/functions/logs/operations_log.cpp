// Log events: written, read, searched; filter patterns tried.
#include "logs/operations_log.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "logs/filter_pattern.hpp"
#include "logs/log_group.hpp"

namespace moonbase::functions {
namespace {

constexpr std::size_t put_bytes_max = 1'048'576, event_overhead = 26;
constexpr std::int64_t day_ms = 86'400'000, future_ms_max = 2 * 3'600'000, past_ms_max = 14 * day_ms;
constexpr std::int64_t events_page = 10'000;
constexpr std::size_t read_bytes_max = 32 * 1024 * 1024;  // Of chunks, for one page.

// An event where it stands in time: by its timestamp, and by arrival within one moment.
struct Place {
  std::int64_t at_ms = INT64_MIN;
  std::uint64_t sequence = 0;
  auto operator<=>(const Place&) const = default;

  std::string text() const { return std::to_string(at_ms) + "." + std::to_string(sequence); }
  static std::optional<Place> parse(std::string_view text) {
    Place place;
    const auto dot = text.find('.');
    if (dot == text.npos) return std::nullopt;
    const auto time = std::from_chars(text.data(), text.data() + dot, place.at_ms);
    const auto number = std::from_chars(text.data() + dot + 1, text.data() + text.size(), place.sequence);
    if (time.ec != std::errc() || number.ec != std::errc() || number.ptr != text.data() + text.size())
      return std::nullopt;
    return place;
  }
};

struct Found {
  Place place;
  std::string_view text;
  std::size_t chunk;
};

// Chunks that were read, and their events in a range of time, oldest first.
struct Events {
  struct Chunk {
    std::string stream, bytes;
    std::int64_t ingested_ms;
  };
  std::vector<std::unique_ptr<Chunk>> chunks;
  std::vector<Found> found;
  std::size_t bytes = 0;

  bool full() const { return bytes >= read_bytes_max; }
  void add(std::string stream, std::string content, std::int64_t ingested_ms, std::int64_t from_ms,
           std::int64_t to_ms) {
    bytes += content.size();
    chunks.push_back(std::make_unique<Chunk>(Chunk{std::move(stream), std::move(content), ingested_ms}));
    for (const auto& event : LogStore::read(chunks.back()->bytes))
      if (event.at.ms >= from_ms && event.at.ms < to_ms)
        found.push_back({{event.at.ms, event.sequence}, event.text, chunks.size() - 1});
  }
  void sort() {
    std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) { return a.place < b.place; });
  }
};

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
      tx.query(
          "UPDATE log_stream SET first_ms = CASE WHEN first_ms < ? THEN first_ms ELSE ? END, last_ms = CASE WHEN "
          "last_ms > ? THEN last_ms ELSE ? END, ingested_ms = ? WHERE account = ? AND region = ? AND log_group = ? AND "
          "name = ?",
          first, first, last, last, now, account, region, group_name, stream);
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

Result<Value> get_log_events(Call& call, LogStore& logs) {
  logs.flush();
  const auto group_name = group_named(call);
  if (!group_name) return group_name.error();
  const auto& stream = call.input["logStreamName"].string();
  const auto end_ms = call.input["endTime"].integer_or(INT64_MAX);
  const auto limit = static_cast<std::size_t>(call.input["limit"].integer_or(events_page));
  // "f<place>": events behind it; "b<place>": events before it.
  auto position = log_position(call.input["nextToken"]);
  if (!position) return position.error();
  std::optional<Place> from;
  if (!position->empty()) {
    from = Place::parse(std::string_view(*position).substr(1));
    if (!from || (position->front() != 'f' && position->front() != 'b'))
      return log_parameter("The specified nextToken is invalid.");
  }
  const bool forward = from ? position->front() == 'f' : call.input["startFromHead"].boolean_or(false);
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto group = require_group(tx, call, *group_name);
    if (!group) return group.error();
    if (tx.query("SELECT name FROM log_stream WHERE account = ? AND region = ? AND log_group = ? AND name = ?",
                 group->account, group->region, group->name, stream)
            .empty())
      return no_stream();
    const auto start_ms = std::max(call.input["startTime"].integer_or(0), group->oldest(call.kernel.clock.now()).ms);
    Events events;
    // From the page's edge on, or back from it: what is beyond the bound comes with the next page.
    const auto from_ms = from && forward ? std::max(start_ms, from->at_ms) : start_ms;
    const auto to_ms = from && !forward && from->at_ms < end_ms ? from->at_ms + 1 : end_ms;
    tx.each(std::string("SELECT events, ingested_ms FROM log_chunk WHERE account = ? AND region = ? AND log_group = ? "
                        "AND log_stream = ? AND last_ms >= ? AND first_ms < ? ORDER BY sequence") +
                (forward ? "" : " DESC"),
            {group->account, group->region, group->name, stream, from_ms, to_ms}, [&](const Row& row) {
              events.add({}, row[0].string(), row[1].integer(), from_ms, to_ms);
              return !events.full();
            });
    events.sort();
    auto begin = events.found.begin(), end = events.found.end();
    const auto before = [](const Found& found, const Place& place) { return found.place < place; };
    if (from && forward)
      begin = std::lower_bound(begin, end, Place{from->at_ms, from->sequence + 1}, before);
    else if (from)
      end = std::lower_bound(begin, end, *from, before);
    if (static_cast<std::size_t>(end - begin) > limit) {
      if (forward)
        end = begin + static_cast<std::ptrdiff_t>(limit);
      else
        begin = end - static_cast<std::ptrdiff_t>(limit);
    }
    List shown;
    for (auto found = begin; found != end; ++found)
      shown.push_back(Map{{"timestamp", found->place.at_ms},
                          {"message", found->text},
                          {"ingestionTime", events.chunks[found->chunk]->ingested_ms}});
    const auto first = begin != end ? begin->place : from.value_or(Place{0, 0});
    const auto last = begin != end ? (end - 1)->place : from.value_or(Place{0, 0});
    return Value(Map{{"events", std::move(shown)},
                     {"nextForwardToken", log_token("f" + last.text())},
                     {"nextBackwardToken", log_token("b" + first.text())}});
  });
}

Result<Value> filter_log_events(Call& call, LogStore& logs) {
  logs.flush();
  if (!call.input["startFromHead"].boolean_or(true)) return not_implemented("logs FilterLogEvents startFromHead");
  const auto pattern = LogPattern::parse(call.input["filterPattern"].string_or(""));
  if (!pattern) return pattern.error();
  const auto group_name = group_named(call);
  if (!group_name) return group_name.error();
  const auto end_ms = call.input["endTime"].integer_or(INT64_MAX - 1);
  const auto limit = static_cast<std::size_t>(call.input["limit"].integer_or(events_page));
  const auto prefix = call.input["logStreamNamePrefix"].string_or("");
  const auto& streams = call.input["logStreamNames"];
  if (!prefix.empty() && streams.is_list() && !streams.list().empty())
    return log_parameter("Only one of logStreamNamePrefix and logStreamNames can be specified.");
  const auto position = log_position(call.input["nextToken"]);
  if (!position) return position.error();
  // "<sequence>/<place>": the chunk that reading goes on with, and the last event of it that was answered.
  std::uint64_t chunk_from = 0;
  Place from;
  if (!position->empty()) {
    const auto slash = std::min(position->find('/'), position->size());
    std::from_chars(position->data(), position->data() + slash, chunk_from);
    const auto place = Place::parse(std::string_view(*position).substr(std::min(slash + 1, position->size())));
    if (!place) return log_parameter("The specified nextToken is invalid.");
    from = *place;
  }
  std::set<std::string, std::less<>> only;
  if (streams.is_list())
    for (const auto& name : streams.list()) only.insert(name.string());
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto group = require_group(tx, call, *group_name);
    if (!group) return group.error();
    const auto start_ms = std::max(call.input["startTime"].integer_or(0), group->oldest(call.kernel.clock.now()).ms);
    Events events;
    std::set<std::string> searched;
    std::uint64_t chunk_next = 0;
    std::string sql =
        "SELECT log_stream, events, ingested_ms, sequence FROM log_chunk WHERE account = ? AND region = ? AND "
        "log_group = ? AND sequence >= ? AND last_ms >= ? AND first_ms <= ?";
    std::vector<Parameter> parameters{group->account, group->region, group->name, chunk_from, start_ms, end_ms};
    if (only.size() == 1) {  // By its own index.
      sql += " AND log_stream = ?";
      parameters.emplace_back(*only.begin());
    }
    tx.each(sql + " ORDER BY sequence", parameters, [&](const Row& row) {
      const auto& stream = row[0].string();
      if (!stream.starts_with(prefix) || (!only.empty() && !only.contains(stream))) return true;
      if (events.full()) {
        chunk_next = static_cast<std::uint64_t>(row[3].integer());
        return false;
      }
      searched.insert(stream);
      events.add(stream, row[1].string(), row[2].integer(), start_ms, end_ms == INT64_MAX - 1 ? INT64_MAX : end_ms + 1);
      return true;
    });
    events.sort();
    List shown;
    Map output;
    Place last;
    for (const auto& found : events.found) {
      if (found.place <= from || !pattern->matches(found.text)) continue;
      if (shown.size() == limit) {
        output.set("nextToken", log_token(std::to_string(chunk_from) + "/" + last.text()));
        chunk_next = 0;
        break;
      }
      last = found.place;
      const auto& chunk = *events.chunks[found.chunk];
      shown.push_back(Map{{"logStreamName", chunk.stream},
                          {"timestamp", found.place.at_ms},
                          {"message", found.text},
                          {"ingestionTime", chunk.ingested_ms},
                          {"eventId", std::to_string(found.place.sequence)}});
    }
    if (chunk_next > 0) output.set("nextToken", log_token(std::to_string(chunk_next) + "/" + Place{}.text()));
    List names;
    for (const auto& stream : searched) names.push_back(Map{{"logStreamName", stream}, {"searchedCompletely", true}});
    output.set("events", std::move(shown));
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
