#include <moonbase/activity.hpp>
#include <moonbase/internal/parker.hpp>

namespace moonbase {

Activity::Waiting::Waiting(Activity& activity) : activity_(activity), parker_(internal::Parker::current()) {
  const std::lock_guard lock(activity_.mutex_);
  activity_.waiting_.insert(parker_);
}

Activity::Waiting::~Waiting() {
  const std::lock_guard lock(activity_.mutex_);
  activity_.waiting_.erase(parker_);
}

void Activity::end_waits() {
  waits_ended_ = true;
  // Who registers from now on sees the flag before it waits.
  const std::lock_guard lock(mutex_);
  for (const auto& parker : waiting_) parker->wake();
}

}  // namespace moonbase
