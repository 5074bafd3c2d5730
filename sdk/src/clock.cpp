#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <moonbase/clock.hpp>

namespace moonbase {
namespace {

struct Calendar {
  int year = 0;
  unsigned month = 0, day = 0, weekday = 0;
  int hour = 0, minute = 0, second = 0, ms = 0;
};

// Years 0000 to 9999: all that the formats can write. Beyond, the nearest moment that they can.
constexpr std::int64_t ms_min = -62'167'219'200'000;
constexpr std::int64_t ms_max = 253'402'300'799'999;

Calendar calendar(Time time) {
  namespace chrono = std::chrono;
  const chrono::milliseconds since_epoch{std::clamp(time.ms, ms_min, ms_max)};
  const auto days = chrono::floor<chrono::days>(since_epoch);
  const chrono::year_month_day date{chrono::sys_days(days)};
  const auto rest = static_cast<int>((since_epoch - days).count());
  return {static_cast<int>(date.year()),
          static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()),
          chrono::weekday{chrono::sys_days(days)}.c_encoding(),
          rest / 3'600'000,
          rest / 60'000 % 60,
          rest / 1000 % 60,
          rest % 1000};
}

}  // namespace

std::string iso_8601(Time time) {
  const auto at = calendar(time);
  std::array<char, 64> text{};
  const int length = std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", at.year, at.month,
                                   at.day, at.hour, at.minute, at.second, at.ms);
  return {text.data(), static_cast<std::size_t>(length)};
}

std::string http_date(Time time) {
  constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto at = calendar(time);
  std::array<char, 64> text{};
  const int length = std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT", days[at.weekday],
                                   at.day, months[at.month - 1], at.year, at.hour, at.minute, at.second);
  return {text.data(), static_cast<std::size_t>(length)};
}

}  // namespace moonbase
