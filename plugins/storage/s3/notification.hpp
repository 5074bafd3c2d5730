// Event notifications: which configurations of a bucket want what happens to its objects, and the records that they are
// sent. Rules, and tasks written with the change that caused them.
#pragma once

#include <cstdint>
#include <moonbase/plugin.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "object.hpp"

namespace moonbase::s3 {

inline constexpr std::string_view notify_task = "s3-notify";

// What happens to objects. A record's eventName is the text without "s3:".
enum class Event : std::uint8_t {
  put,
  post,
  copy,
  complete_upload,
  removed,
  marker_created,
  tags_put,
  tags_deleted,
  expired,
  expiry_marker_created,
  transition,
};

// One configuration, of a queue, topic or function.
struct Subscription {
  std::string id, arn;
  std::vector<std::string> events;  // "s3:ObjectCreated:*"
  std::string prefix, suffix;       // Of keys, as they are.

  bool wants(std::string_view event, std::string_view key) const;
};
std::vector<Subscription> subscriptions_of(const Value& configuration);

// A NotificationConfiguration as it is kept: with ids. Error InvalidArgument.
Result<Value> checked_notifications(const Value& configuration, Ids& ids);

// Tells of an object that has changed, to whoever wants it, once the transaction is committed. At least once. Records
// of one key are in order by their sequencers.
void announce(const Change& change, Event event, const Object& object);
// The same of a version that has come into being, by the operation that made it; of one that goes.
void announce_added(const Change& change, const Object& object);
void announce_removed(const Change& change, const Object& object);

// Sends one record. An Error: later again.
Result<Done> notify(TaskRun& run);

// Asks the destinations whether they would take events: queues and topics by a test event. Error InvalidArgument.
Result<Done> validate_destinations(Call& call, const Bucket& bucket, const Value& configuration);

// Whose calls these are: the bucket owner's, for this bucket, of the service.
CallContext context_of(const CallContext& context, const Bucket& bucket);

}  // namespace moonbase::s3
