// Deliveries: what is on its way to a target, with its retries and its dead-letter queue. The first try
// is made at once; what fails goes on as durable tasks, so it survives a crash. Any fiber may use it.
#pragma once

#include <cstdint>
#include <functional>
#include <moonbase/plugin.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "common.hpp"

namespace moonbase::notifications {

struct Shipment {
  Owner owner;          // Whose resource sends it.
  // On whose behalf: "events.amazonaws.com", which the target's policy lets in or not. Empty where it acts
  // under a role, as schedules and pipes do.
  std::string service;
  std::string target;   // ARN.
  std::string payload;
  Value options = {};  // Of Targets::deliver.
  // Instead of a delivery, a Call with `payload` as its input in AWS JSON.
  std::string call_service = {}, call_operation = {};

  // Text in `payload` that stands for the number of the try: "<aws.scheduler.attempt-number>". May be empty.
  std::string attempt_mark = {};

  std::string source_arn = {};  // Of the rule that sends it, where a service does.

  std::int64_t retries_max = 185;
  std::int64_t age_ms_max = 24LL * 3600 * 1000;
  std::string dead_letter_arn = {};  // Of a queue; may be empty.
  Map attributes = {};               // The dead letter's own: {"RULE_ARN": "arn:…"}.

  // Where it is.
  std::int64_t began_ms = 0;
  std::int64_t tries = 0;
};

// What a failure is to the one who sent.
struct DeliveryProblem {
  std::string code;  // As dead letters name it: "NO_RESOURCE".
  std::string message;
  bool is_lasting = false;  // Trying again would not help.
};
DeliveryProblem problem_of(const Error& error);

// How long to wait after `tries` tries: doubled up to 10 minutes, with jitter over its second half.
std::int64_t retry_delay_ms(Ids& ids, std::int64_t tries);

// Tries now. A failure is written down: as a task for later, or as a dead letter. The Error says that
// neither could be done.
Result<Done> ship(const KernelServices& kernel, const CallContext& context, Shipment shipment);

// Gives up before a try: the dead-letter queue, or the log.
void bury(const KernelServices& kernel, const CallContext& context, const Shipment& shipment, const Error& error);

// Writes it down to be tried by a task, together with the change that `tx` makes.
void ship_later(Transaction& tx, Ids& ids, const Shipment& shipment, Time due);

// What the task `delivery_task` runs.
inline constexpr std::string_view delivery_task = "delivery";
Result<Done> run_delivery(TaskRun& task);

}  // namespace moonbase::notifications
