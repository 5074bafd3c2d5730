// What both services share: documents in rows, pages, tags, ids.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <moonbase/call.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moonbase::gateway {

// Whose resources. Views into the Call.
struct Owner {
  std::string_view account, region;
  static Owner of(const Call& call) { return {call.context.identity.account_id, call.context.region}; }
};

// Lower-case letters and digits.
std::string new_id(Ids& ids, std::size_t length);

// The id that the tag `_custom_id_` pins, or a new one. It becomes a part of host names: letters, digits
// and "-", at most 63; BadRequestException otherwise.
Result<std::string> api_id(Call& call, const Value& tags);

// JSON in a column. Throws std::runtime_error where it is damaged.
Value document(const Value& column);

// The members of these names that are there.
Map picked(const Value& from, std::span<const std::string_view> names);
Map picked(const Value& from, std::initializer_list<std::string_view> names);
bool is_empty(const Value& collection);  // Null, or nothing in it.

// Whole seconds, as these services tell the time; in milliseconds.
std::int64_t date_of(Time time);

// One page of a list. Each item has a key that orders the list and is unique in it.
struct Page {
  List items;
  std::string next;  // Empty at the end.
};
using Keyed = std::vector<std::pair<std::string, Value>>;
// BadRequestException where `position` is not one that was given out.
Result<Page> page_of(Keyed items, std::int64_t limit, const Value& position);

// A tag operation's ARN: "arn:aws:apigateway:us-east-1::/restapis/abc/stages/prod" gives "restapis", "abc", "prod".
struct TaggedResource {
  std::string_view collection, api_id, stage;
};
std::optional<TaggedResource> tagged_resource(std::string_view arn);

Error bad_request(std::string message);
Error not_found(std::string message);
Error conflict(std::string message);

}  // namespace moonbase::gateway
