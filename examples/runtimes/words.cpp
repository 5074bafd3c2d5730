// The word counter in C++.
#include <moonbase/function.hpp>

#include <string>

using moonbase::Context, moonbase::Map, moonbase::Result, moonbase::Value;

namespace {

Result<Value> words(const Value& event, Context& context) {
  if (!event["text"].is_string()) return moonbase::Error{"NoText", "give me a text"};
  int count = 0;
  bool inside = false;
  for (const char c : event["text"].string()) {
    const bool space = c == ' ' || c == '\n' || c == '\t';
    if (!space && !inside) ++count;
    inside = !space;
  }
  context.log("counted " + std::to_string(count));
  return Value(Map{{"runtime", "native"}, {"words", count}});
}

}  // namespace

MOONBASE_FUNCTION(words)
