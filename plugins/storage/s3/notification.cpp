#include "notification.hpp"

#include <algorithm>
#include <array>
#include <moonbase/hash.hpp>
#include <moonbase/http.hpp>
#include <moonbase/json.hpp>

#include "errors.hpp"
#include "lifecycle.hpp"

namespace moonbase::s3 {
namespace {

constexpr auto service = "s3.amazonaws.com";
constexpr int attempts_max = 60;  // Then, after some hours of trying, a record is given up.
constexpr std::size_t sequencer_digits = 18;

// What happens, as configurations, buses and records of the service's own doing know it.
struct Kind {
  std::string_view name;         // Behind "s3:".
  std::string_view version;      // Of the record.
  std::string_view detail_type;  // On a bus.
  std::string_view reason;       // On a bus; the deletion's kind follows from the name.
};
constexpr std::array<Kind, 11> kinds = {{
    {"ObjectCreated:Put", "2.1", "Object Created", "PutObject"},
    {"ObjectCreated:Post", "2.1", "Object Created", "POST Object"},
    {"ObjectCreated:Copy", "2.1", "Object Created", "CopyObject"},
    {"ObjectCreated:CompleteMultipartUpload", "2.1", "Object Created", "CompleteMultipartUpload"},
    {"ObjectRemoved:Delete", "2.1", "Object Deleted", "DeleteObject"},
    {"ObjectRemoved:DeleteMarkerCreated", "2.1", "Object Deleted", "DeleteObject"},
    {"ObjectTagging:Put", "2.3", "Object Tags Added", ""},
    {"ObjectTagging:Delete", "2.3", "Object Tags Deleted", ""},
    {"LifecycleExpiration:Delete", "2.3", "Object Deleted", "Lifecycle Expiration"},
    {"LifecycleExpiration:DeleteMarkerCreated", "2.3", "Object Deleted", "Lifecycle Expiration"},
    {"LifecycleTransition", "2.3", "Object Storage Class Changed", ""},
}};
const Kind& kind_of(Event event) { return kinds[static_cast<std::size_t>(event)]; }

bool is_deletion(const Kind& kind) { return kind.detail_type == "Object Deleted"; }
bool is_by_lifecycle(const Kind& kind) { return kind.name.starts_with("Lifecycle"); }

// Grows with each change of the bucket: read in the transaction that has just counted it up.
std::string sequencer_of(const Change& change) {
  const auto rows = change.tx.query("SELECT next_content FROM s3_bucket WHERE name = ?", change.bucket.name);
  auto number = rows.empty() ? 0 : rows.front()[0].integer();
  std::string digits(sequencer_digits, '0');
  for (auto at = digits.rbegin(); number > 0; ++at, number /= 16) *at = "0123456789ABCDEF"[number % 16];
  return digits;
}

// "red flower.jpg" is "red+flower.jpg", slashes stay.
std::string encoded_key(const std::string& key) {
  auto text = percent_encode(key, true);
  std::string encoded;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool space = text.compare(at, 3, "%20") == 0;
    encoded += space ? '+' : text[at];
    if (space) at += 2;
  }
  return encoded;
}

Map object_of(const Kind& kind, const Object& object, const std::string& sequencer) {
  Map described{{"key", encoded_key(object.key)}};
  if (!is_deletion(kind)) {
    described.set("size", object.size);
    described.set("eTag", object.etag);
  }
  if (object.version_id != null_version) described.set("versionId", object.version_id);
  described.set("sequencer", sequencer);
  return described;
}

Value record_of(const Change& change, const Kind& kind, const Object& object, const std::string& sequencer,
                const std::string& configuration_id) {
  const auto& context = change.actor.context;
  const bool own = is_by_lifecycle(kind);
  const auto owner = Map{{"principalId", change.bucket.account}};
  Map bucket{{"name", change.bucket.name}, {"ownerIdentity", owner}, {"arn", change.bucket.arn()}};
  Map changed{{"s3SchemaVersion", "1.0"},
              {"configurationId", configuration_id},
              {"bucket", std::move(bucket)},
              {"object", object_of(kind, object, sequencer)}};
  const auto& id = context.request_id;
  return Map{{"eventVersion", kind.version},
             {"eventSource", "aws:s3"},
             {"awsRegion", change.bucket.region},
             {"eventTime", iso_8601(change.now)},
             {"eventName", kind.name},
             {"userIdentity", Map{{"principalId", own ? service : "AWS:" + context.identity.account_id}}},
             {"requestParameters", Map{{"sourceIPAddress", own ? service : context.source_ip}}},
             {"responseElements", Map{{"x-amz-request-id", id}, {"x-amz-id-2", base64(id)}}},
             {"s3", std::move(changed)}};
}

Value detail_of(const Change& change, const Kind& kind, const Object& object, const std::string& sequencer) {
  const auto& context = change.actor.context;
  Map described{{"key", object.key}};
  if (!is_deletion(kind)) described.set("size", object.size);
  if (!object.etag.empty()) described.set("etag", object.etag);
  if (object.version_id != null_version) described.set("version-id", object.version_id);
  described.set("sequencer", sequencer);
  Map detail{{"version", "0"},
             {"bucket", Map{{"name", change.bucket.name}}},
             {"object", std::move(described)},
             {"request-id", context.request_id},
             {"requester", is_by_lifecycle(kind) ? service : context.identity.account_id}};
  if (!is_by_lifecycle(kind)) detail.set("source-ip-address", context.source_ip);
  if (!kind.reason.empty()) detail.set("reason", kind.reason);
  if (is_deletion(kind))
    detail.set("deletion-type", kind.name.ends_with("MarkerCreated") ? "Delete Marker Created" : "Permanently Deleted");
  if (kind.name == kind_of(Event::transition).name) detail.set("destination-storage-class", object.storage_class);
  return detail;
}

Event creation_by(std::string_view operation) {
  if (operation == "CopyObject") return Event::copy;
  if (operation == "CompleteMultipartUpload") return Event::complete_upload;
  return operation == "PostObject" ? Event::post : Event::put;
}

}  // namespace

bool Subscription::wants(std::string_view event, std::string_view key) const {
  if (!key.starts_with(prefix) || !key.ends_with(suffix)) return false;
  return std::any_of(events.begin(), events.end(), [&](std::string_view pattern) {
    if (!pattern.ends_with('*')) return pattern.substr(3) == event;
    return event.starts_with(pattern.substr(3, pattern.size() - 4));
  });
}

void announce(const Change& change, Event event, const Object& object) {
  if (!change.bucket.has(Setting::notification)) return;
  const auto configuration = read_setting(change.tx, change.bucket, Setting::notification);
  const auto& kind = kind_of(event);
  const auto sequencer = sequencer_of(change);
  const auto send = [&](Map what) {
    what.set("account", change.bucket.account);
    what.set("region", change.bucket.region);
    what.set("bucket", change.bucket.name);
    change.tx.schedule(change.now, notify_task, what);
  };
  for (const auto& subscription : subscriptions_of(configuration)) {
    if (!subscription.wants(kind.name, object.key)) continue;
    auto record = record_of(change, kind, object, sequencer, subscription.id);
    send({{"arn", subscription.arn}, {"message", to_json(Map{{"Records", List{std::move(record)}}})}});
  }
  if (!configuration["EventBridgeConfiguration"].is_null())
    send({{"detail_type", kind.detail_type}, {"detail", detail_of(change, kind, object, sequencer)}});
}

void announce_added(const Change& change, const Object& object) {
  if (!object.delete_marker) return announce(change, creation_by(change.actor.operation), object);
  const bool expires = change.actor.operation == lifecycle_actor;
  announce(change, expires ? Event::expiry_marker_created : Event::marker_created, object);
}

void announce_removed(const Change& change, const Object& object) {
  announce(change, change.actor.operation == lifecycle_actor ? Event::expired : Event::removed, object);
}

CallContext context_of(const CallContext& context, const Bucket& bucket) {
  auto own = context;
  own.region = bucket.region;
  own.identity = Identity{.account_id = bucket.account,
                          .arn = "arn:aws:iam::" + bucket.account + ":root",
                          .user_id = {},
                          .access_key_id = {},
                          .service = service,
                          .source_arn = bucket.arn()};
  return own;
}

Result<Done> notify(TaskRun& run) {
  const auto& what = run.payload;
  const Bucket bucket{what["bucket"].string(), what["account"].string(), what["region"].string()};
  const auto context = context_of(run.context, bucket);
  const auto sent = [&]() -> Result<Done> {
    if (!what["detail"].is_null())
      return put_service_event(run.kernel, context, "aws.s3", what["detail_type"].string(), what["detail"],
                               List{bucket.arn()});
    auto delivered = run.kernel.targets.deliver(context, what["arn"].string(), what["message"].string());
    if (!delivered) return delivered.error();
    return done;
  }();
  if (sent || run.attempt < attempts_max) return sent;
  run.kernel.log.warning("s3: an event of " + bucket.name + " was given up: " + sent.error().message);
  return done;
}

}  // namespace moonbase::s3
