// Catalog: the queues, kept in memory after their first use, and who waits at them.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <moonbase/signal.hpp>
#include <moonbase/store.hpp>
#include <shared_mutex>
#include <string_view>
#include <utility>

#include "queue.hpp"
#include "tenants.hpp"

namespace moonbase::sqs {

// What a queue has only while the process lives.
struct Live {
  Signal arrived;  // Something may have become receivable, or the queue is gone.
  // No more messages than this are in flight; counted anew when it reaches the limit.
  std::atomic<std::int64_t> in_flight_most{-1};
  Tenants tenants;  // Of a standard queue.
};

// Any thread may use it.
class Catalog {
 public:
  // The Error is QueueDoesNotExist.
  Result<QueuePointer> find(Store& store, const QueueName& name);
  // It was created, changed or deleted: the next find() reads it anew.
  void forget(const QueueName& name);
  void clear(std::string_view account_id);  // Empty: all. Wakes all who wait.

  // Of a queue that may be waited at; made on first use.
  std::shared_ptr<Live> live(const Queue& queue);
  // Wakes those who wait at the queue with this number.
  void notify(const std::string& account, std::int64_t number);
  void notify(const Queue& queue) { notify(queue.name.account, queue.number); }
  // The same, but only if at least so many messages may be in flight: those who wait found no room.
  void notify_if_full(const std::string& account, std::int64_t number, std::int64_t in_flight);
  // The queue is gone: wakes those who wait. Who goes on holding its signal is told when it is made anew.
  void drop(const Queue& queue);
  // A queue was made, or has another number.
  void created(const QueueName& name, std::int64_t number);

 private:
  using Number = std::pair<std::string, std::int64_t>;
  std::shared_ptr<Live> find_live(const Number& number);
  std::shared_mutex mutex_;
  std::map<QueueName, QueuePointer> queues_;
  std::uint64_t changes_ = 0;  // What was read before a change is not kept after it.
  std::map<Number, std::shared_ptr<Live>> live_;
  std::map<QueueName, std::weak_ptr<Live>> gone_;  // Of queues that are not there, while somebody holds them.
};

// Null where there is none. Inside a transaction.
QueuePointer read_queue(Transaction& tx, const QueueName& name);
// Whether the queue is there and has not changed since it was read.
bool is_current(Transaction& tx, const Queue& queue);

// Runs `body` in a write transaction in which `queue` is the queue as it is; reads it anew where a
// memory of it is old. Body: Result<Value>(Transaction&, const Queue&). It may run twice.
template <class Body>
Result<Value> write_queue(Catalog& catalog, Store& store, const QueueName& name, const Body& body) {
  while (true) {
    auto queue = catalog.find(store, name);
    if (!queue) return queue.error();
    bool stale = false;
    auto result = store.write([&](Transaction& tx) -> Result<Value> {
      stale = !is_current(tx, **queue);
      if (stale) return Error{"Stale", ""};
      return body(tx, **queue);
    });
    if (!stale) return result;
    catalog.forget(name);
  }
}

}  // namespace moonbase::sqs
