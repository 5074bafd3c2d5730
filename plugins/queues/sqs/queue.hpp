// Queue: what a queue is called and how it is set. Pure rules, no I/O.
#pragma once

#include <cstdint>
#include <memory>
#include <moonbase/call.hpp>
#include <moonbase/store.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace moonbase::sqs {

struct QueueName {
  std::string account, region, name;
  std::string arn() const;
  std::string url(std::string_view base_url) const;
  friend auto operator<=>(const QueueName&, const QueueName&) = default;
};

// Every form of address that SDKs send: "http://host/ACCOUNT/NAME", ".../queue/REGION/ACCOUNT/NAME", hosts that
// name a region ("sqs.eu-west-1.amazonaws.com", "eu-west-1.queue.localhost"), and the bare name. What the
// address does not say is the caller's. Nothing: it is no address of a queue.
std::optional<QueueName> parse_queue_url(std::string_view url, const CallContext& context);
// "arn:aws:sqs:us-east-1:000000000000:orders"
std::optional<QueueName> parse_queue_arn(std::string_view arn);

struct RedrivePolicy {
  QueueName target;
  std::int64_t receives_max = 0;
};

struct Queue {
  QueueName name;
  std::int64_t number = 0, version = 0;
  std::int64_t created_at_ms = 0, modified_at_ms = 0, purged_at_ms = 0;
  Value attributes, tags;  // As set; attributes that were never set are absent.

  // Read from the attributes by make_queue().
  bool fifo = false, content_deduplication = false, deduplicates_by_group = false;
  std::int64_t visibility_seconds = 30, delay_seconds = 0, wait_seconds = 0;
  std::int64_t retention_seconds = 345'600, message_bytes_max = 1'048'576;
  std::optional<RedrivePolicy> redrive;
};
using QueuePointer = std::shared_ptr<const Queue>;

// Fills in what is read from the attributes.
QueuePointer make_queue(Queue queue);

inline constexpr std::int64_t seconds_ms = 1000;
inline constexpr std::int64_t deduplication_ms = 5 * 60 * seconds_ms;

// A queue's name, judged for a FIFO or a standard queue.
Result<Done> check_queue_name(std::string_view name, bool fifo);
// Attributes that a client wants to set. `creating`: with CreateQueue, where FifoQueue may be given.
Result<Done> check_attributes(const Value& attributes, bool fifo, bool creating, const QueueName& name);
// How attributes are kept: an empty text takes a setting away.
void merge_attributes(Value& attributes, const Value& changes);
// What GetQueueAttributes answers for a setting that was never made; empty: nothing.
std::string_view attribute_default(std::string_view attribute, bool fifo);
// Whether there is such an attribute, also a read-only one.
bool is_attribute(std::string_view attribute);
// "deny", unless the dead letter queue lets this queue name it.
bool allows_source(const Queue& dead_letter_queue, const std::string& source_arn);

}  // namespace moonbase::sqs
