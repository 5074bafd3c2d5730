// Listings: the keys of a bucket in order, with those that share a prefix up to a delimiter shown as one.
#pragma once

#include <cstddef>
#include <moonbase/store.hpp>
#include <string>
#include <string_view>
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

struct Listing {
  std::vector<Object> objects;
  std::vector<std::string> prefixes;
  bool truncated = false;
  Place last;  // What was shown last, where it was truncated.
};

// Current objects. Goes from one common prefix to the next by seeking, whatever lies below.
Listing list_current(Transaction& tx, const Bucket& bucket, const ListingWanted& wanted);

// The common prefix of a key that begins with `prefix`; empty where it has none.
std::string_view common_prefix(std::string_view key, std::string_view prefix, std::string_view delimiter);
// The first bytes behind everything that begins with `prefix`; empty where there are none.
std::string behind(std::string_view prefix);

// Opaque text for a place, and back.
std::string token_of(const Place& place);
std::optional<Place> place_of(std::string_view token);

}  // namespace moonbase::s3
