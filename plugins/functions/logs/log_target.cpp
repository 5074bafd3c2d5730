#include "logs/log_target.hpp"

namespace moonbase::functions {

Result<Value> deliver_to_log_group(Delivery& delivery) {
  constexpr std::string_view marker = ":log-group:";
  const auto at = delivery.arn.find(marker);
  if (at == std::string_view::npos)
    return Error{"InvalidParameterException", std::string(delivery.arn) + " is no log group.", {}, 400};
  auto group = std::string(delivery.arn.substr(at + marker.size()));
  if (group.ends_with(":*")) group.resize(group.size() - 2);
  const auto now = delivery.kernel.clock.now();
  const auto stream = iso_8601(now).substr(0, 10);
  const Map place = {{"logGroupName", group}, {"logStreamName", stream}};
  auto put = [&] {
    Map input = place;
    input.set("logEvents", List{Map{{"timestamp", now.ms}, {"message", delivery.payload}}});
    return delivery.kernel.services.call(delivery.context, "logs", "PutLogEvents", std::move(input));
  };
  auto answer = put();
  if (answer || answer.error().message != "The specified log stream does not exist.") return answer;
  // Somebody else may make it at the same time.
  const auto made = delivery.kernel.services.call(delivery.context, "logs", "CreateLogStream", place);
  if (!made && made.error().code != "ResourceAlreadyExistsException") return made;
  return put();
}

}  // namespace moonbase::functions
