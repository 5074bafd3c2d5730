#include "tasks/runner.hpp"

#include <algorithm>
#include <chrono>

namespace moonbase::tasks {
namespace {

// Runs of one plugin's tasks at one time.
constexpr std::size_t running_max = 256;
constexpr std::int64_t backoff_ms_max = 300'000;
constexpr auto never_ms = INT64_MAX;

std::int64_t backoff_ms(int attempt) {
  return std::min<std::int64_t>(1000LL << std::min(attempt - 1, 20), backoff_ms_max);
}

}  // namespace

Runner::Runner(PlatformClock& clock, Hooks hooks) : clock_(clock), hooks_(std::move(hooks)) {}

void Runner::add(std::string plugin, store::SqliteStore& store) {
  auto queue = std::make_unique<Queue>();
  queue->plugin = std::move(plugin);
  queue->store = &store;
  queues_.push_back(std::move(queue));
}

void Runner::scheduled(std::string_view plugin, Time due) {
  for (const auto& queue : queues_) {
    if (queue->plugin != plugin) continue;
    auto before = queue->next_due_ms.load();
    while (due.ms < before && !queue->next_due_ms.compare_exchange_weak(before, due.ms)) {
    }
    if (due.ms < before) changed_.notify();
    return;
  }
}

void Runner::start() {
  watching_ = true;
  hooks_.spawn([this] {
    for (const auto& queue : queues_) {
      const auto due = queue->store->next_due(1);
      if (!due.empty()) scheduled(queue->plugin, due.front());
    }
    watch();
    watching_ = false;
  });
}

Time Runner::earliest() const {
  std::int64_t ms = never_ms;
  for (const auto& queue : queues_) ms = std::min(ms, queue->next_due_ms.load());
  return {ms};
}

void Runner::watch() {
  while (!stopping_) {
    const auto seen = changed_.version();
    const Time now = clock_.now();
    for (const auto& queue : queues_)
      if (queue->next_due_ms.load() <= now.ms) start_due(*queue, now);
    if (earliest() <= clock_.now()) continue;
    changed_.wait(seen, earliest());
  }
}

void Runner::start_due(Queue& queue, Time now) {
  // Whatever is scheduled from here on lowers it again.
  queue.next_due_ms = never_ms;
  try {
    std::size_t running;
    {
      const std::lock_guard lock(queue.mutex);
      running = queue.running.size();
      queue.ended.clear();
    }
    // Every run that ends comes back here while the queue is full.
    if (running >= running_max) return;
    const auto tasks = queue.store->due_tasks(now, running_max);
    for (const auto& task : tasks) {
      {
        const std::lock_guard lock(queue.mutex);
        if (queue.running.size() >= running_max || queue.ended.contains(task.id)) continue;
        if (!queue.running.insert(task.id).second) continue;
      }
      ++running_;
      hooks_.spawn([this, &queue, task] { run(queue, task); });
    }
    std::int64_t next_ms = never_ms;
    for (const Time due : queue.store->next_due(running_max + 1))
      if (due > now) {
        next_ms = due.ms;
        break;
      }
    if (next_ms != never_ms) scheduled(queue.plugin, Time{next_ms});
  } catch (const std::exception& failure) {
    hooks_.warn("the tasks of " + queue.plugin + " cannot be read: " + failure.what());
    scheduled(queue.plugin, Time{now.ms + 1000});
  }
}

void Runner::run(Queue& queue, store::ScheduledTask task) {
  Run run{queue.plugin, std::move(task)};
  const auto outcome = hooks_.carry_out(run);
  finish(queue, run.task, outcome);
  {
    const std::lock_guard lock(queue.mutex);
    queue.running.erase(run.task.id);
    queue.ended.insert(run.task.id);
  }
  --running_;
  // Look again: there may be more than fitted, or a retry.
  scheduled(queue.plugin, clock_.now());
}

void Runner::finish(Queue& queue, const store::ScheduledTask& task, const Result<Done>& outcome) {
  try {
    const auto written = queue.store->write([&](Transaction& tx) -> Result<Value> {
      if (outcome) {
        tx.query("DELETE FROM moonbase_task WHERE id = ?", task.id);
      } else {
        tx.query("UPDATE moonbase_task SET attempt = attempt + 1, due_at_ms = ? WHERE id = ?",
                 clock_.now().ms + backoff_ms(task.attempt), task.id);
      }
      return Value();
    });
    if (!written) hooks_.warn("a run of " + task.handler + " could not be recorded: " + written.error().message);
  } catch (const std::exception& failure) {
    // The row is as it was, so the task runs again: at least once holds.
    hooks_.warn("a run of " + task.handler + " could not be recorded: " + std::string(failure.what()));
  }
}

bool Runner::stop(Io& io, MachineTime deadline) {
  stopping_ = true;
  changed_.notify();
  while ((running_ > 0 || watching_) && MachineTime::clock::now() < deadline)
    io.sleep_until(MachineTime::clock::now() + std::chrono::milliseconds(1));
  return running_ == 0 && !watching_;
}

bool Runner::busy() const {
  const Time now = clock_.now();
  return running_ > 0 || earliest() <= now || hooks_.activity() > 0 || hooks_.first_deadline() <= now;
}

int Runner::settle(Io& io, MachineTime patience) {
  for (;;) {
    while (busy()) {
      if (MachineTime::clock::now() >= patience) return std::max(1, running_.load() + hooks_.activity());
      io.sleep_until(MachineTime::clock::now() + std::chrono::microseconds(200));
    }
    // Whoever was woken a moment ago may not have said yet that there is work.
    hooks_.yield_to_all();
    if (!busy()) return 0;
  }
}

int Runner::advance_to(Io& io, Time target, MachineTime patience) {
  for (;;) {
    if (const int pending = settle(io, patience)) {
      clock_.advance_to(target);
      return pending;
    }
    const Time next = std::min(earliest(), hooks_.first_deadline());
    if (next > target) break;
    clock_.advance_to(next);
    changed_.notify();
  }
  clock_.advance_to(target);
  changed_.notify();
  return settle(io, patience);
}

}  // namespace moonbase::tasks
