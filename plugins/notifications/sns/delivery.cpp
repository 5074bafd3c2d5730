#include "sns/delivery.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>

#include "deliveries.hpp"
#include "sns/mailbox.hpp"
#include "sns/retries.hpp"

namespace moonbase::notifications::sns {
namespace {

constexpr std::size_t raw_attributes_max = 10, fibers_max = 128;
constexpr auto http_timeout = std::chrono::seconds(15);

Outcome failed(const Error& error) {
  const auto problem = problem_of(error);
  return {.is_lasting = problem.is_lasting, .problem = error.code + ": " + error.message, .status = 400};
}

Value queue_options(const Parcel& parcel) {
  const auto& message = parcel.message;
  Map options;
  if (parcel.subscription.is_raw() && !message.attributes.empty())
    options.set("MessageAttributes", raw_attributes(message));
  if (!message.group.empty()) options.set("MessageGroupId", message.group);
  if (parcel.subscription.endpoint.ends_with(".fifo")) options.set("MessageDeduplicationId", message.deduplication);
  return options;
}

std::string payload_of(const Parcel& parcel, const Signed& signed_by) {
  if (parcel.subscription.protocol == "lambda") return function_event(parcel.message, parcel.subscription, signed_by);
  if (parcel.subscription.is_raw()) return parcel.message.body_for(parcel.subscription.protocol);
  return notification(parcel.message, parcel.subscription, signed_by);
}

Outcome deliver_to_target(Service& service, const Parcel& parcel, const Signed& signed_by) {
  const auto& protocol = parcel.subscription.protocol;
  if (protocol == "sqs" && parcel.subscription.is_raw() && parcel.message.attributes.size() > raw_attributes_max)
    return {.is_lasting = true, .problem = "Raw message delivery allows 10 message attributes at most.", .status = 400};
  auto delivered =
      service.kernel.targets.deliver(sender(parcel), parcel.subscription.endpoint, payload_of(parcel, signed_by),
                                     protocol == "sqs" ? queue_options(parcel) : Value());
  if (!delivered) return failed(delivered.error());
  return {.good = true, .answer = to_json(*delivered)};
}

Outcome deliver_letter(Service& service, const Parcel& parcel, const Signed& signed_by) {
  const auto& [topic, subscription, message, tries, began_ms] = parcel;
  const auto& owner = subscription.topic.owner;
  const auto& protocol = subscription.protocol;
  auto body = protocol == "email-json" ? notification(message, subscription, signed_by) : message.body_for(protocol);
  Map links;
  if (protocol != "sms") links.set("Unsubscribe", unsubscribe_url(message, subscription));
  if (protocol == "email")
    body += "\n\n--\nIf you wish to stop receiving notifications from this topic, please visit the link below:\n" +
            unsubscribe_url(message, subscription) + "\n";
  const Letter letter{owner,
                      message.at_ms,
                      message.id + "/" + subscription.id,
                      protocol,
                      subscription.endpoint,
                      protocol == "sms"          ? ""
                      : !message.subject.empty() ? message.subject
                                                 : "AWS Notification Message",
                      std::move(body),
                      message.topic_arn,
                      message.id,
                      std::move(links)};
  auto written = service.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (protocol == "sms" && is_opted_out(tx, owner, letter.address))
      return Error{"OptedOut", "Phone number is opted out"};
    post(tx, letter);
    return Value();
  });
  if (!written) return {.is_lasting = true, .problem = written.error().message, .status = 400};
  return {.good = true};
}

Outcome deliver_push(Service& service, const Parcel& parcel) {
  const auto& [topic, subscription, message, tries, began_ms] = parcel;
  const auto arn = parse_arn(subscription.endpoint);
  const auto path = arn->resource.substr(std::string_view("endpoint/").size());
  const auto cut = std::min(path.rfind('/'), path.size());
  const auto owner = arn->owner();
  const auto platform = path.substr(0, path.find('/'));
  auto written = service.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto rows =
        tx.query("SELECT attributes FROM sns_endpoint WHERE account = ? AND region = ? AND application = ? AND id = ?",
                 owner.account, owner.region, path.substr(0, cut), cut < path.size() ? path.substr(cut + 1) : path);
    if (rows.empty()) return Error{"NotFound", "Endpoint does not exist"};
    if (document(rows.front()[0])["Enabled"].string_or("true") == "false")
      return Error{"EndpointDisabled", "Endpoint is disabled"};
    post(tx, Push{owner, message.at_ms, message.id + "/" + subscription.id, subscription.endpoint,
                  Map{{"TargetArn", subscription.endpoint},
                      {"TopicArn", message.topic_arn},
                      {"Message", message.body_for(platform)},
                      {"MessageAttributes", message.attributes},
                      {"MessageStructure", message.by_protocol.empty() ? Value() : Value("json")},
                      {"Subject", message.subject.empty() ? Value() : Value(message.subject)},
                      {"MessageId", message.id}}});
    return Value();
  });
  if (!written) return {.is_lasting = true, .problem = written.error().message, .status = 400};
  return {.good = true};
}

bool is_header_value(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7f; });
}

RetryPolicy policy_of(const Parcel& parcel) {
  if (!is_http(parcel.subscription.protocol)) return managed_retries();
  return http_retries(parcel.topic.attribute("DeliveryPolicy"), parcel.subscription.attribute("DeliveryPolicy"));
}

void bury(Service& service, const Parcel& parcel, const Outcome& outcome) {
  service.kernel.metrics.count("sns_failed_deliveries");
  const auto queue = parcel.subscription.dead_letter_arn();
  const auto what = "a message of " + parcel.message.topic_arn + " to " + parcel.subscription.endpoint;
  if (queue.empty()) {
    service.kernel.log.warning(what + " was given up: " + outcome.problem);
    return;
  }
  // As a queue of the topic would have got it.
  auto as_queue = parcel;
  as_queue.subscription.protocol = "sqs";
  const auto signed_by = sign(service, as_queue);
  as_queue.subscription.endpoint = queue;
  const auto buried = service.kernel.targets.deliver(
      sender(parcel), queue, payload_of(as_queue, signed_by ? *signed_by : Signed{}), queue_options(as_queue));
  if (!buried) service.kernel.log.warning(what + " could not be put into " + queue + ": " + buried.error().message);
}

}  // namespace

bool is_http(std::string_view protocol) { return protocol == "http" || protocol == "https"; }

CallContext sender(const Parcel& parcel) {
  const auto& owner = parcel.subscription.topic.owner;
  CallContext context;
  context.identity.account_id = owner.account;
  context.identity.arn = "arn:aws:iam::" + owner.account + ":root";
  context.identity.service = "sns.amazonaws.com";
  context.identity.source_arn = parcel.message.topic_arn;
  context.region = owner.region;
  context.request_id = context.cause = parcel.message.id;
  context.base_url = parcel.message.base_url;
  return context;
}

Result<Signed> sign(Service& service, const Parcel& parcel) {
  const auto& protocol = parcel.subscription.protocol;
  const bool is_seen =
      protocol == "lambda" || protocol == "email-json" ||
      ((protocol == "sqs" || protocol == "firehose" || is_http(protocol)) && !parcel.subscription.is_raw());
  // FIFO topics do not sign.
  if (!is_seen || parcel.topic.name.is_fifo()) return Signed{};
  const std::string version = parcel.topic.has("SignatureVersion", "2") ? "2" : "1";
  auto signature =
      service.signing.sign(service.kernel, parcel.topic.name.owner, version, string_to_sign(parcel.message, protocol));
  if (!signature) return signature.error();
  return Signed{version, std::move(signature->base64),
                certificate_url(parcel.message.base_url, signature->certificate_name)};
}

Outcome post_http(const KernelServices& kernel, const Parcel& parcel, const Signed& signed_by) {
  const auto& [topic, subscription, message, tries, began_ms] = parcel;
  HttpClientRequest request;
  request.method = "POST";
  request.url = subscription.endpoint;
  const auto type = content_type(topic.attribute("DeliveryPolicy"), subscription.attribute("DeliveryPolicy"));
  request.headers.set("Content-Type", is_header_value(type) ? type : "text/plain; charset=UTF-8");
  request.headers.set("User-Agent", "Amazon Simple Notification Service Agent");
  request.headers.set("x-amz-sns-message-type", "Notification");
  request.headers.set("x-amz-sns-message-id", message.id);
  request.headers.set("x-amz-sns-topic-arn", message.topic_arn);
  request.headers.set("x-amz-sns-subscription-arn", subscription.arn());
  if (subscription.is_raw()) request.headers.set("x-amz-sns-rawdelivery", "true");
  request.body = payload_of(parcel, signed_by);
  auto response = kernel.http.fetch(request, {.timeout = http_timeout});
  if (!response) return failed(response.error());
  const auto status = response->status;
  if (status >= 200 && status < 300) return {.good = true, .answer = std::move(response->body), .status = status};
  return {.is_lasting = status >= 300 && status < 500 && status != 429,
          .problem = "The endpoint answered " + std::to_string(status) + ".",
          .answer = std::move(response->body),
          .status = status};
}

Outcome try_once(Service& service, const Parcel& parcel, const Signed& signed_by) {
  const auto began = service.kernel.clock.now().ms;
  const auto& protocol = parcel.subscription.protocol;
  auto outcome = is_http(protocol)                                    ? post_http(service.kernel, parcel, signed_by)
                 : protocol.starts_with("email") || protocol == "sms" ? deliver_letter(service, parcel, signed_by)
                 : protocol == "application"                          ? deliver_push(service, parcel)
                                                                      : deliver_to_target(service, parcel, signed_by);
  outcome.took_ms = service.kernel.clock.now().ms - began;
  return outcome;
}

std::optional<Time> conclude(Service& service, const Parcel& parcel, const Outcome& outcome) {
  if (!outcome.good && !outcome.is_lasting) {
    const auto policy = policy_of(parcel);
    const auto now = service.kernel.clock.now().ms;
    const auto delay = policy.delay_ms(parcel.tries);
    if (delay && now + *delay - parcel.began_ms <= policy.duration_ms_max) return Time{now + *delay};
  }
  if (!outcome.good) bury(service, parcel, outcome);
  log_delivery(service, parcel, outcome);
  return std::nullopt;
}

void schedule_delivery(Transaction& tx, const Parcel& parcel, Time due) {
  tx.schedule(due, delivery_task,
              Map{{"SubscriptionArn", parcel.subscription.arn()},
                  {"Message", keep(parcel.message)},
                  {"tries", parcel.tries},
                  {"began_ms", parcel.began_ms}});
}

void in_parallel(const KernelServices& kernel, std::size_t count, std::function<void(std::size_t)> work) {
  if (count == 0) return;
  if (count == 1) return work(0);
  struct Shared {
    std::function<void(std::size_t)> work;
    std::size_t count;
    std::atomic<std::size_t> next = 0, running = 0;
    Signal ended;
  };
  const auto shared = std::make_shared<Shared>();
  shared->work = std::move(work);
  shared->count = count;
  shared->running = std::min(count, fibers_max);
  const auto seen = shared->ended.version();
  for (std::size_t i = 0; i < std::min(count, fibers_max); ++i)
    kernel.io.spawn([shared] {
      for (auto k = shared->next++; k < shared->count; k = shared->next++) shared->work(k);
      if (--shared->running == 0) shared->ended.notify();
    });
  shared->ended.wait(seen, Time{INT64_MAX});
}

}  // namespace moonbase::notifications::sns
