#include "common.hpp"

#include <array>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>
#include <stdexcept>

namespace moonbase::notifications {

std::string Owner::arn(std::string_view service, std::string_view resource) const {
  std::string arn = "arn:aws:";
  arn.append(service).append(":").append(region).append(":").append(account).append(":");
  return arn.append(resource);
}

std::optional<Arn> parse_arn(std::string_view text) {
  std::array<std::string_view, 5> parts;
  for (auto& part : parts) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    part = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  if (parts[0] != "arn" || parts[1].empty() || parts[2].empty() || text.empty()) return std::nullopt;
  return Arn{parts[2], parts[3], parts[4], text};
}

Value document(const Value& column) {
  auto parsed = parse_json(column.string(), {.depth_max = 200, .bytes_max = 64u << 20});
  if (!parsed) throw std::runtime_error("a stored document is damaged: " + parsed.error().message);
  return std::move(*parsed);
}

std::string text_or(const Value& value, std::string_view otherwise) {
  return value.is_string() ? value.string() : std::string(otherwise);
}

Map picked(const Value& from, std::initializer_list<std::string_view> names) {
  Map map;
  for (const auto name : names)
    if (const auto& value = from[name]; !value.is_null()) map.set(std::string(name), value);
  return map;
}

std::int64_t whole_seconds(Time time) { return time.seconds() * 1000; }

std::string iso_8601_seconds(Time time) {
  auto text = iso_8601(time);
  const auto dot = text.find('.');
  return dot == std::string::npos ? text : text.substr(0, dot) + "Z";
}

std::optional<Page> read_page(Transaction& tx, std::string sql, std::vector<Parameter> parameters,
                              std::string_view name, const PageRequest& request) {
  std::string after;
  if (!request.token.empty()) {
    auto decoded = from_base64(request.token);
    if (!decoded || decoded->empty()) return std::nullopt;
    after = std::move(*decoded);
    sql.append(" AND ").append(name).append(" > ?");
    parameters.emplace_back(after);
  }
  // Names are ASCII.
  const auto beyond = request.prefix + "\x7f";
  if (!request.prefix.empty()) {
    sql.append(" AND ").append(name).append(" >= ? AND ").append(name).append(" < ?");
    parameters.emplace_back(request.prefix);
    parameters.emplace_back(beyond);
  }
  sql.append(" ORDER BY ").append(name).append(" LIMIT ?");
  parameters.emplace_back(request.limit + 1);
  Page page{tx.query_with(sql, parameters), {}};
  if (static_cast<std::int64_t>(page.rows.size()) > request.limit) {
    page.rows.pop_back();
    page.next = base64(page.rows.back()[name].string());
  }
  return page;
}

void put_tags(Transaction& tx, const Owner& owner, std::string_view arn, const Value& tags) {
  if (tags.is_null()) return;
  for (const auto& tag : tags.list())
    tx.query(
        "INSERT INTO notification_tag (account, region, arn, key, value) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (account, region, arn, key) DO UPDATE SET value = excluded.value",
        owner.account, owner.region, arn, tag["Key"], tag["Value"]);
}

void remove_tags(Transaction& tx, const Owner& owner, std::string_view arn, const Value& keys) {
  for (const auto& key : keys.list())
    tx.query("DELETE FROM notification_tag WHERE account = ? AND region = ? AND arn = ? AND key = ?", owner.account,
             owner.region, arn, key);
}

void remove_all_tags(Transaction& tx, const Owner& owner, std::string_view arn) {
  tx.query("DELETE FROM notification_tag WHERE account = ? AND region = ? AND arn = ?", owner.account, owner.region,
           arn);
}

List tags_of(Transaction& tx, const Owner& owner, std::string_view arn) {
  List tags;
  for (const auto& row :
       tx.query("SELECT key, value FROM notification_tag WHERE account = ? AND region = ? AND arn = ? ORDER BY key",
                owner.account, owner.region, arn))
    tags.push_back(Map{{"Key", row[0]}, {"Value", row[1]}});
  return tags;
}

std::int64_t count_tags(Transaction& tx, const Owner& owner, std::string_view arn) {
  return static_cast<std::int64_t>(
      tx.query("SELECT key FROM notification_tag WHERE account = ? AND region = ? AND arn = ?", owner.account,
               owner.region, arn)
          .size());
}

}  // namespace moonbase::notifications
