#include "logs/log_reader.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "logs/filter_pattern.hpp"
#include "logs/log_store.hpp"

namespace moonbase::functions {
namespace {

constexpr std::size_t page_bytes_max = 1024 * 1024, event_overhead = 26;  // As CloudWatch counts.
constexpr std::size_t look_bytes_max = 32 * 1024 * 1024;                  // Of rows, for one page.

std::int64_t shifted(std::int64_t ms, std::int64_t by) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(ms, by, &sum)) return by < 0 ? INT64_MIN : INT64_MAX;
  return sum;
}

// The first events of a range, or its last: those that a page has room for, of all that it was shown.
class Page {
 public:
  explicit Page(const LogRange& range) : range_(range), from_(range.from), to_(range.to) {}

  // Whether no row from this place on (before it, newest first) can hold an event for the page.
  bool has_all_before(const LogPlace& place) const {
    if (kept_.size() < range_.events_max) return false;
    return range_.newest_first ? place < kept_.begin()->first : place > kept_.rbegin()->first;
  }
  void show(const LogEvent& event, const std::string& stream, std::int64_t ingested_ms) {
    const LogPlace place{event.at.ms, event.sequence};
    if (place < from_ || place >= to_) return;
    if (range_.pattern && !range_.pattern->matches(event.text)) return;
    bytes_ += event.text.size() + event_overhead;
    kept_.emplace(place, LogPage::Event{stream, std::string(event.text), ingested_ms, place});
    while (kept_.size() > range_.events_max || (bytes_ > page_bytes_max && kept_.size() > 1)) drop();
  }
  // Nothing is known of what is from this place on (before it, newest first).
  void end_at(const LogPlace& place) {
    if (range_.newest_first) {
      more_ = from_ = std::max(from_, place);
      kept_.erase(kept_.begin(), kept_.lower_bound(from_));
    } else {
      more_ = to_ = std::min(to_, place);
      kept_.erase(kept_.lower_bound(to_), kept_.end());
    }
  }
  void move_to(LogPage& page) {
    for (auto& [place, event] : kept_) page.events.push_back(std::move(event));
    page.more = more_;
  }

 private:
  // The event that stands farthest from where reading began: the next page has it.
  void drop() {
    const auto last = range_.newest_first ? kept_.begin() : std::prev(kept_.end());
    const auto place = last->first;
    bytes_ -= last->second.text.size() + event_overhead;
    kept_.erase(last);
    more_ = range_.newest_first ? place.next() : place;
    (range_.newest_first ? from_ : to_) = *more_;
  }

  const LogRange& range_;
  LogPlace from_, to_;
  std::map<LogPlace, LogPage::Event> kept_;
  std::size_t bytes_ = 0;
  std::optional<LogPlace> more_;
};

}  // namespace

LogPlace LogPlace::next() const {
  return sequence == UINT64_MAX ? LogPlace{at_ms + 1, 0} : LogPlace{at_ms, sequence + 1};
}

LogPlace LogPlace::before() const {
  return sequence == 0 ? LogPlace{at_ms - 1, UINT64_MAX} : LogPlace{at_ms, sequence - 1};
}

std::string LogPlace::text() const { return std::to_string(at_ms) + "." + std::to_string(sequence); }

std::optional<LogPlace> LogPlace::parse(std::string_view text) {
  LogPlace place;
  const auto dot = text.find('.');
  if (dot == text.npos) return std::nullopt;
  const auto time = std::from_chars(text.data(), text.data() + dot, place.at_ms);
  const auto number = std::from_chars(text.data() + dot + 1, text.data() + text.size(), place.sequence);
  if (time.ec != std::errc() || time.ptr != text.data() + dot) return std::nullopt;
  if (number.ec != std::errc() || number.ptr != text.data() + text.size()) return std::nullopt;
  if (place.at_ms < 0 || place.at_ms == INT64_MAX) return std::nullopt;
  return place;
}

LogStatement log_statement(const LogRange& range) {
  LogStatement statement;
  statement.sql =
      "SELECT log_stream, events, ingested_ms, first_ms, last_ms, sequence FROM log_chunk WHERE account = ? AND region "
      "= ? AND log_group = ?";
  statement.parameters = {range.account, range.region, range.group};
  if (!range.stream.empty()) {
    statement.sql += " AND log_stream = ?";
    statement.parameters.emplace_back(range.stream);
  }
  // Both ends of a row matter and one of them is the index's: how long a row may be bounds the other.
  statement.sql += " AND first_ms >= ? AND first_ms <= ? AND last_ms >= ? AND last_ms <= ?";
  const auto last_ms = range.to.before().at_ms;
  for (const auto ms :
       {shifted(range.from.at_ms, -chunk_span_ms_max), last_ms, range.from.at_ms, shifted(last_ms, chunk_span_ms_max)})
    statement.parameters.emplace_back(ms);
  statement.sql += range.newest_first ? " ORDER BY last_ms DESC, sequence DESC" : " ORDER BY first_ms, sequence";
  return statement;
}

LogPage read_log(Transaction& tx, const LogRange& range) {
  LogPage read;
  Page page(range);
  std::size_t looked_at = 0;
  std::optional<std::int64_t> first_last_ms;
  const auto statement = log_statement(range);
  tx.each(statement.sql, statement.parameters, [&](const Row& row) {
    const auto& stream = row[0].string();
    if (range.streams && !range.streams(stream)) return true;
    const auto first_ms = row[3].integer(), last_ms = row[4].integer();
    const LogPlace place = range.newest_first ? LogPlace{last_ms, UINT64_MAX}
                                              : LogPlace{first_ms, static_cast<std::uint64_t>(row[5].integer())};
    if (!first_last_ms) first_last_ms = last_ms;
    // A page that ends here must have got on: the next one would end here too.
    const bool got_on = range.newest_first ? place < range.to && last_ms < *first_last_ms : place > range.from;
    if (page.has_all_before(place) || (looked_at >= look_bytes_max && got_on)) {
      page.end_at(place);
      return false;
    }
    const auto& events = row[1].string();
    if (range.newest_first || place >= range.from) looked_at += events.size();  // Others reach in from earlier pages.
    ++read.chunks;
    read.streams.insert(stream);
    for (const auto& event : LogStore::read(events)) page.show(event, stream, row[2].integer());
    return true;
  });
  page.move_to(read);
  return read;
}

}  // namespace moonbase::functions
