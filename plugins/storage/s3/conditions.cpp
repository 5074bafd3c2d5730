#include "conditions.hpp"

#include <algorithm>
#include <charconv>

#include "errors.hpp"

namespace moonbase::s3 {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::string_view unquoted(std::string_view tag) {
  if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"') return tag.substr(1, tag.size() - 2);
  return tag;
}

// Nothing unless all of it is digits. What is too large is as far as there is.
std::optional<std::uint64_t> number(std::string_view digits) {
  std::uint64_t value = 0;
  const auto end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, value);
  if (digits.empty() || read.ptr != end) return std::nullopt;
  return read.ec == std::errc::result_out_of_range ? UINT64_MAX : value;
}

Error invalid_range(std::string_view range, std::uint64_t size) {
  return {"InvalidRange",
          "The requested range is not satisfiable",
          {{"RangeRequested", range}, {"ActualObjectSize", std::to_string(size)}},
          416};
}

}  // namespace

bool names_etag(std::string_view tags, std::string_view etag) {
  while (!tags.empty()) {
    const auto comma = tags.find(',');
    auto tag = trimmed(tags.substr(0, comma));
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == "*" || unquoted(tag) == etag) return true;
    tags.remove_prefix(comma == std::string_view::npos ? tags.size() : comma + 1);
  }
  return false;
}

Conditions conditions_of(const Value& input) {
  return {input["IfMatch"], input["IfNoneMatch"], input["IfModifiedSince"], input["IfUnmodifiedSince"]};
}

Judged judge(const Conditions& conditions, const Object& object) {
  const auto seconds = object.modified.seconds();
  if (conditions.match.is_string()) {
    if (!names_etag(conditions.match.string(), object.etag)) return {Verdict::failed, "If-Match"};
  } else if (conditions.unmodified_since.is_integer() && seconds > conditions.unmodified_since.integer() / 1000) {
    return {Verdict::failed, "If-Unmodified-Since"};
  }
  if (conditions.none_match.is_string()) {
    if (names_etag(conditions.none_match.string(), object.etag)) return {Verdict::not_modified, "If-None-Match"};
  } else if (conditions.modified_since.is_integer() && seconds <= conditions.modified_since.integer() / 1000) {
    return {Verdict::not_modified, "If-Modified-Since"};
  }
  return {};
}

Result<Done> check_write(const Value& input, const std::string& key, const std::optional<Object>& newest) {
  const auto& match = input["IfMatch"];
  const auto& none_match = input["IfNoneMatch"];
  const bool exists = newest && !newest->delete_marker;
  if (none_match.is_string()) {
    if (none_match.string() != "*" || match.is_string())
      return Error{"NotImplemented",
                   "A header you provided implies functionality that is not implemented",
                   {{"Header", "If-None-Match"}},
                   501};
    if (exists) return precondition_failed("If-None-Match");
  }
  if (match.is_string()) {
    if (!exists) return no_such_key(key);
    if (!names_etag(match.string(), newest->etag)) return precondition_failed("If-Match");
  }
  return done;
}

Result<std::optional<Span>> parse_range(const Value& range, std::uint64_t size) {
  const std::optional<Span> whole;
  if (!range.is_string()) return whole;
  std::string_view text = range.string();
  constexpr std::string_view unit = "bytes=";
  if (!text.starts_with(unit) || text.find(',') != std::string_view::npos) return whole;
  text = trimmed(text.substr(unit.size()));
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return whole;
  const auto from = trimmed(text.substr(0, dash)), to = trimmed(text.substr(dash + 1));
  const auto first = number(from), last = number(to);
  if ((!from.empty() && !first) || (!to.empty() && !last) || (from.empty() && to.empty())) return whole;
  if (from.empty()) {
    if (*last == 0 || size == 0) return invalid_range(range.string(), size);
    const auto count = std::min(*last, size);
    return std::optional(Span{size - count, count});
  }
  if (last && *last < *first) return whole;
  if (*first >= size) return invalid_range(range.string(), size);
  const auto end = last ? std::min(*last, size - 1) : size - 1;
  return std::optional(Span{*first, end - *first + 1});
}

std::string content_range(Span span, std::uint64_t size) {
  return "bytes " + std::to_string(span.first) + "-" + std::to_string(span.first + span.size - 1) + "/" +
         std::to_string(size);
}

}  // namespace moonbase::s3
