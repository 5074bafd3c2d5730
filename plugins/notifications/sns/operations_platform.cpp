// Platform applications and endpoints: kept, and what is pushed to them stays in an outbox.
#include <algorithm>
#include <array>
#include <moonbase/json.hpp>

#include "sns/service.hpp"

namespace moonbase::notifications::sns {
namespace {

constexpr std::array<std::string_view, 9> platforms = {
    "ADM", "APNS", "APNS_SANDBOX", "APNS_VOIP", "APNS_VOIP_SANDBOX", "BAIDU", "FCM", "GCM", "MPNS"};
constexpr std::string_view application_kind = "app/", endpoint_kind = "endpoint/";

bool is_application_name(const std::string& name) {
  return !name.empty() && name.size() <= 256 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
}

// What an ARN of ours names: "app/GCM/phones" or "endpoint/GCM/phones/<id>".
struct Named {
  Owner owner;
  std::string application;  // "GCM/phones"
  std::string id;           // Of an endpoint.
  std::string arn() const {
    return owner.arn("sns", id.empty() ? std::string(application_kind) + application
                                       : std::string(endpoint_kind) + application + "/" + id);
  }
};

Result<Named> parse_named(const Value& text, std::string_view kind, std::string_view member) {
  const auto arn = parse_arn(text.string());
  const auto wrong =
      invalid_parameter(std::string(member) + " Reason: Wrong number of slashes in relative portion of the ARN.");
  if (!arn || arn->service != "sns" || !arn->resource.starts_with(kind)) return invalid_parameter(member);
  const auto path = arn->resource.substr(kind.size());
  const auto slashes = std::count(path.begin(), path.end(), '/');
  if (kind == application_kind) {
    if (slashes != 1) return wrong;
    return Named{arn->owner(), std::string(path), ""};
  }
  if (slashes != 2) return wrong;
  const auto cut = path.rfind('/');
  return Named{arn->owner(), std::string(path.substr(0, cut)), std::string(path.substr(cut + 1))};
}

std::pair<std::string, std::string> split(const std::string& application) {
  const auto slash = application.find('/');
  return {application.substr(0, slash), application.substr(slash + 1)};
}

Result<Map> find_application(Transaction& tx, const Named& named) {
  const auto [platform, name] = split(named.application);
  const auto rows = tx.query(
      "SELECT attributes FROM sns_platform_application WHERE account = ? AND region = ? AND platform = ? AND name = ?",
      named.owner.account, named.owner.region, platform, name);
  if (rows.empty()) return Error{"NotFound", "PlatformApplication does not exist"};
  return document(rows.front()[0]).map();
}

Result<Map> find_endpoint(Transaction& tx, const Named& named) {
  const auto rows =
      tx.query("SELECT attributes FROM sns_endpoint WHERE account = ? AND region = ? AND application = ? AND id = ?",
               named.owner.account, named.owner.region, named.application, named.id);
  if (rows.empty()) return Error{"NotFound", "Endpoint does not exist"};
  return document(rows.front()[0]).map();
}

void merge(Map& into, const Value& given) {
  if (!given.is_map()) return;
  for (const auto& [key, value] : given.map()) into.set(key, value);
}

// Credentials are taken, never shown.
Map shown_application(Map attributes) {
  attributes.erase("PlatformCredential");
  attributes.erase("PlatformPrincipal");
  if (!attributes.contains("Enabled")) attributes.set("Enabled", "true");
  return attributes;
}

}  // namespace

Result<Value> create_platform_application(Call& call, Service&) {
  const auto& name = call.input["Name"].string();
  const auto& platform = call.input["Platform"].string();
  if (std::find(platforms.begin(), platforms.end(), platform) == platforms.end())
    return invalid_parameter("Platform Reason: " + platform + " is not supported");
  if (!is_application_name(name)) return invalid_parameter("Name");
  const Named named{Owner::of(call), platform + "/" + name, ""};
  const auto& wanted = call.input["Attributes"].map();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (const auto there = find_application(tx, named)) {
      if (!(*there == wanted))
        return invalid_parameter("Attributes Reason: Platform Application already exists with different attributes");
    } else {
      tx.query(
          "INSERT INTO sns_platform_application (account, region, platform, name, attributes) VALUES (?, ?, ?, ?, ?)",
          named.owner.account, named.owner.region, platform, name, to_json(wanted));
    }
    return Value(Map{{"PlatformApplicationArn", named.arn()}});
  });
}

Result<Value> create_platform_endpoint(Call& call, Service&) {
  auto named = parse_named(call.input["PlatformApplicationArn"], application_kind, "PlatformApplicationArn");
  if (!named) return named.error();
  const auto& token = call.input["Token"].string();
  if (token.empty()) return invalid_parameter("Token");
  Map attributes = {{"Enabled", "true"}};
  merge(attributes, call.input["Attributes"]);
  attributes.set("Token", token);
  if (const auto& data = call.input["CustomUserData"]; data.is_string()) attributes.set("CustomUserData", data);
  const auto id = call.kernel.ids.uuid();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto endpoint = *named;
    if (auto application = find_application(tx, endpoint); !application) return application.error();
    const auto rows = tx.query(
        "SELECT id, attributes FROM sns_endpoint WHERE account = ? AND region = ? AND application = ? AND token = ?",
        endpoint.owner.account, endpoint.owner.region, endpoint.application, token);
    if (!rows.empty()) {
      endpoint.id = rows.front()[0].string();
      if (!(document(rows.front()[1]).map() == attributes))
        return invalid_parameter("Token Reason: Endpoint " + endpoint.arn() +
                                 " already exists with the same Token, but different attributes.");
      return Value(Map{{"EndpointArn", endpoint.arn()}});
    }
    endpoint.id = id;
    tx.query("INSERT INTO sns_endpoint (account, region, application, id, token, attributes) VALUES (?, ?, ?, ?, ?, ?)",
             endpoint.owner.account, endpoint.owner.region, endpoint.application, id, token, to_json(attributes));
    return Value(Map{{"EndpointArn", endpoint.arn()}});
  });
}

Result<Value> delete_endpoint(Call& call, Service&) {
  const auto named = parse_named(call.input["EndpointArn"], endpoint_kind, "EndpointArn");
  if (!named) return named.error();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    tx.query("DELETE FROM sns_endpoint WHERE account = ? AND region = ? AND application = ? AND id = ?",
             named->owner.account, named->owner.region, named->application, named->id);
    return Value(Map());
  });
}

Result<Value> delete_platform_application(Call& call, Service&) {
  const auto named = parse_named(call.input["PlatformApplicationArn"], application_kind, "PlatformApplicationArn");
  if (!named) return named.error();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto [platform, name] = split(named->application);
    tx.query("DELETE FROM sns_platform_application WHERE account = ? AND region = ? AND platform = ? AND name = ?",
             named->owner.account, named->owner.region, platform, name);
    tx.query("DELETE FROM sns_endpoint WHERE account = ? AND region = ? AND application = ?", named->owner.account,
             named->owner.region, named->application);
    return Value(Map());
  });
}

Result<Value> get_endpoint_attributes(Call& call, Service&) {
  const auto named = parse_named(call.input["EndpointArn"], endpoint_kind, "EndpointArn");
  if (!named) return named.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    auto attributes = find_endpoint(tx, *named);
    if (!attributes) return attributes.error();
    return Value(Map{{"Attributes", std::move(*attributes)}});
  });
}

Result<Value> get_platform_application_attributes(Call& call, Service&) {
  const auto named = parse_named(call.input["PlatformApplicationArn"], application_kind, "PlatformApplicationArn");
  if (!named) return named.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    auto attributes = find_application(tx, *named);
    if (!attributes) return attributes.error();
    return Value(Map{{"Attributes", shown_application(std::move(*attributes))}});
  });
}

Result<Value> list_endpoints_by_platform_application(Call& call, Service&) {
  const auto named = parse_named(call.input["PlatformApplicationArn"], application_kind, "PlatformApplicationArn");
  if (!named) return named.error();
  const auto begin = page_begin(call.input["NextToken"]);
  if (!begin) return invalid_parameter("NextToken");
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    if (auto application = find_application(tx, *named); !application) return application.error();
    const auto rows = tx.query(
        "SELECT id, attributes FROM sns_endpoint WHERE account = ? AND region = ? AND application = ? AND id > ? "
        "ORDER BY id LIMIT ?",
        named->owner.account, named->owner.region, named->application, *begin, page_size + 1);
    List endpoints;
    for (const auto& row : rows) {
      if (static_cast<std::int64_t>(endpoints.size()) == page_size) break;
      endpoints.push_back(Map{{"EndpointArn", Named{named->owner, named->application, row[0].string()}.arn()},
                              {"Attributes", document(row[1])}});
    }
    Map answer = {{"Endpoints", std::move(endpoints)}};
    if (static_cast<std::int64_t>(rows.size()) > page_size)
      answer.set("NextToken", page_token(rows[static_cast<std::size_t>(page_size) - 1][0].string()));
    return Value(std::move(answer));
  });
}

Result<Value> list_platform_applications(Call& call, Service&) {
  const auto owner = Owner::of(call);
  const auto begin = page_begin(call.input["NextToken"]);
  if (!begin) return invalid_parameter("NextToken");
  const auto [platform, name] = begin->empty() ? std::pair<std::string, std::string>() : split(*begin);
  return call.kernel.store.read([&, platform = platform, name = name](Transaction& tx) -> Result<Value> {
    const auto rows = tx.query(
        "SELECT platform, name, attributes FROM sns_platform_application WHERE account = ? AND region = ? AND "
        "(platform, name) > (?, ?) ORDER BY platform, name LIMIT ?",
        owner.account, owner.region, platform, name, page_size + 1);
    List applications;
    std::string last;
    for (const auto& row : rows) {
      if (static_cast<std::int64_t>(applications.size()) == page_size) break;
      last = row[0].string() + "/" + row[1].string();
      applications.push_back(Map{{"PlatformApplicationArn", Named{owner, last, ""}.arn()},
                                 {"Attributes", shown_application(document(row[2]).map())}});
    }
    Map answer = {{"PlatformApplications", std::move(applications)}};
    if (static_cast<std::int64_t>(rows.size()) > page_size) answer.set("NextToken", page_token(last));
    return Value(std::move(answer));
  });
}

Result<Value> set_endpoint_attributes(Call& call, Service&) {
  const auto named = parse_named(call.input["EndpointArn"], endpoint_kind, "EndpointArn");
  if (!named) return named.error();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto attributes = find_endpoint(tx, *named);
    if (!attributes) return attributes.error();
    merge(*attributes, call.input["Attributes"]);
    tx.query(
        "UPDATE sns_endpoint SET attributes = ?, token = ? WHERE account = ? AND region = ? AND application = ? AND id "
        "= ?",
        to_json(*attributes), *attributes->find("Token"), named->owner.account, named->owner.region, named->application,
        named->id);
    return Value(Map());
  });
}

Result<Value> set_platform_application_attributes(Call& call, Service&) {
  const auto named = parse_named(call.input["PlatformApplicationArn"], application_kind, "PlatformApplicationArn");
  if (!named) return named.error();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto attributes = find_application(tx, *named);
    if (!attributes) return attributes.error();
    merge(*attributes, call.input["Attributes"]);
    const auto [platform, name] = split(named->application);
    tx.query(
        "UPDATE sns_platform_application SET attributes = ? WHERE account = ? AND region = ? AND platform = ? AND name "
        "= ?",
        to_json(*attributes), named->owner.account, named->owner.region, platform, name);
    return Value(Map());
  });
}

}  // namespace moonbase::notifications::sns
