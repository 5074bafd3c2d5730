// The tasks that bring a standard topic's messages to its subscriptions. All that were published together go
// in one task; what fails, and what is slow, becomes a task of its own.
#include <algorithm>
#include <map>
#include <moonbase/http.hpp>
#include <moonbase/json.hpp>

#include "sns/delivery.hpp"
#include "sns/retries.hpp"

namespace moonbase::notifications::sns {
namespace {

// Parcels that share messages; lives until the last fiber is done with it.
struct Round {
  Topic topic;
  std::vector<Subscription> subscriptions;
  std::vector<Message> messages;
  struct Item {
    std::size_t subscription, message;
    Outcome outcome = {};
  };
  std::vector<Item> items, slow;
  std::map<std::pair<std::size_t, std::string>, Signed> signatures;  // By message and protocol.

  Parcel parcel(const Item& item, std::int64_t began_ms, std::int64_t tries) const {
    return {topic, subscriptions[item.subscription], messages[item.message], tries, began_ms};
  }
  // Subscriptions that see the same text share its signature.
  std::pair<std::size_t, std::string> signature_key(const Item& item) const {
    const auto& subscription = subscriptions[item.subscription];
    const auto kind = subscription.is_raw() ? "raw" : subscription.protocol;
    return {item.message, kind};
  }
};

Result<Done> sign_all(Service& service, Round& round) {
  for (const auto& item : round.items) {
    const auto key = round.signature_key(item);
    if (round.signatures.contains(key)) continue;
    // One text for all protocols: one signature.
    if (round.messages[item.message].by_protocol.empty()) {
      const auto same = std::find_if(round.signatures.begin(), round.signatures.end(), [&](const auto& each) {
        return each.first.first == item.message && !each.second.version.empty();
      });
      if (same != round.signatures.end() && key.second != "raw") {
        auto shared = same->second;
        round.signatures.emplace(key, std::move(shared));
        continue;
      }
    }
    auto signature = sign(service, round.parcel(item, 0, 0));
    if (!signature) return signature.error();
    round.signatures.emplace(key, std::move(*signature));
  }
  return done;
}

void choose(Round& round) {
  for (std::size_t s = 0; s < round.subscriptions.size(); ++s) {
    const auto& subscription = round.subscriptions[s];
    const auto filter = subscription.filter();
    for (std::size_t m = 0; m < round.messages.size(); ++m) {
      const auto& message = round.messages[m];
      if (!filter.matches(message.body_for(subscription.protocol), message.attributes)) continue;
      (is_http(subscription.protocol) ? round.slow : round.items).push_back({s, m});
    }
  }
}

struct Address {
  Topic topic;
  Subscription subscription;
};
// Nothing where either is gone.
Result<std::optional<Address>> find_address(Store& store, const std::string& subscription_arn) {
  const auto name = parse_subscription_arn(subscription_arn);
  if (!name) return name.error();
  std::optional<Address> found;
  auto read = store.read([&](Transaction& tx) -> Result<Value> {
    auto topic = find_topic(tx, name->topic);
    auto subscription = find_subscription(tx, *name);
    if (topic && subscription) found = Address{std::move(*topic), std::move(*subscription)};
    return Value();
  });
  if (!read) return read.error();
  return found;
}

std::string confirmation_body(Service& service, const Address& address, const std::string& message_id,
                              const std::string& base_url, Time now) {
  const auto topic_arn = address.topic.name.arn();
  const auto& token = address.subscription.token;
  const auto url = base_url + "/_aws/sns/confirm?Action=ConfirmSubscription&TopicArn=" + percent_encode(topic_arn) +
                   "&Token=" + token;
  const auto text = "You have chosen to subscribe to the topic " + topic_arn +
                    ".\nTo confirm the subscription, visit the SubscribeURL included in this message.";
  std::string to_sign;
  Pretty json;
  json.text("Type", "SubscriptionConfirmation");
  json.text("MessageId", message_id);
  json.text("Token", token);
  json.text("TopicArn", topic_arn);
  json.text("Message", text);
  json.text("SubscribeURL", url);
  json.text("Timestamp", iso_8601(now));
  for (const auto& [key, value] :
       std::initializer_list<std::pair<std::string, std::string>>{{"Message", text},
                                                                  {"MessageId", message_id},
                                                                  {"SubscribeURL", url},
                                                                  {"Timestamp", iso_8601(now)},
                                                                  {"Token", token},
                                                                  {"TopicArn", topic_arn},
                                                                  {"Type", "SubscriptionConfirmation"}})
    to_sign += key + "\n" + value + "\n";
  const std::string version = address.topic.has("SignatureVersion", "2") ? "2" : "1";
  const auto signature = service.signing.sign(service.kernel, address.topic.name.owner, version, to_sign);
  if (signature) {
    json.text("SignatureVersion", version);
    json.text("Signature", signature->base64);
    json.text("SigningCertURL", certificate_url(base_url, signature->certificate_name));
  }
  return json.end();
}

}  // namespace

Result<Done> run_fanout(TaskRun& run, Service& service) {
  const auto name = parse_topic_arn(run.payload["TopicArn"].string());
  const auto round = std::make_shared<Round>();
  for (const auto& message : run.payload["Messages"].list()) round->messages.push_back(kept(message));
  bool there = true;
  auto read = run.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    auto topic = find_topic(tx, *name);
    there = topic.ok();
    if (!there) return Value();
    round->topic = std::move(*topic);
    round->subscriptions = confirmed_subscriptions(tx, *name);
    return Value();
  });
  if (!read) return read.error();
  if (!there) return done;
  choose(*round);
  if (auto good = sign_all(service, *round); !good) return good.error();

  const auto began_ms = run.kernel.clock.now().ms;
  in_parallel(service.kernel, round->items.size(), [round, &service](std::size_t k) {
    auto& item = round->items[k];
    item.outcome = try_once(service, round->parcel(item, 0, 1), round->signatures.at(round->signature_key(item)));
  });
  std::vector<std::pair<Parcel, Time>> later;
  for (const auto& item : round->slow) later.emplace_back(round->parcel(item, began_ms, 0), Time{began_ms});
  for (const auto& item : round->items) {
    auto parcel = round->parcel(item, began_ms, 1);
    if (const auto due = conclude(service, parcel, item.outcome)) later.emplace_back(std::move(parcel), *due);
  }
  if (later.empty()) return done;
  auto written = run.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    for (const auto& [parcel, due] : later) schedule_delivery(tx, parcel, due);
    return Value();
  });
  if (!written) return written.error();
  return done;
}

Result<Done> run_delivery(TaskRun& run, Service& service) {
  auto address = find_address(run.kernel.store, run.payload["SubscriptionArn"].string());
  if (!address) return address.error();
  if (!*address) return done;
  Parcel parcel{std::move((*address)->topic), std::move((*address)->subscription), kept(run.payload["Message"]),
                run.payload["tries"].integer() + 1, run.payload["began_ms"].integer()};
  const auto signed_by = sign(service, parcel);
  if (!signed_by) return signed_by.error();
  const auto due = conclude(service, parcel, try_once(service, parcel, *signed_by));
  if (!due) return done;
  auto written = run.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    schedule_delivery(tx, parcel, *due);
    return Value();
  });
  if (!written) return written.error();
  return done;
}

Result<Done> run_confirmation(TaskRun& run, Service& service) {
  const auto address = find_address(run.kernel.store, run.payload["SubscriptionArn"].string());
  if (!address) return address.error();
  if (!*address || (*address)->subscription.confirmed) return done;
  const auto now = run.kernel.clock.now();
  const auto message_id = run.kernel.ids.uuid();
  HttpClientRequest request;
  request.method = "POST";
  request.url = (*address)->subscription.endpoint;
  request.headers.set("Content-Type", "text/plain; charset=UTF-8");
  request.headers.set("User-Agent", "Amazon Simple Notification Service Agent");
  request.headers.set("x-amz-sns-message-type", "SubscriptionConfirmation");
  request.headers.set("x-amz-sns-message-id", message_id);
  request.headers.set("x-amz-sns-topic-arn", (*address)->topic.name.arn());
  request.body = confirmation_body(service, **address, message_id, run.context.base_url, now);
  const auto response = run.kernel.http.fetch(request, {.timeout = std::chrono::seconds(15)});
  if (response && response->status >= 200 && response->status < 300) return done;
  const auto tries = run.payload["tries"].integer() + 1;
  const auto delay =
      http_retries((*address)->topic.attribute("DeliveryPolicy"), (*address)->subscription.attribute("DeliveryPolicy"))
          .delay_ms(tries);
  const auto why = response ? "it answered " + std::to_string(response->status)
                            : response.error().code + ": " + response.error().message;
  if (!delay || (!response && response.error().code == "AddressNotAllowed")) {
    run.kernel.log.warning("the subscription of " + (*address)->subscription.endpoint +
                           " could not be confirmed: " + why);
    return done;
  }
  auto written = run.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    tx.schedule(Time{now.ms + *delay}, confirmation_task,
                Map{{"SubscriptionArn", run.payload["SubscriptionArn"]}, {"tries", tries}});
    return Value();
  });
  if (!written) return written.error();
  return done;
}

}  // namespace moonbase::notifications::sns
