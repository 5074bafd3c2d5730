#include "events/destination.hpp"

#include <algorithm>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>

namespace moonbase::notifications::events {
namespace {

constexpr auto timeout = std::chrono::seconds(5);  // As AWS gives an endpoint.
constexpr std::int64_t token_margin_ms = 60'000;
constexpr double token_seconds_max = 30 * 86'400;  // An endpoint may say anything.

struct Route {
  Value destination, connection, secrets;
};

Result<Route> find_route(const KernelServices& kernel, const Owner& owner, std::string_view name) {
  Route route;
  const auto read = kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto rows = tx.query(
        "SELECT d.document, c.document, c.secrets FROM api_destination d JOIN event_connection c ON "
        "c.account = d.account AND c.region = d.region AND c.name = d.connection WHERE d.account = ? AND "
        "d.region = ? AND d.name = ?",
        owner.account, owner.region, name);
    if (rows.empty())
      return Error{"ResourceNotFoundException", "API destination " + std::string(name) + " does not exist."};
    route = {document(rows.front()[0]), document(rows.front()[1]), document(rows.front()[2])};
    return Value();
  });
  if (!read) return read.error();
  return route;
}

void add_query(std::string& url, std::string_view name, std::string_view value) {
  url.append(url.find('?') == std::string::npos ? "?" : "&");
  url.append(percent_encode(name)).append("=").append(percent_encode(value));
}

// "https://api.example/*/orders/*" with its stars filled in, in order.
std::string filled_path(const std::string& endpoint, const Value& values) {
  std::string url;
  std::size_t next = 0;
  for (const char c : endpoint) {
    if (c != '*' || !values.is_list() || next >= values.list().size())
      url += c;
    else
      url += percent_encode(values.list()[next++].string());
  }
  return url;
}

// The HTTP parameters of a connection: headers, query and members of the body.
void apply(const Value& parameters, HttpClientRequest& request, Map& body) {
  for (const auto& each : parameters["HeaderParameters"].is_list() ? parameters["HeaderParameters"].list() : List{})
    request.headers.set(each["Key"].string_or(""), each["Value"].string_or(""));
  for (const auto& each :
       parameters["QueryStringParameters"].is_list() ? parameters["QueryStringParameters"].list() : List{})
    add_query(request.url, each["Key"].string_or(""), each["Value"].string_or(""));
  for (const auto& each : parameters["BodyParameters"].is_list() ? parameters["BodyParameters"].list() : List{})
    body.set(each["Key"].string_or(""), each["Value"]);
}

Result<std::string> fetch_token(Destinations& destinations, const KernelServices& kernel, const Route& route) {
  const auto& arn = route.connection["ConnectionArn"].string();
  const auto now = kernel.clock.now();
  if (auto token = destinations.token(arn, now); !token.empty()) return token;
  const auto& oauth = route.secrets["OAuthParameters"];
  HttpClientRequest request;
  request.method = oauth["HttpMethod"].string_or("POST");
  request.url = oauth["AuthorizationEndpoint"].string_or("");
  Map body{{"grant_type", "client_credentials"},
           {"client_id", oauth["ClientParameters"]["ClientID"]},
           {"client_secret", oauth["ClientParameters"]["ClientSecret"]}};
  apply(oauth["OAuthHttpParameters"], request, body);
  std::string form;
  for (const auto& [name, value] : body)
    form.append(form.empty() ? "" : "&")
        .append(percent_encode(name))
        .append("=")
        .append(percent_encode(value.string_or("")));
  if (request.method == "GET") {
    request.url.append(request.url.find('?') == std::string::npos ? "?" : "&").append(form);
  } else {
    request.headers.set("Content-Type", "application/x-www-form-urlencoded");
    request.body = std::move(form);
  }
  const auto response = kernel.http.fetch(request, {.timeout = timeout});
  if (!response) return response.error();
  const auto answer = parse_json(response->body);
  if (response->status != 200 || !answer || !(*answer)["access_token"].is_string())
    return Error{"AuthorizationFailed", "The authorization endpoint answered " + std::to_string(response->status) +
                                            " without an access token."};
  const auto& token = (*answer)["access_token"].string();
  const auto& lifetime = (*answer)["expires_in"];
  const double seconds = lifetime.is_number() || lifetime.is_integer() ? lifetime.number() : 300;
  const auto lives_ms = static_cast<std::int64_t>(std::clamp(seconds, 0.0, token_seconds_max) * 1000);
  destinations.remember_token(arn, token, Time{now.ms + lives_ms - token_margin_ms});
  return token;
}

Result<Done> authorize(Destinations& destinations, const KernelServices& kernel, const Route& route,
                       HttpClientRequest& request) {
  const auto& type = route.connection["AuthorizationType"].string();
  const auto& secrets = route.secrets;
  if (type == "BASIC") {
    const auto& basic = secrets["BasicAuthParameters"];
    request.headers.set("Authorization",
                        "Basic " + base64(basic["Username"].string_or("") + ":" + basic["Password"].string_or("")));
  } else if (type == "API_KEY") {
    const auto& key = secrets["ApiKeyAuthParameters"];
    request.headers.set(key["ApiKeyName"].string_or(""), key["ApiKeyValue"].string_or(""));
  } else {
    const auto token = fetch_token(destinations, kernel, route);
    if (!token) return token.error();
    request.headers.set("Authorization", "Bearer " + *token);
  }
  return done;
}

// 401 may be a token that has ended; 407, 409, 429 and the server's own faults pass.
bool may_pass(int status) { return status >= 500 || status == 401 || status == 407 || status == 409 || status == 429; }

}  // namespace

std::string_view destination_name(std::string_view resource) {
  const auto first = resource.find('/');
  if (first == std::string_view::npos) return {};
  const auto rest = resource.substr(first + 1);
  return rest.substr(0, rest.find('/'));
}

Time Destinations::reserve(const std::string& arn, std::int64_t rate, Time now) {
  const std::lock_guard lock(mutex_);
  auto& free_at = free_at_us_[arn];
  const auto slot = std::max(free_at, now.ms * 1000);
  free_at = slot + 1'000'000 / std::max<std::int64_t>(rate, 1);
  return Time{slot / 1000};
}

std::string Destinations::token(const std::string& connection_arn, Time now) {
  const std::lock_guard lock(mutex_);
  const auto found = tokens_.find(connection_arn);
  return found != tokens_.end() && now < found->second.expires ? found->second.text : std::string();
}

void Destinations::remember_token(const std::string& connection_arn, std::string token, Time expires) {
  const std::lock_guard lock(mutex_);
  tokens_[connection_arn] = {std::move(token), expires};
}

void Destinations::forget_token(const std::string& connection_arn) {
  const std::lock_guard lock(mutex_);
  tokens_.erase(connection_arn);
}

void Destinations::clear() {
  const std::lock_guard lock(mutex_);
  free_at_us_.clear();
  tokens_.clear();
}

Time next_slot(Destinations& destinations, Transaction& tx, const std::string& arn, Time now) {
  const auto parsed = parse_arn(arn);
  const auto rows = tx.query("SELECT document FROM api_destination WHERE account = ? AND region = ? AND name = ?",
                             parsed->account, parsed->region, destination_name(parsed->resource));
  if (rows.empty()) return now;
  return destinations.reserve(arn, document(rows.front()[0])["InvocationRateLimitPerSecond"].integer_or(300), now);
}

Result<Value> deliver_to_destination(Destinations& destinations, Delivery& delivery) {
  const auto arn = parse_arn(delivery.arn);
  auto route = find_route(delivery.kernel, arn->owner(), destination_name(arn->resource));
  if (!route) return route.error();
  const auto& parameters = delivery.options["HttpParameters"];
  HttpClientRequest request;
  request.method = route->destination["HttpMethod"].string();
  request.url = filled_path(route->destination["InvocationEndpoint"].string(), parameters["PathParameterValues"]);
  request.headers.set("Content-Type", "application/json; charset=utf-8");
  request.headers.set("User-Agent", "Amazon/EventBridge/ApiDestinations");
  if (parameters["HeaderParameters"].is_map())
    for (const auto& [name, value] : parameters["HeaderParameters"].map()) request.headers.set(name, value.string());
  if (parameters["QueryStringParameters"].is_map())
    for (const auto& [name, value] : parameters["QueryStringParameters"].map())
      add_query(request.url, name, value.string());
  Map more;
  apply(route->secrets["InvocationHttpParameters"], request, more);
  request.body = delivery.payload;
  if (!more.empty())
    if (auto body = parse_json(delivery.payload); body && body->is_map()) {
      for (auto& [name, value] : more) body->set(name, value);
      request.body = to_json(*body);
    }
  if (request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS") request.body.clear();
  if (auto good = authorize(destinations, delivery.kernel, *route, request); !good) return good.error();

  auto response = delivery.kernel.http.fetch(request, {.timeout = timeout});
  if (!response) return response.error();
  if (response->status == 401) destinations.forget_token(route->connection["ConnectionArn"].string());
  if (response->status >= 200 && response->status < 300)
    return Value(Map{{"StatusCode", response->status}, {"Payload", std::move(response->body)}});
  const auto message = "The endpoint answered " + std::to_string(response->status) + ".";
  if (may_pass(response->status))
    return Error{response->status == 429 ? "ThrottlingException" : "ServerError", message};
  return Error{"ClientError", message};
}

}  // namespace moonbase::notifications::events
