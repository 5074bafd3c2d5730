#include "listing.hpp"

#include <algorithm>
#include <moonbase/hash.hpp>

namespace moonbase::s3 {

std::string_view common_prefix(std::string_view key, std::string_view prefix, std::string_view delimiter) {
  if (delimiter.empty()) return {};
  const auto found = key.find(delimiter, prefix.size());
  return found == std::string_view::npos ? std::string_view() : key.substr(0, found + delimiter.size());
}

std::string behind(std::string_view prefix) {
  std::string next(prefix);
  while (!next.empty() && static_cast<unsigned char>(next.back()) == 0xff) next.pop_back();
  if (!next.empty()) next.back() = static_cast<char>(static_cast<unsigned char>(next.back()) + 1);
  return next;
}

std::string token_of(const Place& place) { return base64_url((place.is_prefix ? "p" : "k") + place.text); }

std::optional<Place> place_of(std::string_view token) {
  const auto text = from_base64_url(token);
  if (!text || text->empty() || (text->front() != 'p' && text->front() != 'k')) return std::nullopt;
  return Place{text->substr(1), text->front() == 'p'};
}

std::string first_key(const ListingWanted& wanted) {
  std::string from = wanted.after.is_prefix ? behind(wanted.after.text) : wanted.after.text;
  if (!from.empty() && !wanted.after.is_prefix) from.push_back('\0');
  return std::max(from, wanted.prefix);
}

Page<Object> list_current(Transaction& tx, const Bucket& bucket, const ListingWanted& wanted) {
  const auto end = behind(wanted.prefix);
  return collect<Object>(
      wanted,
      [&](const std::optional<std::string>& jump, std::size_t most, const auto& visit) {
        each_listed(tx, bucket, jump ? *jump : first_key(wanted), end, most, visit);
      },
      [](const Object& object) -> std::string_view { return object.key; });
}

Page<Version> list_versions(Transaction& tx, const Bucket& bucket, const ListingWanted& wanted,
                            std::int64_t after_rank) {
  const auto end = behind(wanted.prefix);
  constexpr auto before_all = INT64_MIN;
  VersionPlace place{wanted.after.text, after_rank};
  if (wanted.after.is_prefix || wanted.prefix > wanted.after.text) place = {first_key(wanted), before_all};
  // Of the key in whose midst it goes on, the newest has been shown.
  std::string key_before = place.rank == before_all ? std::string() : place.key;
  bool any_before = place.rank != before_all;
  return collect<Version>(
      wanted,
      [&](const std::optional<std::string>& jump, std::size_t most, const auto& visit) {
        if (jump) place = {*jump, before_all};
        each_version(tx, bucket, place, end, most, [&](Object&& object) {
          const bool newest = !any_before || object.key != key_before;
          key_before = object.key;
          any_before = true;
          return visit(Version{std::move(object), newest});
        });
      },
      [](const Version& version) -> std::string_view { return version.object.key; });
}

}  // namespace moonbase::s3
