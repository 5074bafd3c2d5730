// Polls a queue: batches run beside each other, what they have dealt with is removed, what fails comes back
// when its visibility timeout ends.
#include <algorithm>

#include "lambda/poller.hpp"

namespace moonbase::functions {
namespace {

constexpr std::int64_t problem_pause_ms = 10'000;

class QueuePoller final : public Poller {
 public:
  using Poller::Poller;

 private:
  void run(Busy& busy) override {
    const auto concurrency = mapping_.batches_max();
    const auto records_max = static_cast<std::size_t>(mapping_.number("BatchSize", 10));
    while (!stopped()) {
      const auto freed = woken_.version();
      if (running_ >= concurrency) {
        busy.reset();
        woken_.wait(freed, never);
        busy.emplace(kernel().activity);
        continue;
      }
      const auto seen = changed_->version();
      auto batch = read(static_cast<int>(records_max), batch_bytes_max);
      if (!batch) {
        note("PROBLEM: " + batch.error().message);
        if (is_gone()) break;
        pause(busy, problem_pause_ms);
        continue;
      }
      if (batch->records.empty()) {
        if (is_gone()) break;
        wait_for_source(busy, seen, batch->next);
        continue;
      }
      fill(busy, *batch, records_max,
           [&](const SourceBatch&, int records, std::size_t bytes) { return read(records, bytes); });
      if (stopped()) {
        give_back(batch->records);
        break;
      }
      ++running_;
      const auto held = std::make_shared<Activity::Busy>(kernel().activity);
      kernel().io.spawn(
          [self = shared_from_this(), this, held, records = std::move(batch->records)] { process(records); });
    }
    // Its batches end before another poller begins.
    while (running_ > 0) {
      const auto freed = woken_.version();
      if (running_ == 0) break;
      busy.reset();
      woken_.wait(freed, never);
      busy.emplace(kernel().activity);
    }
  }

  Result<SourceBatch> read(int records_max, std::size_t bytes_max) {
    SourceRead wanted;
    wanted.records_max = records_max;
    wanted.bytes_max = bytes_max;
    return source_.read(context(), mapping_.source_arn, wanted);
  }

  void finish(const std::vector<std::string>& ids) {
    if (ids.empty()) return;
    if (const auto finished = source_.finish(context(), mapping_.source_arn, ids); !finished)
      kernel().log.warning("messages of " + mapping_.source_arn + " could not be removed: " + finished.error().message);
  }

  void give_back(const std::vector<SourceRecord>& records) {
    std::vector<std::string> ids;
    for (const auto& record : records) ids.push_back(record.id);
    if (const auto released = source_.release(context(), mapping_.source_arn, ids, 0); !released)
      kernel().log.warning("messages of " + mapping_.source_arn +
                           " could not be given back: " + released.error().message);
  }

  void process(const std::vector<SourceRecord>& records) {
    std::vector<const SourceRecord*> wanted;
    std::vector<std::string> unwanted, handled;
    for (const auto& record : records) {
      if (passes(record.event))
        wanted.push_back(&record);
      else
        unwanted.push_back(record.id);
    }
    finish(unwanted);
    if (!wanted.empty()) {
      const auto outcome = invoke(wanted);
      if (outcome.error == "RecursiveInvocationException") {
        kernel().log.warning("messages of " + mapping_.source_arn +
                             " were discarded: their functions lead to each other without end");
        for (const auto* record : wanted) handled.push_back(record->id);
      } else if (!outcome.failed) {
        for (const auto* record : wanted)
          if (std::find(outcome.failed_items.begin(), outcome.failed_items.end(), record->item_id) ==
              outcome.failed_items.end())
            handled.push_back(record->id);
      }
      finish(handled);
    }
    --running_;
    woken_.notify();
  }

  std::atomic<std::int64_t> running_{0};
};

}  // namespace

std::shared_ptr<Poller> make_queue_poller(FunctionService& functions, EventSource& source, EventSourceMapping mapping,
                                          std::vector<FilterPattern> filters) {
  return std::make_shared<QueuePoller>(functions, source, std::move(mapping), std::move(filters));
}

}  // namespace moonbase::functions
