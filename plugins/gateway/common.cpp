#include "common.hpp"

#include <algorithm>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>
#include <stdexcept>

namespace moonbase::gateway {

Error bad_request(std::string message) { return {"BadRequestException", std::move(message), {}, 400}; }
Error not_found(std::string message) { return {"NotFoundException", std::move(message), {}, 404}; }
Error conflict(std::string message) { return {"ConflictException", std::move(message), {}, 409}; }

std::string new_id(Ids& ids, std::size_t length) {
  return ids.random_string(length, "abcdefghijklmnopqrstuvwxyz0123456789");
}

Result<std::string> api_id(Call& call, const Value& tags) {
  const auto& pinned = tags["_custom_id_"];
  if (!pinned.is_string()) return new_id(call.kernel.ids, 10);
  const auto& id = pinned.string();
  const bool is_legal = !id.empty() && id.size() <= 63 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
  if (!is_legal) return bad_request("Invalid _custom_id_ tag: an API id has letters, digits and \"-\", at most 63");
  return id;
}

Value document(const Value& column) {
  auto parsed = parse_json(column.string(), {.depth_max = 200, .bytes_max = 256u << 20});
  if (!parsed) throw std::runtime_error("a stored document is damaged: " + parsed.error().message);
  return std::move(*parsed);
}

Map picked(const Value& from, std::initializer_list<std::string_view> names) {
  return picked(from, std::span(names.begin(), names.size()));
}

Map picked(const Value& from, std::span<const std::string_view> names) {
  Map map;
  for (const auto name : names)
    if (const auto& value = from[name]; !value.is_null()) map.set(std::string(name), value);
  return map;
}

bool is_empty(const Value& collection) {
  return collection.is_null() || (collection.is_map() && collection.map().empty()) ||
         (collection.is_list() && collection.list().empty());
}

std::int64_t date_of(Time time) { return time.seconds() * 1000; }

Result<Page> page_of(Keyed items, std::int64_t limit, const Value& position) {
  std::sort(items.begin(), items.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string after;
  if (position.is_string() && !position.string().empty()) {
    auto key = from_base64(position.string());
    if (!key) return bad_request("Invalid position parameter specified");
    after = std::move(*key);
  }
  Page page;
  std::string last;
  for (auto& [key, value] : items) {
    if (!after.empty() && key <= after) continue;
    if (static_cast<std::int64_t>(page.items.size()) == limit) {
      page.next = base64(last);
      break;
    }
    page.items.push_back(std::move(value));
    last = key;
  }
  return page;
}

std::optional<TaggedResource> tagged_resource(std::string_view arn) {
  // arn:partition:apigateway:region:account:/restapis/id[/stages/name]; the account may be empty.
  if (!arn.starts_with("arn:")) return std::nullopt;
  for (int colon = 0; colon < 5; ++colon) {
    const auto at = arn.find(':');
    if (at == std::string_view::npos) return std::nullopt;
    if (colon == 2 && arn.substr(0, at) != "apigateway") return std::nullopt;
    arn.remove_prefix(at + 1);
  }
  if (arn.starts_with('/')) arn.remove_prefix(1);
  const auto part = [&] {
    const auto slash = arn.find('/');
    const auto text = arn.substr(0, slash);
    arn.remove_prefix(slash == std::string_view::npos ? arn.size() : slash + 1);
    return text;
  };
  TaggedResource resource;
  resource.collection = part();
  resource.api_id = part();
  if (resource.api_id.empty()) return std::nullopt;
  if (arn.empty()) return resource;
  if (part() != "stages") return std::nullopt;
  resource.stage = part();
  return resource.stage.empty() || !arn.empty() ? std::nullopt : std::optional(resource);
}

}  // namespace moonbase::gateway
