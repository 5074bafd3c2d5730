// Schedule expressions and time zone files: what is taken fires later than it was asked, or never.
#include "fuzz.hpp"
#include "timing/expression.hpp"
#include "timing/time_zone.hpp"

using namespace moonbase::notifications;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  if (text.starts_with("TZif")) {
    const auto zone = TimeZone::parse(text);
    if (!zone) return 0;
    for (const std::int64_t utc : {0LL, 1'800'000'000LL, 3'500'000'000LL}) {
      const auto local = zone->to_local(utc);
      if (const auto back = zone->to_utc(local))
        fuzz::expect(zone->to_local(*back) == local, "a local time leads back");
    }
    return 0;
  }
  const auto dialect = size % 2 ? ScheduleExpression::Dialect::rule : ScheduleExpression::Dialect::scheduler;
  const auto expression = ScheduleExpression::parse(text, dialect);
  if (!expression) return 0;
  static const auto zone = TimeZone::find("America/New_York");
  for (const auto* where : {static_cast<const TimeZone*>(nullptr), zone.get()}) {
    moonbase::Time at{1'798'761'600'000};
    for (int i = 0; i < 3; ++i) {
      const auto next = expression->next(at, moonbase::Time{0}, false, where);
      if (!next) break;
      fuzz::expect(*next > at, "time goes on");
      at = *next;
    }
  }
  return 0;
}
