// The log of deliveries: to CloudWatch Logs, where the topic names a role for the protocol's feedback.
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>

#include "sns/delivery.hpp"

namespace moonbase::notifications::sns {
namespace {

std::string_view feedback_of(std::string_view protocol) {
  if (protocol == "sqs") return "SQS";
  if (protocol == "lambda") return "Lambda";
  if (protocol == "firehose") return "Firehose";
  if (protocol == "application") return "Application";
  if (protocol == "http" || protocol == "https") return "HTTP";
  return "";
}

bool is_sampled(Service& service, const std::string& percent) {
  const auto rate = percent.empty() ? 100 : std::stoll(percent);
  return static_cast<std::int64_t>(service.kernel.ids.number() % 100) < rate;
}

// "2015-08-19 23:10:30.571"
std::string log_time(std::int64_t ms) {
  auto text = iso_8601(Time{ms});
  if (const auto t = text.find('T'); t != std::string::npos) text[t] = ' ';
  if (!text.empty() && text.back() == 'Z') text.pop_back();
  return text;
}

}  // namespace

void log_delivery(Service& service, const Parcel& parcel, const Outcome& outcome) {
  const auto kind = std::string(feedback_of(parcel.subscription.protocol));
  if (kind.empty()) return;
  const auto role = parcel.topic.attribute(kind + (outcome.good ? "SuccessFeedbackRoleArn" : "FailureFeedbackRoleArn"));
  if (role.empty()) return;
  if (outcome.good && !is_sampled(service, parcel.topic.attribute(kind + "SuccessFeedbackSampleRate"))) return;
  const auto now = service.kernel.clock.now().ms;
  Map delivery = {{"deliveryId", service.kernel.ids.uuid()},
                  {"destination", parcel.subscription.endpoint},
                  {"providerResponse", outcome.good ? outcome.answer : outcome.problem},
                  {"dwellTimeMs", now - outcome.took_ms - parcel.message.at_ms},
                  {"attempts", parcel.tries},
                  {"statusCode", outcome.status}};
  const auto line = to_json(Map{{"notification", Map{{"messageMD5Sum", md5_hex(parcel.message.body)},
                                                     {"messageId", parcel.message.id},
                                                     {"topicArn", parcel.message.topic_arn},
                                                     {"timestamp", log_time(parcel.message.at_ms)}}},
                                {"delivery", std::move(delivery)},
                                {"status", outcome.good ? "SUCCESS" : "FAILURE"}});
  const auto& owner = parcel.topic.name.owner;
  const auto group =
      "sns/" + owner.region + "/" + owner.account + "/" + parcel.topic.name.name + (outcome.good ? "" : "/Failure");
  const std::string stream = "deliveries";
  const auto context = sender(parcel);
  const auto put = [&] {
    return service.kernel.services.call(context, "logs", "PutLogEvents",
                                        Map{{"logGroupName", group},
                                            {"logStreamName", stream},
                                            {"logEvents", List{Map{{"timestamp", now}, {"message", line}}}}});
  };
  auto written = put();
  if (!written && written.error().code == "ResourceNotFoundException") {
    // The first delivery of the topic. Two at once may both try: the second is told that it exists.
    for (const auto& [operation, input] :
         {std::pair<const char*, Map>{"CreateLogGroup", {{"logGroupName", group}}},
          std::pair<const char*, Map>{"CreateLogStream", {{"logGroupName", group}, {"logStreamName", stream}}}})
      if (auto made = service.kernel.services.call(context, "logs", operation, input);
          !made && made.error().code != "ResourceAlreadyExistsException")
        service.kernel.log.debug("sns: " + std::string(operation) + ": " + made.error().message);
    written = put();
  }
  if (!written)
    service.kernel.log.warning("sns: a delivery could not be logged in " + group + ": " + written.error().code);
}

}  // namespace moonbase::notifications::sns
