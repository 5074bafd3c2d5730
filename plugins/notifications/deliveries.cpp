#include "deliveries.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace moonbase::notifications {
namespace {

constexpr std::int64_t delay_ms_max = 600'000;

Value to_value(const Shipment& shipment) {
  return Map{{"account", shipment.owner.account},
             {"region", shipment.owner.region},
             {"service", shipment.service},
             {"target", shipment.target},
             {"payload", shipment.payload},
             {"options", shipment.options},
             {"call_service", shipment.call_service},
             {"call_operation", shipment.call_operation},
             {"attempt_mark", shipment.attempt_mark},
             {"source_arn", shipment.source_arn},
             {"retries_max", shipment.retries_max},
             {"age_ms_max", shipment.age_ms_max},
             {"dead_letter_arn", shipment.dead_letter_arn},
             {"attributes", shipment.attributes},
             {"began_ms", shipment.began_ms},
             {"tries", shipment.tries}};
}

Shipment from_value(const Value& value) {
  Shipment shipment;
  shipment.owner = {value["account"].string(), value["region"].string()};
  shipment.service = value["service"].string();
  shipment.target = value["target"].string();
  shipment.payload = value["payload"].string();
  shipment.options = value["options"];
  shipment.call_service = value["call_service"].string();
  shipment.call_operation = value["call_operation"].string();
  shipment.attempt_mark = value["attempt_mark"].string();
  shipment.source_arn = value["source_arn"].string();
  shipment.retries_max = value["retries_max"].integer();
  shipment.age_ms_max = value["age_ms_max"].integer();
  shipment.dead_letter_arn = value["dead_letter_arn"].string();
  shipment.attributes = value["attributes"].map();
  shipment.began_ms = value["began_ms"].integer();
  shipment.tries = value["tries"].integer();
  return shipment;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

CallContext sender_of(const CallContext& context, const Shipment& shipment) {
  CallContext sender = context;
  sender.identity = {};
  sender.identity.account_id = shipment.owner.account;
  sender.identity.arn = "arn:aws:iam::" + shipment.owner.account + ":root";
  sender.identity.service = shipment.service;
  sender.identity.source_arn = shipment.source_arn;
  sender.region = shipment.owner.region;
  sender.deadline = MachineTime::max();
  return sender;
}

// What this try sends.
std::string payload_of(const Shipment& shipment, std::int64_t attempt) {
  std::string payload = shipment.payload;
  if (shipment.attempt_mark.empty()) return payload;
  const auto number = std::to_string(attempt);
  for (auto at = payload.find(shipment.attempt_mark); at != std::string::npos;
       at = payload.find(shipment.attempt_mark, at + number.size()))
    payload.replace(at, shipment.attempt_mark.size(), number);
  return payload;
}

Result<Done> try_once(const KernelServices& kernel, const CallContext& context, const Shipment& shipment) {
  const auto sender = sender_of(context, shipment);
  if (!shipment.call_service.empty()) {
    const auto answer = kernel.services.call_json(sender, shipment.call_service, shipment.call_operation,
                                                  payload_of(shipment, shipment.tries + 1));
    if (!answer) return answer.error();
    return done;
  }
  const auto delivered =
      kernel.targets.deliver(sender, shipment.target, payload_of(shipment, shipment.tries + 1), shipment.options);
  if (!delivered) return delivered.error();
  return done;
}

Value text_attribute(const Value& text) { return Map{{"DataType", "String"}, {"StringValue", text}}; }

void bury(const KernelServices& kernel, const CallContext& context, const Shipment& shipment,
          const DeliveryProblem& problem, std::string_view exhausted) {
  kernel.metrics.count("failed_deliveries");
  if (shipment.dead_letter_arn.empty()) {
    kernel.log.warning("a delivery to " + shipment.target + " was given up: " + problem.code + ": " + problem.message);
    return;
  }
  Map attributes;
  for (const auto& [name, value] : shipment.attributes) attributes.set(name, text_attribute(value));
  attributes.set("ERROR_CODE", text_attribute(problem.code));
  attributes.set("ERROR_MESSAGE", text_attribute(problem.message.empty() ? problem.code : problem.message));
  if (!exhausted.empty()) attributes.set("EXHAUSTED_RETRY_CONDITION", text_attribute(exhausted));
  attributes.set("RETRY_ATTEMPTS", text_attribute(std::to_string(std::max<std::int64_t>(shipment.tries - 1, 0))));
  const auto buried = kernel.targets.deliver(sender_of(context, shipment), shipment.dead_letter_arn,
                                             payload_of(shipment, std::max<std::int64_t>(shipment.tries, 1)),
                                             Map{{"MessageAttributes", std::move(attributes)}});
  if (!buried)
    kernel.log.warning("a dead letter could not be put into " + shipment.dead_letter_arn + ": " +
                       buried.error().message);
}

}  // namespace

DeliveryProblem problem_of(const Error& error) {
  const auto& code = error.code;
  DeliveryProblem problem{"ERROR_FROM_TARGET", error.message, false};
  if (error.status == 501 || code == "NotImplemented") {
    problem.code = "SDK_CLIENT_ERROR";
    problem.is_lasting = true;
  } else if (contains(code, "AccessDenied") || contains(code, "NotAuthorized") || code == "AuthorizationError") {
    problem.code = "NO_PERMISSIONS";
    problem.is_lasting = true;
  } else if (contains(code, "NotFound") || contains(code, "NonExistent") || contains(code, "DoesNotExist")) {
    problem.code = "NO_RESOURCE";
    problem.is_lasting = true;
  } else if (contains(code, "Throttl") || contains(code, "TooManyRequests") || contains(code, "LimitExceeded")) {
    problem.code = "THROTTLING";
  } else if (contains(code, "InvalidRequestContent") || contains(code, "SerializationException")) {
    problem.code = "INVALID_JSON";
    problem.is_lasting = true;
  } else if (contains(code, "Validation") || contains(code, "InvalidParameter") || contains(code, "InvalidInput")) {
    problem.code = "INVALID_PARAMETER";
    problem.is_lasting = true;
  } else if (contains(code, "Timeout")) {
    problem.code = "TIMEOUT";
  } else if (code == "ConnectionFailed" || code == "NameNotResolved") {
    problem.code = "CONNECTION_FAILURE";
  } else if (code == "AddressNotAllowed" || code == "InvalidUrl" || code == "ClientError") {
    problem.code = "SDK_CLIENT_ERROR";
    problem.is_lasting = true;
  }
  return problem;
}

std::int64_t retry_delay_ms(Ids& ids, std::int64_t tries) {
  const auto whole = std::min<std::int64_t>(1000LL << std::clamp<std::int64_t>(tries - 1, 0, 20), delay_ms_max);
  return whole / 2 + static_cast<std::int64_t>(ids.number() % static_cast<std::uint64_t>(whole / 2 + 1));
}

Result<Done> ship(const KernelServices& kernel, const CallContext& context, Shipment shipment) {
  if (shipment.tries == 0 && shipment.began_ms == 0) shipment.began_ms = kernel.clock.now().ms;
  const auto tried = try_once(kernel, context, shipment);
  if (tried) return done;
  ++shipment.tries;
  const auto problem = problem_of(tried.error());
  if (problem.is_lasting) {
    bury(kernel, context, shipment, problem, "");
    return done;
  }
  const auto due_ms = kernel.clock.now().ms + retry_delay_ms(kernel.ids, shipment.tries);
  if (shipment.tries > shipment.retries_max) {
    bury(kernel, context, shipment, problem, "MaximumRetryAttempts");
    return done;
  }
  if (due_ms > shipment.began_ms + shipment.age_ms_max) {
    bury(kernel, context, shipment, problem, "MaximumEventAgeInSeconds");
    return done;
  }
  const auto written = kernel.store.write([&](Transaction& tx) -> Result<Value> {
    ship_later(tx, kernel.ids, shipment, Time{due_ms});
    return Value();
  });
  if (!written) return written.error();
  return done;
}

void bury(const KernelServices& kernel, const CallContext& context, const Shipment& shipment, const Error& error) {
  bury(kernel, context, shipment, problem_of(error), "");
}

void ship_later(Transaction& tx, Ids& ids, const Shipment& shipment, Time due) {
  tx.schedule(due, delivery_task, to_value(shipment), ids.uuid());
}

Result<Done> run_delivery(TaskRun& task) { return ship(task.kernel, task.context, from_value(task.payload)); }

}  // namespace moonbase::notifications
