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

Listing list_current(Transaction& tx, const Bucket& bucket, const ListingWanted& wanted) {
  Listing listing;
  const auto end = behind(wanted.prefix);
  // The first key that may be shown.
  std::string from = wanted.after.is_prefix ? behind(wanted.after.text) : wanted.after.text;
  if (!from.empty() && !wanted.after.is_prefix) from.push_back('\0');  // The next key in order.
  from = std::max(from, wanted.prefix);
  const auto shown = [&] { return listing.objects.size() + listing.prefixes.size(); };
  for (bool more = wanted.max > 0; more;) {
    more = false;
    const auto visit = [&](Object&& object) {
      const auto group = common_prefix(object.key, wanted.prefix, wanted.delimiter);
      if (shown() == wanted.max) {
        listing.truncated = true;
        return false;
      }
      if (group.empty()) {
        listing.last = {object.key, false};
        listing.objects.push_back(std::move(object));
        return true;
      }
      listing.last = {std::string(group), true};
      listing.prefixes.emplace_back(group);
      from = behind(group);
      more = !from.empty();
      return false;
    };
    each_listed(tx, bucket, from, end, wanted.max + 1 - shown(), visit);
  }
  return listing;
}

}  // namespace moonbase::s3
