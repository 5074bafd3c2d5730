// Conditional requests and ranges: rules alone.
#pragma once

#include <cstdint>
#include <moonbase/clock.hpp>
#include <moonbase/result.hpp>
#include <moonbase/value.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "content.hpp"
#include "object.hpp"

namespace moonbase::s3 {

// Whether `tags`, the value of an If-Match or If-None-Match header, names this ETag: "*", or a list, quoted or not.
bool names_etag(std::string_view tags, std::string_view etag);

// If-Match, If-None-Match, If-Modified-Since and If-Unmodified-Since of a request, or null.
struct Conditions {
  const Value& match;
  const Value& none_match;
  const Value& modified_since;
  const Value& unmodified_since;
};
Conditions conditions_of(const Value& input);  // Of GetObject and HeadObject.

enum class Verdict : std::uint8_t { go_on, not_modified, failed };
struct Judged {
  Verdict verdict = Verdict::go_on;
  std::string condition;  // The header that did not hold.
};
// In the order of RFC 9110: an ETag that matches makes up for a date that does not.
Judged judge(const Conditions& conditions, const Object& object);

// If-Match and If-None-Match of a write, against the newest version. Errors PreconditionFailed, NoSuchKey, and
// NotImplemented for what S3 itself does not take.
Result<Done> check_write(const Value& input, const std::string& key, const std::optional<Object>& newest);

// The span of a Range header. Nothing where there is none or where it is malformed, which S3 reads as none. Error
// InvalidRange when it lies outside.
Result<std::optional<Span>> parse_range(const Value& range, std::uint64_t size);
std::string content_range(Span span, std::uint64_t size);

}  // namespace moonbase::s3
