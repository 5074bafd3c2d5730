// What the services of this plugin share: owners, ARNs, documents in rows, pages, tags.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <moonbase/call.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moonbase::notifications {

// Whose resources.
struct Owner {
  std::string account, region;
  static Owner of(const CallContext& context) { return {context.identity.account_id, context.region}; }
  static Owner of(const Call& call) { return of(call.context); }

  // "arn:aws:events:us-east-1:000000000000:rule/nightly"
  std::string arn(std::string_view service, std::string_view resource) const;
  friend bool operator==(const Owner&, const Owner&) = default;
};

// Views into the ARN that was parsed.
struct Arn {
  std::string_view service, region, account, resource;
  Owner owner() const { return {std::string(account), std::string(region)}; }
};
// Nothing where it is not "arn:partition:service:region:account:resource".
std::optional<Arn> parse_arn(std::string_view text);

// JSON in a column. Throws std::runtime_error where it is damaged.
Value document(const Value& column);
// The text, where it is one: of JSON that others wrote.
std::string text_or(const Value& value, std::string_view otherwise);
// The members of these names that are there.
Map picked(const Value& from, std::initializer_list<std::string_view> names);
// Whole seconds, in milliseconds.
std::int64_t whole_seconds(Time time);
// "2027-01-01T00:00:00Z"
std::string iso_8601_seconds(Time time);

// A list that is ordered by name, in pages. A token is the last name of the page before.
struct PageRequest {
  std::string prefix;  // Of the names; may be empty.
  std::int64_t limit = 100;
  std::string token;  // Empty: from the beginning.
};
struct Page {
  Rows rows;
  std::string next;  // Empty at the end.
};
// `sql` selects by its own conditions, which `parameters` fill; `name` is the column that orders. Nothing
// where the token is not one that was given out.
std::optional<Page> read_page(Transaction& tx, std::string sql, std::vector<Parameter> parameters,
                              std::string_view name, const PageRequest& request);

// Tags as AWS lists them: [{"Key": …, "Value": …}].
void put_tags(Transaction& tx, const Owner& owner, std::string_view arn, const Value& tags);
void remove_tags(Transaction& tx, const Owner& owner, std::string_view arn, const Value& keys);
void remove_all_tags(Transaction& tx, const Owner& owner, std::string_view arn);
List tags_of(Transaction& tx, const Owner& owner, std::string_view arn);
std::int64_t count_tags(Transaction& tx, const Owner& owner, std::string_view arn);

}  // namespace moonbase::notifications
