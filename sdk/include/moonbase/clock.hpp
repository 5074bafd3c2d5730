// The platform's clock. Nobody in a plugin reads the time elsewhere: this clock can be stopped,
// set and advanced from outside (/_moonbase/clock), and everything must follow it.
#pragma once

#include <cstdint>
#include <string>

namespace moonbase {

// A moment: milliseconds since 1970-01-01T00:00:00Z.
struct Time {
  std::int64_t ms = 0;

  std::int64_t seconds() const { return ms / 1000; }
  friend bool operator==(const Time&, const Time&) = default;
  friend auto operator<=>(const Time&, const Time&) = default;
};

// Any thread may use it.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
};

// "2026-11-21T10:00:00.123Z".
std::string iso_8601(Time time);
// "Sat, 21 Nov 2026 10:00:00 GMT", as HTTP headers write it.
std::string http_date(Time time);

}  // namespace moonbase
