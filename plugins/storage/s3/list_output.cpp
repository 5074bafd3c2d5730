#include "list_output.hpp"

#include <algorithm>
#include <moonbase/http.hpp>

#include "errors.hpp"

namespace moonbase::s3 {
namespace {
constexpr std::int64_t page_max = 1000, number_max = INT32_MAX;
}  // namespace

Result<Encoding> Encoding::of(const Value& input) {
  const auto& type = input["EncodingType"];
  if (type.is_null()) return Encoding(false);
  if (type.string() == "url") return Encoding(true);
  return invalid_argument("Invalid Encoding Method specified in Request", "encoding-type", type.string());
}

std::string Encoding::operator()(std::string_view text) const {
  return url_ ? percent_encode(text, true) : std::string(text);
}

Result<std::size_t> page_of(const Value& input, std::string_view member, const std::string& name) {
  const auto wanted = input[member].integer_or(page_max);
  if (wanted < 0 || wanted > number_max)
    return invalid_argument("Argument " + name + " must be an integer between 0 and 2147483647", name,
                            std::to_string(wanted));
  return static_cast<std::size_t>(std::min(wanted, page_max));
}

void show_prefixes(Value& output, const std::vector<std::string>& prefixes, const Encoding& encoding) {
  List list;
  for (const auto& prefix : prefixes) list.push_back(Map{{"Prefix", encoding(prefix)}});
  if (!list.empty()) output.set("CommonPrefixes", std::move(list));
}

void show_checksum_kind(Map& entry, const Object& object) {
  if (object.checksum.algorithm.empty()) return;
  entry.set("ChecksumAlgorithm", List{object.checksum.algorithm});
  entry.set("ChecksumType", object.checksum.type);
}

}  // namespace moonbase::s3
