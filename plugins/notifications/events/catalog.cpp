#include "events/catalog.hpp"

#include <mutex>

namespace moonbase::notifications::events {
namespace {

// Every account has a default bus in every region, and clients make accounts up.
constexpr std::size_t kept_max = 10'000;

}  // namespace

std::shared_ptr<const CompiledBus> Catalog::find(const KernelServices& kernel, const BusName& name) {
  const auto arn = name.arn();
  {
    const std::shared_lock lock(mutex_);
    if (const auto found = buses_.find(arn); found != buses_.end()) return found->second;
  }
  const auto seen = changes_.load();
  std::shared_ptr<const CompiledBus> bus;
  const auto read = kernel.store.read([&](Transaction& tx) -> Result<Value> {
    bus = load_bus(tx, name);
    return Value();
  });
  // Names that clients make up are not kept.
  if (!read || !bus) return nullptr;
  const std::unique_lock lock(mutex_);
  if (changes_.load() != seen) return bus;
  if (buses_.size() >= kept_max) buses_.clear();
  buses_.insert_or_assign(arn, bus);
  return bus;
}

void Catalog::changed(const BusName& name) {
  const std::unique_lock lock(mutex_);
  ++changes_;
  buses_.erase(name.arn());
}

void Catalog::clear() {
  const std::unique_lock lock(mutex_);
  ++changes_;
  buses_.clear();
}

}  // namespace moonbase::notifications::events
