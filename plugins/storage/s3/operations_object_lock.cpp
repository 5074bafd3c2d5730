// Object Lock: the bucket's configuration, retention and legal holds of versions.
#include <functional>

#include "errors.hpp"
#include "object_lock.hpp"
#include "read_object.hpp"
#include "setting.hpp"
#include "settings.hpp"

namespace moonbase::s3 {
namespace {

const Error no_configuration{"ObjectLockConfigurationNotFoundError",
                             "Object Lock configuration does not exist for this bucket"};

Error no_lock_of_object() {
  return {"NoSuchObjectLockConfiguration", "The specified object does not have a ObjectLock configuration", {}, 404};
}

// The version that the call means, of a bucket with Object Lock.
Result<Object> lockable_version(Transaction& tx, const Call& call, const Bucket& bucket) {
  if (!bucket.has(Setting::object_lock)) return invalid_request("Bucket is missing Object Lock Configuration");
  return wanted_version(tx, call, bucket, call.input["Key"].string(), call.input["VersionId"]);
}

using Look = std::function<Result<Value>(const Object&)>;
Result<Value> look_at_version(Call& call, const Look& look) {
  if (auto valid = check_version_id(call.input["VersionId"]); !valid) return valid.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto bucket = open_bucket(tx, call, call.input["Bucket"].string());
    if (!bucket) return bucket.error();
    const auto object = lockable_version(tx, call, *bucket);
    if (!object) return object.error();
    return look(*object);
  });
}

using Alter = std::function<Result<Done>(Object&)>;
Result<Value> alter_version(Call& call, const Alter& alter) {
  if (auto valid = check_version_id(call.input["VersionId"]); !valid) return valid.error();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto opened = open_for_change(tx, call, call.input["Bucket"].string());
    if (!opened) return opened.error();
    auto object = lockable_version(tx, call, opened->bucket);
    if (!object) return object.error();
    if (auto altered = alter(*object); !altered) return altered.error();
    save_headers(change_of(tx, opened->bucket, call), *object);
    return Value(Map{});
  });
}

}  // namespace

Result<Value> get_object_lock_configuration(Call& call) {
  auto configuration = setting_or(call, Setting::object_lock, no_configuration);
  if (!configuration) return configuration;
  return Value(Map{{"ObjectLockConfiguration", std::move(*configuration)}});
}

Result<Value> put_object_lock_configuration(Call& call) {
  const auto& configuration = call.input["ObjectLockConfiguration"];
  if (auto checked = check_lock_configuration(configuration); !checked) return checked.error();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto bucket = open_bucket(tx, call, call.input["Bucket"].string());
    if (!bucket) return bucket.error();
    if (!bucket->versions())
      return Error{"InvalidBucketState",
                   "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
                   {},
                   409};
    save_setting(tx, *bucket, Setting::object_lock, configuration);
    return Value(Map{});
  });
}

Result<Value> get_object_retention(Call& call) {
  return look_at_version(call, [](const Object& object) -> Result<Value> {
    const auto* mode = object.headers.find("ObjectLockMode");
    if (!mode) return no_lock_of_object();
    return Value(Map{
        {"Retention", Map{{"Mode", *mode}, {"RetainUntilDate", *object.headers.find("ObjectLockRetainUntilDate")}}}});
  });
}

Result<Value> put_object_retention(Call& call) {
  const auto& retention = call.input["Retention"];
  for (const auto* member : {"EventHold", "EventHoldDuration"})
    if (!retention[member].is_null()) return not_implemented("s3 PutObjectRetention Retention." + std::string(member));
  const auto now = call.kernel.clock.now();
  return alter_version(call, [&](Object& object) -> Result<Done> {
    const bool bypass = call.input["BypassGovernanceRetention"].boolean_or(false);
    if (auto fits = check_retention(object, retention, now, bypass); !fits) return fits;
    set_retention(object, retention);
    return done;
  });
}

Result<Value> get_object_legal_hold(Call& call) {
  return look_at_version(call, [](const Object& object) -> Result<Value> {
    const auto* status = object.headers.find("ObjectLockLegalHoldStatus");
    if (!status) return no_lock_of_object();
    return Value(Map{{"LegalHold", Map{{"Status", *status}}}});
  });
}

Result<Value> put_object_legal_hold(Call& call) {
  const auto status = call.input["LegalHold"]["Status"].string_or("");
  if (status != "ON" && status != "OFF") return malformed_xml();
  return alter_version(call, [&](Object& object) -> Result<Done> {
    object.headers.set("ObjectLockLegalHoldStatus", status);
    return done;
  });
}

}  // namespace moonbase::s3
