#include <re2/re2.h>

#include <model/pattern.hpp>
#include <stdexcept>

namespace moonbase::model {

struct Pattern {
  explicit Pattern(const std::string& text) : expression(text, quiet()) {}
  static RE2::Options quiet() {
    RE2::Options options;
    options.set_log_errors(false);
    return options;
  }
  RE2 expression;
};

std::shared_ptr<const Pattern> compile_pattern(const std::string& text) {
  auto pattern = std::make_shared<const Pattern>(text);
  if (!pattern->expression.ok())
    throw std::runtime_error("the pattern '" + text + "' is none for RE2: " + pattern->expression.error());
  return pattern;
}

bool matches(const Pattern& pattern, std::string_view text) {
  return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), pattern.expression);
}

}  // namespace moonbase::model
