#include "templates/input_template.hpp"

#include <moonbase/json.hpp>

namespace moonbase::notifications {
namespace {

// The name that "<name>…" begins with; empty where it is none. "<$.a b>" is one, "< 5" is not.
std::string_view variable_at(std::string_view text) {
  const auto end = text.find('>');
  if (!text.starts_with('<') || end == std::string_view::npos || end == 1) return {};
  const auto name = text.substr(1, end - 1);
  if (name.starts_with('$')) return name.find_first_of("<\n") == std::string_view::npos ? name : std::string_view();
  for (const char c : name) {
    const bool is_legal =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
    if (!is_legal) return {};
  }
  return name;
}

// As JSON has it between quotes.
std::string escaped(const std::string& text) {
  std::string quoted;
  append_json_string(quoted, text);
  return quoted.substr(1, quoted.size() - 2);
}

char first_of(std::string_view text) {
  const auto at = text.find_first_not_of(" \t\r\n");
  return at == std::string_view::npos ? '\0' : text[at];
}

}  // namespace

std::string expand_template(std::string_view text, const TemplateLookup& lookup) {
  const char first = first_of(text);
  const bool is_plain = first != '{' && first != '[' && first != '"' && first != '<';
  // "<a> is <b>" is plain too; "<a>" alone is the value as JSON.
  const auto only = first == '<' ? variable_at(text.substr(text.find('<'))) : std::string_view();
  const bool is_only = !only.empty() && first_of(text.substr(text.find('<') + only.size() + 2)) == '\0';
  std::string out;
  bool in_quotes = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '<') {
      if (const auto name = variable_at(text.substr(at)); !name.empty()) {
        const Value value = lookup(name).value_or(Value(""));
        const auto shown = value.is_string() ? value.string() : to_json(value);
        if (in_quotes)
          out += escaped(shown);
        else if (is_plain || (first == '<' && !is_only))
          out += shown;
        else
          append_json(out, value);
        at += name.size() + 1;
        continue;
      }
    }
    out += c;
    if (in_quotes && c == '\\' && at + 1 < text.size())
      out += text[++at];
    else if (c == '"')
      in_quotes = !in_quotes;
  }
  return out;
}

std::vector<std::string> template_variables(std::string_view text) {
  std::vector<std::string> names;
  for (std::size_t at = text.find('<'); at != std::string_view::npos; at = text.find('<', at + 1))
    if (const auto name = variable_at(text.substr(at)); !name.empty()) names.emplace_back(name);
  return names;
}

}  // namespace moonbase::notifications
