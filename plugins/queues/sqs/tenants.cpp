#include "tenants.hpp"

#include <algorithm>

namespace moonbase::sqs {
namespace {

// As SQS documents it: more than a tenth of what is in flight, and no fewer than 30 messages.
constexpr std::int64_t share_max_percent = 10, noisy_least = 30;

// A receive looks at no more tenants than this; the next one goes on behind them.
constexpr int tenants_max = 200;

}  // namespace

void Tenants::received() {
  const std::lock_guard lock(mutex_);
  any_ = true;
  --counts_after_;
}

// Counting reads all that is in flight. It is done after a fifth of that has been received, so a message costs five
// rows; and now and then, since those in flight may have been deleted.
void Tenants::count(Transaction& tx, const Queue& queue, Time now) {
  noisy_.clear();
  std::int64_t total = 0;
  const auto rows = tx.query(
      "SELECT tenant, COUNT(*) FROM sqs_message WHERE account = ? AND queue = ? AND visible_at_ms > ? AND received = 1 "
      "GROUP BY tenant",
      queue.name.account, queue.number, now);
  for (const auto& row : rows) total += row[1].integer();
  for (const auto& row : rows) {
    const bool is_tenant = row[0].is_string() && row[0].string() != no_tenant;
    if (is_tenant && row[1].integer() >= noisy_least && row[1].integer() * 100 > total * share_max_percent)
      noisy_.push_back(row[0].string());
  }
  counts_after_ = std::max(noisy_least / 3, total / 5);
  counts_at_ms_ = now.ms + seconds_ms + total / 10;
}

std::vector<std::int64_t> Tenants::quiet_first(Transaction& tx, const Queue& queue, std::size_t count_max, Time now) {
  const std::lock_guard lock(mutex_);
  std::vector<std::int64_t> found;
  if (!any_) return found;
  if (counts_after_ <= 0 || counts_at_ms_ <= now.ms) count(tx, queue, now);
  if (noisy_.empty()) return found;
  std::string tenant = last_;
  bool wrapped = false;
  for (int looked = 0; looked < tenants_max && found.size() < count_max; ++looked) {
    const auto next = tx.query(
        "SELECT tenant FROM sqs_message WHERE account = ? AND queue = ? AND tenant > ? ORDER BY tenant LIMIT 1",
        queue.name.account, queue.number, tenant);
    if (next.empty() || (wrapped && next[0][0].string() > last_)) {
      if (wrapped) break;
      wrapped = true;
      tenant.clear();
      continue;
    }
    tenant = next[0][0].string();
    if (std::find(noisy_.begin(), noisy_.end(), tenant) != noisy_.end()) continue;
    for (const auto& row : tx.query("SELECT sequence FROM sqs_message WHERE account = ? AND queue = ? AND tenant = ? "
                                    "AND visible_at_ms <= ? ORDER BY visible_at_ms, sequence LIMIT ?",
                                    queue.name.account, queue.number, tenant, now, count_max - found.size()))
      found.push_back(row[0].integer());
  }
  last_ = tenant;
  return found;
}

}  // namespace moonbase::sqs
