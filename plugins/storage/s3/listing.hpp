// Listings: the keys of a bucket in order, with those that share a prefix up to a delimiter shown as one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <moonbase/store.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bucket.hpp"
#include "object.hpp"

namespace moonbase::s3 {

struct Place {
  std::string text;        // A key, or a common prefix.
  bool is_prefix = false;  // What begins with it has been shown.
};

struct ListingWanted {
  std::string prefix, delimiter;
  Place after;  // Empty text: from the beginning.
  std::size_t max = 1000;
};

template <class Item>
struct Page {
  std::vector<Item> items;
  std::vector<std::string> prefixes;
  bool truncated = false;
  Place last;  // What was shown last.

  std::size_t shown() const { return items.size() + prefixes.size(); }
};

// Current objects.
Page<Object> list_current(Transaction& tx, const Bucket& bucket, const ListingWanted& wanted);

// All versions and delete markers. Of `after`, which is a key, those older than `after_rank` are still to be shown.
struct Version {
  Object object;
  bool newest = false;
};
Page<Version> list_versions(Transaction& tx, const Bucket& bucket, const ListingWanted& wanted,
                            std::int64_t after_rank);

// The common prefix of a key that begins with `prefix`; empty where it has none.
std::string_view common_prefix(std::string_view key, std::string_view prefix, std::string_view delimiter);
// The first bytes behind everything that begins with `prefix`; empty where there are none.
std::string behind(std::string_view prefix);

// The first key that a listing may show; where an earlier one ended at a key, that key's successor.
std::string first_key(const ListingWanted& wanted);

// Goes through what `each` shows, from one common prefix to the next by seeking, whatever lies below.
// `each(jump, most, visit)` shows items in order, from the key `jump` on where it is given, until `visit` says false;
// `key_of(item)` is an item's key.
template <class Item, class Each, class KeyOf>
Page<Item> collect(const ListingWanted& wanted, const Each& each, const KeyOf& key_of) {
  Page<Item> page;
  std::optional<std::string> jump;
  for (bool more = wanted.max > 0; more;) {
    more = false;
    each(jump, wanted.max + 1 - page.shown(), [&](Item&& item) {
      const std::string_view key = key_of(item);
      if (page.shown() == wanted.max) {
        page.truncated = true;
        return false;
      }
      const auto group = common_prefix(key, wanted.prefix, wanted.delimiter);
      if (group.empty()) {
        page.last = {std::string(key), false};
        page.items.push_back(std::move(item));
        return true;
      }
      page.last = {std::string(group), true};
      page.prefixes.emplace_back(group);
      jump = behind(group);
      more = !jump->empty();
      return false;
    });
  }
  return page;
}

// Opaque text for a place, and back.
std::string token_of(const Place& place);
std::optional<Place> place_of(std::string_view token);

}  // namespace moonbase::s3
