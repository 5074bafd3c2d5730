#include "runtime/apis.hpp"

#include <mutex>

#include "apigateway/deployment.hpp"
#include "apigatewayv2/deployment.hpp"

namespace moonbase::gateway {

std::shared_ptr<const Api> Apis::own(const Same& same, const CallContext& context) {
  for (const auto& api : same)
    if (api->account_id == context.identity.account_id && api->region == context.region) return api;
  return same.front();
}

std::shared_ptr<const Api> Apis::find(const KernelServices& kernel, const CallContext& context, std::string_view id) {
  {
    const std::shared_lock lock(mutex_);
    if (const auto found = by_id_.find(id); found != by_id_.end()) return own(found->second, context);
  }
  const auto seen = changes_.load();
  Same same;
  const auto read = kernel.store.read([&](Transaction& tx) -> Result<Value> {
    same = load_rest_apis(tx, id);
    for (auto& api : load_http_apis(tx, id)) same.push_back(std::move(api));
    return Value();
  });
  if (!read || same.empty()) return nullptr;
  auto found = own(same, context);
  const std::unique_lock lock(mutex_);
  if (changes_.load() == seen) by_id_.insert_or_assign(std::string(id), std::move(same));
  return found;
}

void Apis::changed(std::string_view id) {
  const std::unique_lock lock(mutex_);
  ++changes_;
  if (const auto found = by_id_.find(id); found != by_id_.end()) by_id_.erase(found);
}

void Apis::clear() {
  const std::unique_lock lock(mutex_);
  ++changes_;
  by_id_.clear();
}

}  // namespace moonbase::gateway
