// Reads the events of a group or stream in order of time, a page at a time. What is read follows an index by time:
// of a group with years of events, an hour is found without looking at the rest.
#pragma once

#include <cstdint>
#include <functional>
#include <moonbase/store.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace moonbase::functions {

class LogPattern;

// The events of one row are at most so far apart.
inline constexpr std::int64_t chunk_span_ms_max = 86'400'000;

// An event where it stands in time: by its timestamp, and by arrival within one moment.
struct LogPlace {
  std::int64_t at_ms = 0;
  std::uint64_t sequence = 0;
  auto operator<=>(const LogPlace&) const = default;

  LogPlace next() const;
  LogPlace before() const;
  std::string text() const;  // For tokens.
  static std::optional<LogPlace> parse(std::string_view text);
};

struct LogRange {
  std::string account, region, group;
  std::string stream;                                    // Empty: all streams,
  std::function<bool(const std::string& name)> streams;  // or, unless it is empty, those.
  const LogPattern* pattern = nullptr;                   // Null: all events.
  LogPlace from, to{INT64_MAX, 0};                       // Without `to` itself.
  std::size_t events_max = 10'000;
  bool newest_first = false;  // Which events a page takes; of one stream only.
};

struct LogPage {
  struct Event {
    std::string stream, text;
    std::int64_t ingested_ms;
    LogPlace place;
  };
  std::vector<Event> events;      // Oldest first.
  std::optional<LogPlace> more;   // The next page begins here, or, newest first, ends before it.
  std::set<std::string> streams;  // That were looked into.
  std::size_t chunks = 0;         // Rows that were read.
};

// A page ends at `events_max` events, at 1 MB of them, or, where few of them match, when enough has been looked at:
// then it may be empty, and there is more. Inside a transaction.
LogPage read_log(Transaction& tx, const LogRange& range);

// The statement behind it, and its parameters.
struct LogStatement {
  std::string sql;
  std::vector<Parameter> parameters;
};
LogStatement log_statement(const LogRange& range);

}  // namespace moonbase::functions
