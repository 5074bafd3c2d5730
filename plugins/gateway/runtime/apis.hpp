// Apis: the APIs that serve, compiled from the store on their first request and kept until they change.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <moonbase/call.hpp>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/stage.hpp"

namespace moonbase::gateway {

// Any thread may use it. A request that has found an API keeps it, whatever changes meanwhile.
class Apis {
 public:
  // The API with this id: the caller's own, in the caller's region, where several accounts or regions
  // have one of that id (ids can be pinned); else the oldest. Null where there is none. Reads the store
  // only when nothing is cached, and then suspends the fiber.
  std::shared_ptr<const Api> find(const KernelServices& kernel, const CallContext& context, std::string_view id);

  // Forgets what is cached of an API. Called after the change has been committed.
  void changed(std::string_view id);
  void clear();

 private:
  using Same = std::vector<std::shared_ptr<const Api>>;  // Of one id, the oldest first. Never empty.
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  static std::shared_ptr<const Api> own(const Same& same, const CallContext& context);

  std::shared_mutex mutex_;
  std::unordered_map<std::string, Same, Hash, std::equal_to<>> by_id_;
  // Counts changes, so that what was read before a change is not kept after it.
  std::atomic<std::uint64_t> changes_{0};
};

}  // namespace moonbase::gateway
