// Schedule expressions: "rate(5 minutes)", "cron(0 12 ? * MON-FRI *)", "at(2027-01-01T12:00:00)".
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <moonbase/clock.hpp>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

namespace moonbase::notifications {

class TimeZone;

// Minutes, hours, day of month, month, day of week (1 is Sunday), year. One of the two days is "?".
class CronExpression {
 public:
  // The six fields, without "cron(" and ")".
  static std::optional<CronExpression> parse(std::string_view text);
  // Whether it fires at all on this day.
  bool fires_on(int year, int month, int day) const;
  // The first local minute after `local` (seconds, as if UTC). Nothing after the year 2199.
  std::optional<std::int64_t> next(std::int64_t local) const;

  static constexpr int first_year = 1970, last_year = 2199;

 private:
  struct Nth {  // "6#3": the third Friday; week 0 is "6L": the last one.
    int weekday, week;
  };
  bool parse_days(std::string_view text);
  bool parse_weekdays(std::string_view text);

  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<8> weekdays_;
  std::bitset<230> years_;
  bool by_weekday_ = false;         // The day of month is "?".
  std::vector<int> days_from_end_;  // "L" is 0, "L-3" is 3.
  std::vector<int> near_days_;      // "15W"; 0 is "LW".
  std::vector<Nth> nth_;
};

class ScheduleExpression {
 public:
  // Rules want "1 minute" and "2 minutes"; schedules of Scheduler take either, and at(…).
  enum class Dialect { rule, scheduler };
  static std::optional<ScheduleExpression> parse(std::string_view text, Dialect dialect);

  // The first time after `after`. Rates count from `start`, which is itself one only if `from_start`.
  // Cron and at are in `zone`, or UTC where it is null.
  std::optional<Time> next(Time after, Time start, bool from_start, const TimeZone* zone) const;
  bool is_once() const { return std::holds_alternative<At>(what_); }

 private:
  struct Rate {
    std::int64_t ms;
  };
  struct At {
    std::int64_t local;  // Seconds.
  };
  std::variant<Rate, At, CronExpression> what_;
};

}  // namespace moonbase::notifications
