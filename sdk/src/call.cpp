#include <moonbase/call.hpp>
#include <moonbase/json.hpp>

#include <algorithm>

namespace moonbase {

std::string CallContext::arn(std::string_view service, std::string_view resource) const {
  std::string arn = "arn:aws:";
  arn.append(service).append(":").append(region).append(":").append(identity.account_id).append(":");
  return arn.append(resource);
}

Result<Done> put_service_event(const KernelServices& kernel, const CallContext& context, std::string_view source,
                               std::string_view detail_type, const Value& detail, List resources) {
  CallContext sender = context;
  sender.identity.service = "events.amazonaws.com";
  const auto delivered =
      kernel.targets.deliver(sender, context.arn("events", "event-bus/default"), to_json(detail),
                             Map{{"Source", source}, {"DetailType", detail_type}, {"Resources", std::move(resources)}});
  if (!delivered && delivered.error().code != not_implemented("").code) return delivered.error();
  return done;
}

bool Call::given_up() const {
  return context.deadline <= MachineTime::clock::now() || kernel.activity.waits_have_ended();
}

bool Call::wait(Signal& signal, std::uint64_t seen, Time deadline) {
  const Activity::Waiting waiting(kernel.activity);
  return signal.wait(seen, deadline, [this] { return given_up(); });
}

}  // namespace moonbase
