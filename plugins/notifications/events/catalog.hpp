// Catalog: the buses that serve, compiled from the store on their first event and kept until they change.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <string>
#include <unordered_map>

#include "events/rule.hpp"

namespace moonbase::notifications::events {

// Any thread may use it. Whoever has found a bus keeps it, whatever changes meanwhile.
class Catalog {
 public:
  // Null: there is no such bus. Reads the store only when nothing is cached, and then suspends the fiber.
  std::shared_ptr<const CompiledBus> find(const KernelServices& kernel, const BusName& name);
  // Forgets what is cached of a bus. Called after the change has been committed.
  void changed(const BusName& name);
  void clear();

 private:
  std::shared_mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const CompiledBus>> buses_;  // By ARN.
  // Counts changes, so that what was read before a change is not kept after it.
  std::atomic<std::uint64_t> changes_{0};
};

}  // namespace moonbase::notifications::events
