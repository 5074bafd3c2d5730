// Changes: waking those who wait for something about one environment.
#pragma once

#include <memory>
#include <moonbase/internal/parker.hpp>
#include <vector>

namespace moonbase::functions {

// All on one loop.
class Changes {
 public:
  void notify();
  // False when the deadline passed first.
  template <class Condition>
  bool wait(Condition condition, MachineTime deadline) {
    while (!condition()) {
      if (!park(deadline) && !condition()) return false;
    }
    return true;
  }

 private:
  bool park(MachineTime deadline);  // False once the deadline has passed.
  std::vector<std::shared_ptr<internal::Parker>> waiting_;
};

}  // namespace moonbase::functions
