// Filter patterns of event source mappings and of logs: parsed and, where they are good, tried on an event.
#include "fuzz.hpp"
#include "lambda/filter.hpp"
#include "logs/filter_pattern.hpp"

using namespace moonbase::functions;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const auto text = fuzz::text_of(data + 1, size - 1);
  // The pattern ends at the first zero byte; what is behind it is matched.
  const auto end = std::min(text.find('\0'), text.size());
  const auto pattern_text = text.substr(0, end);
  const auto subject =
      end < text.size() ? text.substr(end + 1) : std::string_view(R"({"a":1,"b":["x",null],"c":{"d":"y"}})");
  if (data[0] % 2 == 0) {
    const auto pattern = FilterPattern::parse(pattern_text);
    if (!pattern) {
      fuzz::expect(pattern.error().code == "InvalidParameterValueException", "a refusal has Lambda's code");
      return 0;
    }
    if (const auto event = moonbase::parse_json(subject)) pattern->matches(*event);
    pattern->matches(moonbase::Value());
    return 0;
  }
  const auto pattern = LogPattern::parse(pattern_text);
  if (!pattern) {
    fuzz::expect(pattern.error().code == "InvalidParameterException", "a refusal has the service's code");
    return 0;
  }
  pattern->matches(subject);
  pattern->values(subject);
  pattern->matches("");
  return 0;
}
