// CORS rules of a bucket: what they may look like, and what they let pages of other origins do. Pure.
#pragma once

#include <moonbase/result.hpp>
#include <moonbase/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moonbase::s3 {

// A CORSConfiguration. Errors InvalidRequest and MalformedXML.
Result<Done> check_cors(const Value& configuration);

// What a page asks for, or does.
struct CrossRequest {
  std::string_view origin, method;
  std::vector<std::string> headers;  // In lower case: those that a preflight names.
};

// The first rule that lets it; null where none does.
const Value* find_cors_rule(const Value& configuration, const CrossRequest& request);

// A text with at most one "*".
bool cors_matches(std::string_view pattern, std::string_view text, bool ignoring_case);

}  // namespace moonbase::s3
