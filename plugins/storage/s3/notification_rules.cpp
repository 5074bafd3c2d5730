// What a NotificationConfiguration may say.
#include <algorithm>
#include <array>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>
#include <set>
#include <utility>

#include "errors.hpp"
#include "notification.hpp"

namespace moonbase::s3 {
namespace {

struct Destination {
  const char* list;
  const char* arn;
  std::string_view service;
};
constexpr std::array<Destination, 3> destinations = {{{"QueueConfigurations", "QueueArn", "sqs"},
                                                      {"TopicConfigurations", "TopicArn", "sns"},
                                                      {"LambdaFunctionConfigurations", "LambdaFunctionArn", "lambda"}}};

constexpr std::array<std::string_view, 16> built_events = {
    "s3:ObjectCreated:*", "s3:ObjectCreated:Put", "s3:ObjectCreated:Post", "s3:ObjectCreated:Copy",
    "s3:ObjectCreated:CompleteMultipartUpload", "s3:ObjectRemoved:*", "s3:ObjectRemoved:Delete",
    "s3:ObjectRemoved:DeleteMarkerCreated", "s3:ObjectTagging:*", "s3:ObjectTagging:Put", "s3:ObjectTagging:Delete",
    "s3:LifecycleExpiration:*", "s3:LifecycleExpiration:Delete", "s3:LifecycleExpiration:DeleteMarkerCreated",
    "s3:LifecycleTransition",
    // Nothing is ever lost here.
    "s3:ReducedRedundancyLostObject"};
constexpr std::array<std::string_view, 4> unbuilt_events = {
    "s3:ObjectRestore:", "s3:Replication:", "s3:ObjectAcl:", "s3:IntelligentTiering"};
constexpr std::size_t id_bytes_max = 255, value_bytes_max = 1024, configurations_max = 100;

Error invalid(const std::string& message, const std::string& name, const std::string& value) {
  return invalid_argument(message, name, value);
}

std::string lower(std::string text) {
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return text;
}

Result<Done> check_events(const Value& events) {
  if (!events.is_list() || events.list().empty()) return malformed_xml();
  for (const auto& event : events.list()) {
    const auto& name = event.string();
    if (std::find(built_events.begin(), built_events.end(), name) != built_events.end()) continue;
    for (const auto beginning : unbuilt_events)
      if (name.starts_with(beginning)) return not_implemented("s3 PutBucketNotificationConfiguration Event " + name);
    return invalid("The event is not supported for notifications", "Event", name);
  }
  return done;
}

// Names as S3 answers them: "Prefix" and "Suffix", each at most once.
Result<Done> normalise_filter(Value& configuration) {
  const auto& rules = std::as_const(configuration)["Filter"]["Key"]["FilterRules"];
  if (!rules.is_list()) {
    configuration.map().erase("Filter");
    return done;
  }
  List normal;
  std::set<std::string> seen;
  for (const auto& rule : rules.list()) {
    const auto name = rule["Name"].string_or(""), kind = lower(name), value = rule["Value"].string_or("");
    if (kind != "prefix" && kind != "suffix")
      return invalid("filter rule name must be either prefix or suffix", "FilterRule.Name", name);
    if (!seen.insert(kind).second)
      return invalid("Cannot specify more than one " + kind + " rule in a filter.", "FilterRule.Name", name);
    if (value.size() > value_bytes_max)
      return invalid("Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation", "FilterRule.Value",
                     value);
    normal.push_back(Map{{"Name", kind == "prefix" ? "Prefix" : "Suffix"}, {"Value", value}});
  }
  configuration.set("Filter", Map{{"Key", Map{{"FilterRules", std::move(normal)}}}});
  return done;
}

Result<Done> check_arn(const std::string& arn, const Destination& destination) {
  const bool fits = arn.starts_with("arn:aws:" + std::string(destination.service) + ":") && arn.size() <= 1024 &&
                    std::count(arn.begin(), arn.end(), ':') >= 5;
  if (!fits) return invalid("The ARN is not well formed", destination.arn, arn);
  if (destination.service != "lambda" && arn.ends_with(".fifo"))
    return invalid("FIFO destinations are not supported", destination.arn, arn);
  return done;
}

Result<Done> check_one(Value& configuration, const Destination& destination, Ids& ids, std::set<std::string>& seen) {
  if (auto checked = check_events(std::as_const(configuration)["Events"]); !checked) return checked;
  if (auto checked = check_arn(std::as_const(configuration)[destination.arn].string(), destination); !checked)
    return checked;
  if (auto checked = normalise_filter(configuration); !checked) return checked;
  if (std::as_const(configuration)["Id"].string_or("").empty())
    configuration.set("Id", base64_url(ids.random_bytes(36)));
  const auto& id = std::as_const(configuration)["Id"].string();
  if (id.size() > id_bytes_max) return invalid("The ID is too long", "Id", id);
  if (!seen.insert(id).second) return invalid("Same ID used for multiple configurations. IDs must be unique", "Id", id);
  return done;
}

bool same_event(std::string_view a, std::string_view b) {
  const auto covers = [](std::string_view pattern, std::string_view event) {
    return pattern.ends_with('*') && event.starts_with(pattern.substr(0, pattern.size() - 1));
  };
  return a == b || covers(a, b) || covers(b, a);
}

bool share_events(const Subscription& a, const Subscription& b) {
  return std::any_of(a.events.begin(), a.events.end(), [&](const std::string& one) {
    return std::any_of(b.events.begin(), b.events.end(),
                       [&](const std::string& other) { return same_event(one, other); });
  });
}

bool overlap(const Subscription& a, const Subscription& b) {
  const bool prefixes = a.prefix.starts_with(b.prefix) || b.prefix.starts_with(a.prefix);
  const bool suffixes = a.suffix.ends_with(b.suffix) || b.suffix.ends_with(a.suffix);
  return prefixes && suffixes && share_events(a, b);
}

std::string joined(const std::vector<std::string>& events) {
  std::string text;
  for (const auto& event : events) text += (text.empty() ? "" : ", ") + event;
  return text;
}

Result<Done> check_overlaps(const std::vector<Subscription>& all) {
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = i + 1; j < all.size(); ++j) {
      if (!overlap(all[i], all[j])) continue;
      const auto filtered = [](const Subscription& one) { return !one.prefix.empty() || !one.suffix.empty(); };
      if (filtered(all[i]) || filtered(all[j]))
        return Error{"InvalidArgument",
                     "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the "
                     "prefixes are overlapping for the same event type.",
                     {},
                     400};
      return invalid("Configurations overlap. Configurations on the same bucket cannot share a common event type.",
                     "Event", joined(all[i].events) + ", " + joined(all[j].events));
    }
  return done;
}

}  // namespace

std::vector<Subscription> subscriptions_of(const Value& configuration) {
  std::vector<Subscription> all;
  for (const auto& destination : destinations) {
    const auto& list = configuration[destination.list];
    if (!list.is_list()) continue;
    for (const auto& one : list.list()) {
      Subscription subscription{one["Id"].string(), one[destination.arn].string(), {}, "", ""};
      for (const auto& event : one["Events"].list()) subscription.events.push_back(event.string());
      const auto& rules = one["Filter"]["Key"]["FilterRules"];
      for (const auto& rule : rules.is_list() ? rules.list() : List{})
        (rule["Name"].string() == "Prefix" ? subscription.prefix : subscription.suffix) = rule["Value"].string();
      all.push_back(std::move(subscription));
    }
  }
  return all;
}

Result<Value> checked_notifications(const Value& configuration, Ids& ids) {
  Value kept = configuration;
  std::set<std::string> seen;
  for (const auto& destination : destinations) {
    auto* list = kept.map().find(destination.list);
    if (!list || !list->is_list()) continue;
    for (auto& one : list->list())
      if (auto checked = check_one(one, destination, ids, seen); !checked) return checked.error();
  }
  if (seen.size() > configurations_max) return malformed_xml();
  if (auto checked = check_overlaps(subscriptions_of(kept)); !checked) return checked.error();
  return kept;
}

Result<Done> validate_destinations(Call& call, const Bucket& bucket, const Value& configuration) {
  const auto context = context_of(call.context, bucket);
  const auto test = to_json(Map{{"Service", "Amazon S3"},
                                {"Event", "s3:TestEvent"},
                                {"Time", iso_8601(call.kernel.clock.now())},
                                {"Bucket", bucket.name},
                                {"RequestId", call.context.request_id},
                                {"HostId", base64(call.context.request_id)}});
  Map failed;
  std::size_t count = 0;
  for (const auto& [id, arn, events, prefix, suffix] : subscriptions_of(configuration)) {
    const bool is_function = arn.starts_with("arn:aws:lambda:");
    const auto answer = is_function
                            ? call.kernel.services.call(context, "lambda", "Invoke",
                                                        Map{{"FunctionName", arn}, {"InvocationType", "DryRun"}})
                            : call.kernel.targets.deliver(context, arn, test);
    if (answer) continue;
    const auto number = std::to_string(++count);
    failed.set("ArgumentName" + number, arn + ", null");
    failed.set("ArgumentValue" + number,
               is_function ? "Not authorized to invoke function [" + arn + "]"
                           : "The destination queue or topic does not exist, or does not let S3 send to it");
  }
  if (failed.empty()) return done;
  return Error{"InvalidArgument", "Unable to validate the following destination configurations", std::move(failed),
               400};
}

}  // namespace moonbase::s3
