#include "runtimes/changes.hpp"

#include <algorithm>
#include <chrono>

namespace moonbase::functions {

void Changes::notify() {
  for (auto& parker : waiting_) parker->wake();
}

bool Changes::park(MachineTime deadline) {
  const auto mine = internal::Parker::current();
  waiting_.push_back(mine);
  struct Leave {
    Changes& changes;
    const std::shared_ptr<internal::Parker>& mine;
    ~Leave() {
      const auto at = std::find(changes.waiting_.begin(), changes.waiting_.end(), mine);
      if (at != changes.waiting_.end()) changes.waiting_.erase(at);
    }
  } leave{*this, mine};
  mine->park_until(deadline);
  return std::chrono::steady_clock::now() < deadline;
}

}  // namespace moonbase::functions
