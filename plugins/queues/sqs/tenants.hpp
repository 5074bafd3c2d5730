// Tenants: who shares a standard queue, told apart by MessageGroupId (SQS calls such a queue fair). While one of
// them has too large a share of what is in flight, messages of the others are handed out first.
#pragma once

#include <cstdint>
#include <moonbase/store.hpp>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "queue.hpp"

namespace moonbase::sqs {

// How messages without a group are kept in a queue that others send to with one. Each is a tenant of its own.
inline constexpr std::string_view no_tenant = " ";

// What is known of a queue's tenants while the process lives. Any thread may use it. It is an estimate: a
// transaction that is rolled back may have told it too much, until tenants are counted anew.
class Tenants {
 public:
  // A message that has a group was received.
  void received();

  // While a tenant is noisy: up to `count` messages of the others that can be received, by sequence, the tenants in
  // turn. Else nothing.
  std::vector<std::int64_t> quiet_first(Transaction& tx, const Queue& queue, std::size_t count, Time now);

 private:
  void count(Transaction& tx, const Queue& queue, Time now);

  std::mutex mutex_;
  bool any_ = false;  // A message with a group was received since the process began.
  std::vector<std::string> noisy_;
  std::int64_t counts_after_ = 0;  // How many more are received until tenants are counted again, and
  std::int64_t counts_at_ms_ = 0;  // when at the latest.
  std::string last_;               // The tenant whose turn was last.
};

}  // namespace moonbase::sqs
