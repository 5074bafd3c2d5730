#include <moonbase/call.hpp>

#include <algorithm>

namespace moonbase {

std::string CallContext::arn(std::string_view service, std::string_view resource) const {
  std::string arn = "arn:aws:";
  arn.append(service).append(":").append(region).append(":").append(identity.account_id).append(":");
  return arn.append(resource);
}

bool Call::wait(Signal& signal, std::uint64_t seen, Time deadline) {
  if (context.deadline <= MachineTime::clock::now()) return false;  // Nobody is waiting for the answer.
  return signal.wait(seen, deadline);
}

}  // namespace moonbase
