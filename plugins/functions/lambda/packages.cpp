#include "lambda/packages.hpp"

namespace moonbase::functions {
namespace {

// True also where nobody can tell: a blob too many harms nobody.
bool is_used(const KernelServices& kernel, const std::string& blob) {
  const auto used = kernel.store.read([&](Transaction& tx) -> Result<Value> {
    for (const char* table_and_column : {"function WHERE code_blob", "function WHERE library_blob",
                                         "function_layer WHERE blob", "layer_version WHERE code_blob"})
      if (!tx.query("SELECT account FROM " + std::string(table_and_column) + " = ? LIMIT 1", blob).empty())
        return Value(true);
    return Value(false);
  });
  return !used || used->boolean();
}

}  // namespace

void Packages::erase_unused(const KernelServices& kernel, const std::vector<std::string>& blobs) {
  std::vector<std::string> all, held;
  {
    const std::lock_guard lock(mutex_);
    all.swap(due_);
  }
  all.insert(all.end(), blobs.begin(), blobs.end());
  const auto used = [&](const std::string& blob) { return is_used(kernel, blob); };
  for (const auto& blob : all)
    if (!blob.empty() && !kernel.blobs.erase_unused(blob, used)) held.push_back(blob);
  const std::lock_guard lock(mutex_);
  due_.insert(due_.end(), held.begin(), held.end());
}

void Packages::settle(const KernelServices& kernel) {
  kernel.blobs.settle([&](const std::string& blob) { return is_used(kernel, blob); });
}

}  // namespace moonbase::functions
