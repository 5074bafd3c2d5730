// Times and durations as people write them.
#pragma once

#include <moonbase/clock.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace moonbase {

// "2027-01-01T00:00:00Z" or "2027-01-01T00:00:00.5Z"; UTC only. Nothing where it is none.
std::optional<Time> parse_iso_8601(std::string_view text);

// "2h", "90s", "1d12h", "500ms", "1h30m". Nothing where it is none or beyond 100 years.
std::optional<std::int64_t> parse_duration_ms(std::string_view text);

}  // namespace moonbase
