#include "timing/expression.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "timing/time_zone.hpp"

namespace moonbase::notifications {
namespace {

using namespace std::chrono;

constexpr std::int64_t minute_seconds = 60, hour_seconds = 3600, day_seconds = 86400;
constexpr std::size_t text_bytes_max = 256;

constexpr std::array<std::string_view, 12> month_names = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                          "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array<std::string_view, 7> weekday_names = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

std::optional<int> number_of(std::string_view text) {
  int number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size() || text.empty() || text.front() == '-')
    return std::nullopt;
  return number;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return (x >= 'a' && x <= 'z' ? x - 32 : x) == (y >= 'a' && y <= 'z' ? y - 32 : y);
         });
}

// One field of numbers: "*", "5", "MON-FRI", "0/15", "1-10/2" and lists of those.
struct FieldRules {
  int least, most;
  const std::string_view* names = nullptr;  // The first is `least`.
};

std::optional<int> value_of(std::string_view text, const FieldRules& rules) {
  if (rules.names)
    for (int i = 0; i <= rules.most - rules.least; ++i)
      if (equal_ignoring_case(text, rules.names[i])) return rules.least + i;
  const auto number = number_of(text);
  return number && *number >= rules.least && *number <= rules.most ? number : std::nullopt;
}

// Calls `set` with each value of one part of a list.
template <class Set>
bool read_part(std::string_view text, const FieldRules& rules, const Set& set) {
  int step = 1;
  const auto slash = text.find('/');
  if (slash != std::string_view::npos) {
    const auto read = number_of(text.substr(slash + 1));
    if (!read || *read < 1 || *read > rules.most) return false;
    step = *read;
    text = text.substr(0, slash);
  }
  int first = rules.least, last = rules.most;
  if (text != "*") {
    const auto dash = text.find('-');
    const auto from = value_of(text.substr(0, dash), rules);
    if (!from) return false;
    first = *from;
    if (dash != std::string_view::npos) {
      const auto to = value_of(text.substr(dash + 1), rules);
      if (!to) return false;
      last = *to;
    } else if (slash == std::string_view::npos) {
      last = first;
    }
  }
  const int span = rules.most - rules.least + 1;
  if (last < first) last += span;  // "FRI-MON" goes over the end.
  for (int value = first; value <= last; value += step) set((value - rules.least) % span + rules.least);
  return true;
}

template <class Set>
bool read_list(std::string_view text, const FieldRules& rules, const Set& set) {
  const auto parts = split(text, ',');
  return std::all_of(parts.begin(), parts.end(), [&](auto part) { return read_part(part, rules, set); });
}

int days_in(int year, int month) {
  return static_cast<int>(static_cast<unsigned>(
      year_month_day_last(std::chrono::year(year), month_day_last(std::chrono::month(static_cast<unsigned>(month))))
          .day()));
}

std::int64_t days_from(int year, int month, int day) {
  return sys_days(std::chrono::year(year) / month / day).time_since_epoch().count();
}

// 1 is Sunday.
int weekday_of(int year, int month, int day) {
  return static_cast<int>(weekday(sys_days(std::chrono::year(year) / month / day)).c_encoding()) + 1;
}

// The working day nearest to a day, within its month.
int near_working_day(int year, int month, int day) {
  const int last = days_in(year, month);
  const int weekday = weekday_of(year, month, day);
  if (weekday == 7) return day > 1 ? day - 1 : day + 2;     // Saturday.
  if (weekday == 1) return day < last ? day + 1 : day - 2;  // Sunday.
  return day;
}

}  // namespace

std::optional<CronExpression> CronExpression::parse(std::string_view text) {
  std::vector<std::string_view> fields;
  for (const auto field : split(text, ' '))
    if (!field.empty()) fields.push_back(field);
  if (fields.size() != 6) return std::nullopt;
  CronExpression cron;
  const bool any_day = fields[2] == "?", any_weekday = fields[4] == "?";
  if (any_day == any_weekday) return std::nullopt;
  cron.by_weekday_ = any_day;
  const bool is_good =
      read_list(fields[0], {0, 59}, [&](int value) { cron.minutes_.set(static_cast<std::size_t>(value)); }) &&
      read_list(fields[1], {0, 23}, [&](int value) { cron.hours_.set(static_cast<std::size_t>(value)); }) &&
      (any_day || cron.parse_days(fields[2])) &&
      read_list(fields[3], {1, 12, month_names.data()},
                [&](int value) { cron.months_.set(static_cast<std::size_t>(value)); }) &&
      (any_weekday || cron.parse_weekdays(fields[4])) && read_list(fields[5], {first_year, last_year}, [&](int value) {
        cron.years_.set(static_cast<std::size_t>(value - first_year));
      });
  return is_good ? std::optional(std::move(cron)) : std::nullopt;
}

bool CronExpression::parse_days(std::string_view text) {
  for (const auto part : split(text, ',')) {
    if (part == "L") {
      days_from_end_.push_back(0);
    } else if (part == "LW") {
      near_days_.push_back(0);
    } else if (part.starts_with("L-")) {
      const auto before = number_of(part.substr(2));
      if (!before || *before > 30) return false;
      days_from_end_.push_back(*before);
    } else if (part.ends_with('W')) {
      const auto day = number_of(part.substr(0, part.size() - 1));
      if (!day || *day < 1 || *day > 31) return false;
      near_days_.push_back(*day);
    } else if (!read_part(part, {1, 31}, [&](int value) { days_.set(static_cast<std::size_t>(value)); })) {
      return false;
    }
  }
  return true;
}

bool CronExpression::parse_weekdays(std::string_view text) {
  const FieldRules rules{1, 7, weekday_names.data()};
  for (const auto part : split(text, ',')) {
    if (part == "L") {
      weekdays_.set(7);
    } else if (const auto hash = part.find('#'); hash != std::string_view::npos) {
      const auto day = value_of(part.substr(0, hash), rules);
      const auto week = number_of(part.substr(hash + 1));
      if (!day || !week || *week < 1 || *week > 5) return false;
      nth_.push_back({*day, *week});
    } else if (part.ends_with('L')) {
      const auto day = value_of(part.substr(0, part.size() - 1), rules);
      if (!day) return false;
      nth_.push_back({*day, 0});
    } else if (!read_part(part, rules, [&](int value) { weekdays_.set(static_cast<std::size_t>(value)); })) {
      return false;
    }
  }
  return true;
}

bool CronExpression::fires_on(int year, int month, int day) const {
  const int last = days_in(year, month);
  if (by_weekday_) {
    const int weekday = weekday_of(year, month, day);
    if (weekdays_.test(static_cast<std::size_t>(weekday))) return true;
    return std::any_of(nth_.begin(), nth_.end(), [&](const Nth& each) {
      return each.weekday == weekday && (each.week == 0 ? day + 7 > last : (day - 1) / 7 + 1 == each.week);
    });
  }
  if (days_.test(static_cast<std::size_t>(day))) return true;
  return std::any_of(days_from_end_.begin(), days_from_end_.end(), [&](int each) { return day == last - each; }) ||
         std::any_of(near_days_.begin(), near_days_.end(), [&](int each) {
           return each <= last && day == near_working_day(year, month, each == 0 ? last : each);
         });
}

std::optional<std::int64_t> CronExpression::next(std::int64_t local) const {
  const auto from = local < 0 ? 0 : local / minute_seconds * minute_seconds + minute_seconds;
  const year_month_day date{sys_days(std::chrono::days(from / day_seconds))};
  int month = static_cast<int>(static_cast<unsigned>(date.month()));
  int day = static_cast<int>(static_cast<unsigned>(date.day()));
  auto second = from % day_seconds;
  for (int year = static_cast<int>(date.year()); year <= last_year; ++year, month = 1, day = 1, second = 0) {
    if (year < first_year || !years_.test(static_cast<std::size_t>(year - first_year))) continue;
    for (; month <= 12; ++month, day = 1, second = 0) {
      if (!months_.test(static_cast<std::size_t>(month))) continue;
      for (; day <= days_in(year, month); ++day, second = 0) {
        if (!fires_on(year, month, day)) continue;
        for (auto hour = second / hour_seconds; hour < 24; ++hour) {
          if (!hours_.test(static_cast<std::size_t>(hour))) continue;
          const auto first = hour == second / hour_seconds ? second % hour_seconds / minute_seconds : 0;
          for (auto minute = first; minute < 60; ++minute)
            if (minutes_.test(static_cast<std::size_t>(minute)))
              return days_from(year, month, day) * day_seconds + hour * hour_seconds + minute * minute_seconds;
        }
      }
    }
  }
  return std::nullopt;
}

namespace {

// The inside of "name(…)".
std::optional<std::string_view> inside(std::string_view text, std::string_view name) {
  if (!text.starts_with(name) || !text.ends_with(')')) return std::nullopt;
  text.remove_prefix(name.size());
  if (!text.starts_with('(')) return std::nullopt;
  return text.substr(1, text.size() - 2);
}

std::optional<std::int64_t> rate_ms(std::string_view text, ScheduleExpression::Dialect dialect) {
  const auto space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto count = number_of(text.substr(0, space));
  auto unit = text.substr(space + 1);
  if (!count || *count < 1) return std::nullopt;
  const bool is_plural = unit.ends_with('s');
  if (dialect == ScheduleExpression::Dialect::rule && is_plural != (*count > 1)) return std::nullopt;
  if (is_plural) unit.remove_suffix(1);
  const std::int64_t seconds = unit == "minute" ? minute_seconds : unit == "hour" ? hour_seconds : day_seconds;
  if (seconds == day_seconds && unit != "day") return std::nullopt;
  return *count * seconds * 1000;
}

// "2027-01-01T12:00:00" in seconds.
std::optional<std::int64_t> at_seconds(std::string_view text) {
  constexpr std::string_view shape = "dddd-dd-ddTdd:dd:dd";
  if (text.size() != shape.size()) return std::nullopt;
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (shape[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i]) return std::nullopt;
  const auto part = [&](std::size_t at, std::size_t length) { return *number_of(text.substr(at, length)); };
  const year_month_day date(year(part(0, 4)), month(static_cast<unsigned>(part(5, 2))),
                            day(static_cast<unsigned>(part(8, 2))));
  if (!date.ok() || part(11, 2) > 23 || part(14, 2) > 59 || part(17, 2) > 59) return std::nullopt;
  return sys_days(date).time_since_epoch().count() * day_seconds + part(11, 2) * hour_seconds +
         part(14, 2) * minute_seconds + part(17, 2);
}

}  // namespace

std::optional<ScheduleExpression> ScheduleExpression::parse(std::string_view text, Dialect dialect) {
  if (text.size() > text_bytes_max) return std::nullopt;
  ScheduleExpression expression;
  if (const auto rate = inside(text, "rate")) {
    const auto ms = rate_ms(*rate, dialect);
    if (!ms) return std::nullopt;
    expression.what_ = Rate{*ms};
  } else if (const auto cron = inside(text, "cron")) {
    auto parsed = CronExpression::parse(*cron);
    if (!parsed) return std::nullopt;
    expression.what_ = std::move(*parsed);
  } else if (const auto at = inside(text, "at"); at && dialect == Dialect::scheduler) {
    const auto local = at_seconds(*at);
    if (!local) return std::nullopt;
    expression.what_ = At{*local};
  } else {
    return std::nullopt;
  }
  return expression;
}

std::optional<Time> ScheduleExpression::next(Time after, Time start, bool from_start, const TimeZone* zone) const {
  const auto to_utc = [&](std::int64_t local) { return zone ? zone->to_utc(local) : std::optional(local); };
  if (const auto* rate = std::get_if<Rate>(&what_)) {
    if (from_start && after < start) return start;
    const auto passed = std::max<std::int64_t>(after.ms - start.ms, 0);
    return Time{start.ms + (passed / rate->ms + 1) * rate->ms};
  }
  if (const auto* at = std::get_if<At>(&what_)) {
    const auto utc = to_utc(at->local);
    if (!utc || *utc * 1000 <= after.ms) return std::nullopt;
    return Time{*utc * 1000};
  }
  const auto& cron = std::get<CronExpression>(what_);
  // What the clocks skip does not happen; what they show twice happens the first time.
  auto local = zone ? zone->to_local(after.seconds()) : after.seconds();
  while (const auto found = cron.next(local)) {
    if (const auto utc = to_utc(*found); utc && *utc * 1000 > after.ms) return Time{*utc * 1000};
    local = *found;
  }
  return std::nullopt;
}

}  // namespace moonbase::notifications
