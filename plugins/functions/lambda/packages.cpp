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

Packages::Hold::Hold(Packages& packages, std::vector<std::string> blobs)
    : packages_(packages), blobs_(std::move(blobs)) {
  const std::lock_guard lock(packages_.mutex_);
  ++packages_.holds_;
  for (const auto& blob : blobs_) ++packages_.held_[blob].holds;
}

Packages::Hold::~Hold() {
  const std::lock_guard lock(packages_.mutex_);
  for (const auto& blob : blobs_) {
    const auto found = packages_.held_.find(blob);
    if (--found->second.holds > 0) continue;
    if (found->second.unused) packages_.due_.push_back(blob);
    packages_.held_.erase(found);
  }
}

void Packages::erase_unused(const KernelServices& kernel, const std::vector<std::string>& blobs) {
  std::vector<std::string> all;
  {
    const std::lock_guard lock(mutex_);
    all.swap(due_);
  }
  all.insert(all.end(), blobs.begin(), blobs.end());
  for (const auto& blob : all)
    if (!blob.empty()) erase_one(kernel, blob);
}

void Packages::erase_one(const KernelServices& kernel, const std::string& blob) {
  for (;;) {
    std::uint64_t holds = 0;
    {
      const std::lock_guard lock(mutex_);
      holds = holds_;
    }
    if (is_used(kernel, blob)) return;
    const std::lock_guard lock(mutex_);
    if (const auto found = held_.find(blob); found != held_.end()) {
      found->second.unused = true;
      return;
    }
    // Whoever began in between may have ended too, and named it.
    if (holds != holds_) continue;
    kernel.blobs.erase(blob);
    return;
  }
}

}  // namespace moonbase::functions
