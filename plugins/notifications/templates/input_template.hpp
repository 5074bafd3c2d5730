// Input templates: text in which <name> stands for a value of the event.
#pragma once

#include <functional>
#include <moonbase/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moonbase::notifications {

// What <name> stands for; nothing where the event has none.
using TemplateLookup = std::function<std::optional<Value>(std::string_view name)>;

// The text with its variables replaced. Inside quotes a string is written without its own and escaped;
// outside of them as JSON, unless the text begins neither with a quote nor with a bracket. What is missing
// becomes an empty string.
std::string expand_template(std::string_view text, const TemplateLookup& lookup);

// The names between < and >, in order.
std::vector<std::string> template_variables(std::string_view text);

}  // namespace moonbase::notifications
