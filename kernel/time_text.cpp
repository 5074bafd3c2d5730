#include "time_text.hpp"

#include <charconv>
#include <chrono>

namespace moonbase {
namespace {

// Takes exactly `digits` digits and the separator behind them.
bool take(std::string_view& text, std::size_t digits, std::string_view separators, int& number) {
  if (text.size() < digits) return false;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + digits, number);
  if (failure != std::errc() || end != text.data() + digits || number < 0) return false;
  text.remove_prefix(digits);
  if (separators.empty()) return true;
  if (text.empty() || separators.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::optional<Time> parse_iso_8601(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!take(text, 4, "-", year) || !take(text, 2, "-", month) || !take(text, 2, "T ", day) ||
      !take(text, 2, ":", hour) || !take(text, 2, ":", minute) || !take(text, 2, "", second))
    return {};
  std::int64_t ms = 0;
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    std::int64_t unit = 100;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
      ms += (text.front() - '0') * unit;
      unit /= 10;
      text.remove_prefix(1);
    }
  }
  if (text != "Z") return {};
  using namespace std::chrono;
  const year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                            std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return {};
  const auto days = sys_days{date}.time_since_epoch().count();
  return Time{(((static_cast<std::int64_t>(days) * 24 + hour) * 60 + minute) * 60 + second) * 1000 + ms};
}

std::optional<std::int64_t> parse_duration_ms(std::string_view text) {
  struct Unit {
    std::string_view name;
    std::int64_t ms;
  };
  constexpr Unit units[] = {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  constexpr std::int64_t ms_max = 100LL * 365 * 86'400'000;
  if (text.empty()) return {};
  std::int64_t total = 0;
  while (!text.empty()) {
    std::int64_t number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc() || number < 0) return {};
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const Unit* found = nullptr;
    for (const auto& unit : units)
      if (text.starts_with(unit.name) && (!found || unit.name.size() > found->name.size())) found = &unit;
    if (!found || number > ms_max / found->ms) return {};
    total += number * found->ms;
    if (total > ms_max) return {};
    text.remove_prefix(found->name.size());
  }
  return total;
}

}  // namespace moonbase
