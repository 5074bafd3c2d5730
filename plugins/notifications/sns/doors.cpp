// What is reached by address: the certificate, the links in messages, the mailbox and the outboxes.
//   GET /SimpleNotificationService-….pem
//   GET /_aws/sns/confirm, /_aws/sns/unsubscribe         the links, as AWS's own: an action with a secret in it
//   GET /_aws/sns/mailbox[.html]?protocol=&address=      mail and text messages, the newest first
//   GET /_aws/sns/sms-messages?phoneNumber=              what LocalStack shows under these names
//   GET /_aws/sns/platform-endpoint-messages?endpointArn=
//   GET /_aws/sns/subscription-tokens/ARN
//   POST /_aws/sns/opt-out?phoneNumber=                  as a text message STOP would
// `accountId` and `region` say whose, where it is not the caller's.
#include <map>
#include <moonbase/http.hpp>
#include <moonbase/json.hpp>

#include "sns/mailbox.hpp"
#include "sns/service.hpp"

namespace moonbase::notifications::sns {
namespace {

using Query = std::map<std::string, std::string>;

HttpResponse answer(int status, std::string type, std::string body) {
  HttpResponse response;
  response.status = status;
  response.headers.set("Content-Type", std::move(type));
  response.body = std::move(body);
  return response;
}
HttpResponse json(const Value& value, int status = 200) { return answer(status, "application/json", to_json(value)); }
HttpResponse refused(int status, const std::string& message) { return json(Map{{"message", message}}, status); }

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

std::string page(const List& all) {
  std::string html =
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Mailbox</title><style>"
      "body{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem}"
      "article{border-top:1px solid #ccc;padding:1rem 0}pre{white-space:pre-wrap;overflow-wrap:anywhere}"
      "small{color:#555}</style><h1>Mailbox</h1>";
  if (all.empty()) html += "<p>No letters.</p>";
  for (const auto& letter : all) {
    const auto& subject = letter["Subject"].string();
    html += "<article><h2>" + escaped(subject.empty() ? "Text message" : subject) + "</h2><small>" +
            escaped(letter["Protocol"].string()) + " to " + escaped(letter["Address"].string()) + ", " +
            escaped(letter["Timestamp"].string()) + "</small><pre>" + escaped(letter["Body"].string()) + "</pre>";
    for (const auto& [name, link] : letter["Links"].map())
      html += "<p><a href=\"" + escaped(link.string()) + "\">" + escaped(name) + "</a></p>";
    html += "</article>";
  }
  return html + "</html>";
}

HttpResponse show_mailbox(HttpCall& call, const Owner& owner, Query& query, bool as_page) {
  List all;
  auto read = call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    all = letters(tx, owner, query["protocol"], query["address"]);
    return Value();
  });
  if (!read) return refused(500, read.error().message);
  if (!as_page) return json(Map{{"Messages", std::move(all)}});
  auto response = answer(200, "text/html; charset=utf-8", page(all));
  response.headers.set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
  return response;
}

HttpResponse show_texts(HttpCall& call, const Owner& owner, Query& query) {
  Map by_number;
  auto read = call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    for (const auto& letter : letters(tx, owner, "sms", query["phoneNumber"])) {
      auto& list = by_number[letter["Address"].string()];
      if (list.is_null()) list = List{};
      list.list().push_back(Map{{"PhoneNumber", letter["Address"]},
                                {"TopicArn", letter["TopicArn"]},
                                {"MessageId", letter["MessageId"]},
                                {"Message", letter["Body"]}});
    }
    return Value();
  });
  if (!read) return refused(500, read.error().message);
  return json(Map{{"sms_messages", std::move(by_number)}, {"region", owner.region}});
}

HttpResponse show_pushes(HttpCall& call, const Owner& owner, Query& query) {
  Map by_endpoint;
  auto read = call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    by_endpoint = pushes(tx, owner, query["endpointArn"]);
    return Value();
  });
  if (!read) return refused(500, read.error().message);
  return json(Map{{"platform_endpoint_messages", std::move(by_endpoint)}, {"region", owner.region}});
}

HttpResponse show_token(HttpCall& call, const std::string& arn) {
  const auto name = parse_subscription_arn(arn);
  if (!name) return refused(400, name.error().message);
  std::optional<Subscription> found;
  auto read = call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    found = find_subscription(tx, *name);
    return Value();
  });
  if (!read || !found) return refused(404, "The provided SubscriptionARN is not found");
  return json(Map{{"subscription_token", found->token}, {"subscription_arn", found->arn()}});
}

HttpResponse follow_link(HttpCall& call, Query& query, bool confirms) {
  Result<Value> changed = Value();
  std::string said;
  if (confirms) {
    const auto topic = parse_topic_arn(query["TopicArn"]);
    if (!topic) return refused(400, topic.error().message);
    changed = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
      const auto subscription = confirm(tx, *topic, query["Token"], false);
      if (!subscription) return invalid_parameter("Token");
      said = subscription->arn();
      return Value();
    });
  } else {
    const auto name = parse_subscription_arn(query["SubscriptionArn"]);
    if (!name) return refused(400, name.error().message);
    changed = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
      const auto subscription = find_subscription(tx, *name);
      if (!subscription) return no_such_subscription();
      if (subscription->attribute("ConfirmationWasAuthenticated") == "true")
        return Error{"AuthorizationError", "Unsubscribing from this topic needs a signed request"};
      remove_subscription(tx, *subscription);
      said = subscription->arn();
      return Value();
    });
  }
  if (!changed) return refused(400, changed.error().message);
  const std::string operation = confirms ? "ConfirmSubscription" : "Unsubscribe";
  return answer(200, "text/xml",
                "<" + operation + "Response xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">" +
                    (confirms ? "<ConfirmSubscriptionResult><SubscriptionArn>" + escaped(said) +
                                    "</SubscriptionArn></ConfirmSubscriptionResult>"
                              : std::string()) +
                    "<ResponseMetadata><RequestId>" + call.context.request_id + "</RequestId></ResponseMetadata></" +
                    operation + "Response>");
}

HttpResponse opt_out(HttpCall& call, const Owner& owner, const std::string& number) {
  if (number.size() < 3 || number.front() != '+')
    return refused(400, "phoneNumber is needed, such as %2B4915112345678");
  auto written = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    tx.query(
        "INSERT INTO sns_opted_out (account, region, number) VALUES (?, ?, ?) "
        "ON CONFLICT (account, region, number) DO NOTHING",
        owner.account, owner.region, number);
    return Value();
  });
  if (!written) return refused(500, written.error().message);
  return json(Map{{"phoneNumber", number}, {"isOptedOut", true}});
}

}  // namespace

HttpResponse serve(Service&, HttpCall& call) {
  const auto& path = call.request.path;
  Query query;
  for (auto& [name, value] : parse_query(call.request.query)) query[name] = value;
  auto owner = Owner::of(call.context);
  if (!query["accountId"].empty()) owner.account = query["accountId"];
  if (!query["region"].empty()) owner.region = query["region"];

  if (path == "/_aws/sns/opt-out" && call.request.method == "POST") return opt_out(call, owner, query["phoneNumber"]);
  if (call.request.method != "GET") return refused(405, "This address is read with GET.");
  if (path.starts_with("/SimpleNotificationService-")) {
    auto certificate = Signing::certificate(call.kernel.store, path.substr(1));
    if (!certificate) return refused(404, "There is no such certificate.");
    return answer(200, "application/x-pem-file", std::move(*certificate));
  }
  if (path == "/_aws/sns/confirm") return follow_link(call, query, true);
  if (path == "/_aws/sns/unsubscribe") return follow_link(call, query, false);
  if (path == "/_aws/sns/mailbox") return show_mailbox(call, owner, query, false);
  if (path == "/_aws/sns/mailbox.html") return show_mailbox(call, owner, query, true);
  if (path == "/_aws/sns/sms-messages") return show_texts(call, owner, query);
  if (path == "/_aws/sns/platform-endpoint-messages") return show_pushes(call, owner, query);
  constexpr std::string_view tokens = "/_aws/sns/subscription-tokens/";
  if (path.starts_with(tokens)) return show_token(call, percent_decode(path.substr(tokens.size())));
  return refused(404, "There is nothing at " + path + ".");
}

}  // namespace moonbase::notifications::sns
