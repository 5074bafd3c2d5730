// ClockSource: what the loops ask the platform's clock. The clock itself lives elsewhere; it can be
// stopped, set and advanced, so a moment on it has no fixed moment on the machine's.
#pragma once

#include <moonbase/clock.hpp>
#include <moonbase/io.hpp>

namespace moonbase::loop {

// Any thread may use it.
class ClockSource {
 public:
  virtual ~ClockSource() = default;
  // When the machine will have reached `time`, as things stand: a moment that has passed where `time`
  // has, MachineTime::max() where the clock is stopped before it. Whoever changes the clock calls
  // Loops::clock_changed() afterwards.
  virtual MachineTime machine_time(Time time) const = 0;
};

}  // namespace moonbase::loop
