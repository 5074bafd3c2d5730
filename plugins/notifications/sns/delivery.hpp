// Deliveries: one message on its way to one subscription, tried, tried again, given up.
#pragma once

#include <functional>
#include <moonbase/plugin.hpp>
#include <string>
#include <vector>

#include "sns/service.hpp"

namespace moonbase::notifications::sns {

struct Parcel {
  Topic topic;
  Subscription subscription;
  Message message;
  std::int64_t tries = 0;
  std::int64_t began_ms = 0;  // When it was first tried.
};

struct Outcome {
  bool good = false;
  bool is_lasting = false;  // A failure that trying again would not change.
  std::string problem;      // Of a failure.
  std::string answer;       // What the endpoint said, for the log of deliveries.
  int status = 200;
  std::int64_t took_ms = 0;
};

// HTTP is slow: its first try is a task of its own, too.
bool is_http(std::string_view protocol);

// The signature that a subscription's delivery carries; none where nobody would see it.
Result<Signed> sign(Service& service, const Parcel& parcel);

// One try. Suspends the fiber.
Outcome try_once(Service& service, const Parcel& parcel, const Signed& signed_by);
Outcome post_http(const KernelServices& kernel, const Parcel& parcel, const Signed& signed_by);

// What comes after a try: the log of deliveries; the dead-letter queue where it was the last. Answers when to
// try again, or nothing where it is over.
std::optional<Time> conclude(Service& service, const Parcel& parcel, const Outcome& outcome);
void log_delivery(Service& service, const Parcel& parcel, const Outcome& outcome);

// The task for a parcel, with its tries so far.
void schedule_delivery(Transaction& tx, const Parcel& parcel, Time due);

// Runs work(0) to work(count - 1) on several fibers and waits for all of them. What it uses must live on its
// own: a platform that stops does not wait.
void in_parallel(const KernelServices& kernel, std::size_t count, std::function<void(std::size_t)> work);

// Who SNS is to the ones that it delivers to.
CallContext sender(const Parcel& parcel);

}  // namespace moonbase::notifications::sns
