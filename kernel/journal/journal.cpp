#include "journal/journal.hpp"

#include <moonbase/json.hpp>

#include <algorithm>
#include <unordered_set>

namespace moonbase::journal {

Journal::Journal(std::size_t entries_max) : entries_max_(entries_max) {}

void Journal::write(Entry entry) {
  {
    const std::lock_guard lock(mutex_);
    entry.sequence = ++last_;
    // The ring grows with use, so that an idle platform stays small.
    if (ring_.size() < entries_max_)
      ring_.push_back(entry);
    else
      ring_[(entry.sequence - 1) % entries_max_] = entry;
  }
  if (followers_.load(std::memory_order_relaxed) > 0) written_.notify();
}

std::vector<Entry> Journal::query(const Filter& filter, std::size_t most) const {
  std::vector<Entry> found;
  const std::lock_guard lock(mutex_);
  std::unordered_set<std::string> family;  // Ids that the asked id led to.
  if (!filter.id.empty()) {
    family.insert(filter.id);
    // A cause ends after what it leads to, or before it if that was a task: go over it until no more are found.
    for (std::size_t before = 0; before != family.size();) {
      before = family.size();
      for (const auto& entry : ring_)
        if (family.contains(std::string(entry.cause.view()))) family.insert(std::string(entry.id.view()));
    }
  }
  const std::uint64_t first = last_ - ring_.size() + 1;
  for (std::uint64_t sequence = last_; sequence >= std::max(first, filter.after + 1) && found.size() < most; --sequence) {
    const auto& entry = ring_[(sequence - 1) % entries_max_];
    if (!filter.service.empty() && entry.service.view() != filter.service) continue;
    if (!filter.operation.empty() && entry.operation.view() != filter.operation) continue;
    if (!filter.account.empty() && entry.account.view() != filter.account) continue;
    if (filter.errors_only && entry.error.view().empty()) continue;
    if (!filter.id.empty() && !family.contains(std::string(entry.id.view()))) continue;
    found.push_back(entry);
  }
  std::reverse(found.begin(), found.end());
  return found;
}

void Journal::clear() {
  const std::lock_guard lock(mutex_);
  ring_.clear();
  last_ = 0;
}

std::string to_json(const Entry& entry) {
  constexpr const char* kinds[] = {"call", "task", "http"};
  Map fields{{"sequence", entry.sequence},
             {"at", iso_8601(entry.at)},
             {"kind", kinds[static_cast<int>(entry.kind)]},
             {"id", entry.id.view()},
             {"service", entry.service.view()},
             {"operation", entry.operation.view()},
             {"account", entry.account.view()},
             {"region", entry.region.view()},
             {"duration_us", entry.duration_us}};
  if (!entry.cause.view().empty()) fields.set("cause", entry.cause.view());
  if (!entry.error.view().empty()) fields.set("error", entry.error.view());
  return moonbase::to_json(Value(std::move(fields)));
}

}  // namespace moonbase::journal
