// Lifecycle rules: the bucket's configuration.
#include "errors.hpp"
#include "lifecycle.hpp"
#include "setting.hpp"
#include "settings.hpp"

namespace moonbase::s3 {
namespace {

constexpr auto minimum_member = "TransitionDefaultMinimumObjectSize";
constexpr auto first_minimum = "all_storage_classes_128K";

}  // namespace

Result<Value> delete_bucket_lifecycle(Call& call) {
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto bucket = open_bucket(tx, call, call.input["Bucket"].string());
    if (!bucket) return bucket.error();
    remove_setting(tx, *bucket, Setting::lifecycle);
    unschedule_lifecycle(tx, *bucket);
    return Value(Map{});
  });
}

Result<Value> get_bucket_lifecycle_configuration(Call& call) {
  return setting_or(call, Setting::lifecycle,
                    {"NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"});
}

Result<Value> put_bucket_lifecycle_configuration(Call& call) {
  const auto minimum = call.input[minimum_member].string_or(first_minimum);
  if (minimum != first_minimum && minimum != "varies_by_storage_class")
    return invalid_argument("Invalid value", "x-amz-transition-default-minimum-object-size", minimum);
  auto configuration = checked_lifecycle(call.input["LifecycleConfiguration"], call.kernel.ids);
  if (!configuration) return configuration;
  configuration->set(minimum_member, minimum);
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto bucket = open_bucket(tx, call, call.input["Bucket"].string());
    if (!bucket) return bucket.error();
    save_setting(tx, *bucket, Setting::lifecycle, *configuration);
    schedule_lifecycle(tx, *bucket, call.kernel.clock.now());
    return Value(Map{{minimum_member, minimum}});
  });
}

}  // namespace moonbase::s3
