// Event notifications: the bucket's configuration.
#include "notification.hpp"
#include "setting.hpp"
#include "settings.hpp"

namespace moonbase::s3 {

Result<Value> get_bucket_notification_configuration(Call& call) {
  auto configuration = setting_of(call, Setting::notification);
  if (configuration && configuration->is_null()) return Value(Map{});
  return configuration;
}

Result<Value> put_bucket_notification_configuration(Call& call) {
  const auto bucket = look_up_bucket(call);
  if (!bucket) return bucket.error();
  const auto& asked = call.input["NotificationConfiguration"];
  const auto configuration = checked_notifications(asked.is_null() ? Value(Map{}) : asked, call.kernel.ids);
  if (!configuration) return configuration.error();
  if (configuration->map().empty()) return drop_setting(call, Setting::notification);
  if (!call.input["SkipDestinationValidation"].boolean_or(false))
    if (auto valid = validate_destinations(call, *bucket, *configuration); !valid) return valid.error();
  return keep_setting(call, Setting::notification, *configuration);
}

}  // namespace moonbase::s3
