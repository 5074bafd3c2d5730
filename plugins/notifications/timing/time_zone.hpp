// TimeZone: the rules of an IANA time zone, read from the machine's /usr/share/zoneinfo (Debian's tzdata).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moonbase::notifications {

// Never changes once made: any thread may use it. All times are seconds; local ones as if they were UTC.
class TimeZone {
 public:
  // Null where the machine knows no zone of that name. Reads a file of a few KB.
  static std::shared_ptr<const TimeZone> find(std::string_view name);
  // From the bytes of a TZif file (RFC 8536). Null where they are none.
  static std::shared_ptr<const TimeZone> parse(std::string_view bytes);

  std::int64_t offset_at(std::int64_t utc) const;
  std::int64_t to_local(std::int64_t utc) const { return utc + offset_at(utc); }
  // The first moment at which clocks show this; nothing where they skip it.
  std::optional<std::int64_t> to_utc(std::int64_t local) const;

  struct Change {  // "M3.5.0/2" and its like: a day of each year and the local time on it.
    enum class Kind : std::uint8_t { month_week_day, day_without_leap, day } kind = Kind::day;
    int month = 0, week = 0, day = 0;
    std::int64_t at = 2 * 3600;
  };

 private:
  struct Transition {
    std::int64_t at;
    std::int64_t offset;  // From then on.
  };
  // What holds after the last transition, every year.
  struct Rule {
    std::int64_t standard = 0, summer = 0;
    bool has_summer = false;
    Change begins, ends;
  };

  static std::optional<Rule> parse_rule(std::string_view text);
  std::int64_t offset_by_rule(std::int64_t utc) const;

  std::vector<Transition> transitions_;
  std::int64_t first_offset_ = 0;
  std::optional<Rule> rule_;
};

}  // namespace moonbase::notifications
