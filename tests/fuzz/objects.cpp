// What clients of S3 send that its own parsers read: ranges, ETags, copy sources, tags, tokens, names.
#include "fuzz.hpp"
#include "s3/conditions.hpp"
#include "s3/copy.hpp"
#include "s3/listing.hpp"
#include "s3/object_input.hpp"

using namespace moonbase;
using namespace moonbase::s3;

namespace {

void ranges(const std::string& text) {
  for (const std::uint64_t size : {0ull, 1ull, 10ull, 5ull << 30}) {
    const auto range = parse_range(text, size);
    if (!range || !*range) continue;
    const auto& span = **range;
    fuzz::expect(span.size > 0 && span.first < size && span.size <= size - span.first, "a range lies in its object");
    const auto again =
        parse_range("bytes=" + std::to_string(span.first) + "-" + std::to_string(span.first + span.size - 1), size);
    fuzz::expect(again.ok() && *again && (*again)->first == span.first && (*again)->size == span.size,
                 "a range can be said again");
  }
}

void listings(const std::string& text) {
  const auto half = text.size() / 2;
  const auto prefix = text.substr(0, half), delimiter = text.substr(half, 1);
  const auto group = common_prefix(text, prefix, delimiter);
  fuzz::expect(group.empty() || (text.starts_with(group) && group.starts_with(prefix)), "a group holds its keys");
  const auto next = behind(text);
  fuzz::expect(next.empty() || (next > text && next > text + '\xff'), "what is behind is behind all of it");
  for (const bool is_prefix : {false, true}) {
    const auto place = place_of(token_of({text, is_prefix}));
    fuzz::expect(place && place->text == text && place->is_prefix == is_prefix, "a token is its place");
  }
  place_of(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(fuzz::text_of(data, size));
  ranges(text);
  listings(text);
  fuzz::expect(names_etag('"' + text + "\", *", "x"), "a star names all");
  if (const auto source = parse_copy_source(text))
    fuzz::expect(!source->bucket.empty() && !source->key.empty() && source->bucket.find('/') == std::string::npos,
                 "a copy source has a bucket and a key");
  if (check_bucket_name(text)) fuzz::expect(text.find('/') == std::string::npos, "a bucket's name is one segment");
  if (const auto tags = tags_of_input(Map{{"Tagging", text}})) fuzz::expect(tags->size() <= 10, "ten tags at most");
  static_cast<void>(metadata_of_input(Map{{"Metadata", Map{{"name", text}}}}));
  static_cast<void>(is_version_id(text));
  return 0;
}
