// Event patterns: parsed, tried on an event, found by the index exactly when they match.
#include "fuzz.hpp"
#include "patterns/index.hpp"

using namespace moonbase::notifications;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  // A pattern, and behind a newline the event.
  const auto line = text.find('\n');
  const auto pattern = Pattern::parse(text.substr(0, line));
  if (!pattern) {
    fuzz::expect(pattern.error().code == "InvalidEventPatternException", "a refusal has its code");
    fuzz::expect(pattern.error().message.find("\n at [Source: (String)\"") != std::string::npos,
                 "a refusal has a place");
    return 0;
  }
  auto event = moonbase::parse_json(line == std::string_view::npos ? "{}" : text.substr(line + 1));
  if (!event || !event->is_map())
    event = moonbase::Value(moonbase::Map{{"source", "a"}, {"detail", moonbase::Map{{"n", 1}}}});
  std::vector<Pattern> patterns;
  patterns.push_back(Pattern::parse(text.substr(0, line)).value());
  const PatternIndex index(std::move(patterns));
  fuzz::expect(index.matching(*event).size() == (pattern->matches(*event) ? 1u : 0u),
               "the index agrees with the pattern");
  return 0;
}
