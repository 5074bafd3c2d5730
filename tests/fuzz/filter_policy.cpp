// SNS filter policies: refused with a reason, or tried on attributes and on a body.
#include "fuzz.hpp"
#include "sns/filter.hpp"

using namespace moonbase::notifications;

namespace {

// {"name": "text"} and {"name": 5} as message attributes.
moonbase::Value attributes_of(const moonbase::Value& map) {
  moonbase::Map attributes;
  if (!map.is_map()) return attributes;
  for (const auto& [name, value] : map.map()) {
    const auto* type = value.is_list() ? "String.Array" : value.is_integer() || value.is_number() ? "Number" : "String";
    const auto text = value.is_string() ? value.string() : moonbase::to_json(value);
    attributes.set(name, moonbase::Map{{"DataType", type}, {"StringValue", text}});
  }
  return attributes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const bool by_body = data[0] % 2 == 0;
  const auto text = fuzz::text_of(data + 1, size - 1);
  // A policy, and behind a newline what is published.
  const auto line = std::min(text.find('\n'), text.size());
  const std::string policy(text.substr(0, line));
  const std::string body(line < text.size() ? text.substr(line + 1) : R"({"kind":"ship","total":12,"tags":["a","b"]})");
  if (const auto refused = sns::refuse_filter_policy(policy, by_body)) {
    fuzz::expect(refused->starts_with("FilterPolicy: ") || refused->starts_with("Filter policy scope "),
                 "a refusal says what it is about");
    return 0;
  }
  fuzz::expect(!sns::refuse_filter_policy(policy, true), "what attributes may be filtered by, bodies may, too");
  const sns::FilterPolicy filter(policy, by_body);
  const auto parsed = moonbase::parse_json(body);
  filter.matches(body, attributes_of(parsed ? *parsed : moonbase::Value()));
  filter.matches("", moonbase::Map());
  return 0;
}
