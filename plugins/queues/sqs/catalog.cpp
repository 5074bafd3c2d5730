#include "catalog.hpp"

#include <moonbase/json.hpp>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "errors.hpp"

namespace moonbase::sqs {

QueuePointer read_queue(Transaction& tx, const QueueName& name) {
  const auto rows = tx.query(
      "SELECT q.number, c.version, q.created_at_ms, q.modified_at_ms, q.purged_at_ms, q.attributes, q.tags "
      "FROM sqs_queue q JOIN sqs_counter c ON c.account = q.account AND c.queue = q.number "
      "WHERE q.account = ? AND q.region = ? AND q.name = ?",
      name.account, name.region, name.name);
  if (rows.empty()) return nullptr;
  const auto& row = rows[0];
  Queue queue;
  queue.name = name;
  queue.number = row[0].integer();
  queue.version = row[1].integer();
  queue.created_at_ms = row[2].integer();
  queue.modified_at_ms = row[3].integer();
  queue.purged_at_ms = row[4].integer();
  auto attributes = parse_json(row[5].string());
  auto tags = parse_json(row[6].string());
  if (!attributes || !tags) throw std::runtime_error("the definition of queue " + name.name + " is damaged");
  queue.attributes = std::move(*attributes);
  queue.tags = std::move(*tags);
  return make_queue(std::move(queue));
}

bool is_current(Transaction& tx, const Queue& queue) {
  const auto rows =
      tx.query("SELECT version FROM sqs_counter WHERE account = ? AND queue = ?", queue.name.account, queue.number);
  return !rows.empty() && rows[0][0].integer() == queue.version;
}

Result<QueuePointer> Catalog::find(Store& store, const QueueName& name) {
  std::uint64_t seen = 0;
  {
    const std::shared_lock lock(mutex_);
    const auto known = queues_.find(name);
    if (known != queues_.end()) return known->second;
    seen = changes_;
  }
  QueuePointer queue;
  auto read = store.read([&](Transaction& tx) -> Result<Value> {
    queue = read_queue(tx, name);
    return Value();
  });
  if (!read) return read.error();
  if (!queue) return no_such_queue();
  const std::unique_lock lock(mutex_);
  if (changes_ == seen) queues_[name] = queue;
  return queue;
}

void Catalog::forget(const QueueName& name) {
  const std::unique_lock lock(mutex_);
  ++changes_;
  queues_.erase(name);
}

void Catalog::clear(std::string_view account_id) {
  std::vector<std::shared_ptr<Live>> gone;
  {
    const std::unique_lock lock(mutex_);
    ++changes_;
    const auto is_theirs = [&](const std::string& account) { return account_id.empty() || account == account_id; };
    std::erase_if(queues_, [&](const auto& entry) { return is_theirs(entry.first.account); });
    std::erase_if(live_, [&](const auto& entry) {
      if (!is_theirs(entry.first.first)) return false;
      gone.push_back(entry.second);
      return true;
    });
  }
  for (const auto& live : gone) live->arrived.notify();
}

std::shared_ptr<Live> Catalog::live(const Queue& queue) {
  const Number number{queue.name.account, queue.number};
  if (auto known = find_live(number)) return known;
  const std::unique_lock lock(mutex_);
  auto& live = live_[number];
  if (!live) live = std::make_shared<Live>();
  return live;
}

std::shared_ptr<Live> Catalog::find_live(const Number& number) {
  const std::shared_lock lock(mutex_);
  const auto known = live_.find(number);
  return known == live_.end() ? nullptr : known->second;
}

void Catalog::notify(const std::string& account, std::int64_t number) {
  if (const auto live = find_live({account, number})) live->arrived.notify();
}

void Catalog::notify_if_full(const std::string& account, std::int64_t number, std::int64_t in_flight) {
  if (const auto live = find_live({account, number}); live && live->in_flight_most >= in_flight) live->arrived.notify();
}

void Catalog::drop(const Queue& queue) {
  forget(queue.name);
  notify(queue);
  const std::unique_lock lock(mutex_);
  auto live = live_.extract({queue.name.account, queue.number});
  std::erase_if(gone_, [](const auto& entry) { return entry.second.expired(); });
  if (live) gone_[queue.name] = live.mapped();
}

void Catalog::created(const QueueName& name, std::int64_t number) {
  std::shared_ptr<Live> live;
  {
    const std::unique_lock lock(mutex_);
    ++changes_;
    queues_.erase(name);
    if (const auto gone = gone_.extract(name)) live = gone.mapped().lock();
    if (!live) return;
    live->in_flight_most = -1;
    // Who came in between has made another; both must hear.
    auto& place = live_[{name.account, number}];
    if (!place) place = live;
  }
  live->arrived.notify();
}

}  // namespace moonbase::sqs
