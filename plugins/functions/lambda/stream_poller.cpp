// Polls a stream: each shard in order, parents before children, from a position that the store keeps. A batch
// that fails is tried again until the mapping's limits say that its records go to the destination for failures.
#include <algorithm>
#include <deque>
#include <functional>
#include <moonbase/json.hpp>
#include <set>
#include <unordered_map>

#include "lambda/poller.hpp"

namespace moonbase::functions {
namespace {

constexpr std::int64_t problem_pause_ms = 10'000, retry_pause_ms = 1000, retry_pause_ms_max = 60'000;

using Records = std::vector<const SourceRecord*>;

// The tumbling window that is open in a shard.
struct Window {
  std::int64_t start_ms = -1;
  Value state = Map{};
  bool open() const { return start_ms >= 0; }
};

struct Shard {
  std::string id, position;
  Window window;
  std::vector<DestinationDelivery> deliveries;  // To be scheduled with the next checkpoint.
};

class StreamPoller final : public Poller {
 public:
  using Poller::Poller;

 private:
  void run(Busy& busy) override;
  void run_shard(Shard shard, Busy& busy);
  bool begin_shards(std::set<std::string>& begun, bool& failed);

  bool process(Busy& busy, Shard& shard, const std::vector<SourceRecord>& records);
  bool process_lanes(Busy& busy, Shard& shard, const Records& records, std::size_t lanes);
  bool process_windows(Busy& busy, Shard& shard, const Records& records);
  bool process_batch(Busy& busy, Shard& shard, Records records, std::vector<DestinationDelivery>& deliveries,
                     const std::function<BatchOutcome(const Records&)>& call);
  bool close_window(Busy& busy, Shard& shard);
  BatchOutcome call_window(Shard& shard, const Records& records, bool final);
  void discard(const Shard& shard, const Records& records, const char* condition, int attempts,
               const BatchOutcome* outcome, std::vector<DestinationDelivery>& deliveries);
  bool save(Shard& shard, bool ended);

  std::int64_t window_ms() const { return mapping_.number("TumblingWindowInSeconds", 0) * 1000; }

  std::atomic<int> running_{0};
};

// Shards whose parents have been read. False where there was nothing new.
bool StreamPoller::begin_shards(std::set<std::string>& begun, bool& failed) {
  const auto shards = source_.shards(context(), mapping_.source_arn);
  if (!shards) {
    note("PROBLEM: " + shards.error().message);
    failed = true;
    return false;
  }
  std::unordered_map<std::string, Shard> known;
  std::set<std::string> ended, present;
  const auto read = kernel().store.read([&](Transaction& tx) -> Result<Value> {
    known.clear();
    ended.clear();
    for (const auto& row :
         tx.query("SELECT shard, position, ended, state FROM event_source_checkpoint WHERE account = ? "
                  "AND region = ? AND uuid = ?",
                  mapping_.function.account, mapping_.function.region, mapping_.uuid)) {
      Shard shard{row["shard"].string(), row["position"].string(), {}, {}};
      if (const auto state = parse_json(row["state"].string()); state && (*state)["start_ms"].is_integer())
        shard.window = {(*state)["start_ms"].integer(), (*state)["state"]};
      if (row["ended"].integer() != 0) ended.insert(shard.id);
      known[shard.id] = std::move(shard);
    }
    return Value();
  });
  if (!read) {
    failed = true;
    return false;
  }
  for (const auto& shard : *shards) present.insert(shard.id);
  bool any = false;
  for (const auto& shard : *shards) {
    if (begun.contains(shard.id) || ended.contains(shard.id)) continue;
    if (!shard.parent.empty() && present.contains(shard.parent) && !ended.contains(shard.parent)) continue;
    Shard begins{shard.id, {}, {}, {}};
    if (const auto found = known.find(shard.id); found != known.end()) {
      begins = found->second;
    } else {
      // It began after the mapping: all of it is new.
      auto position = source_.start(context(), mapping_.source_arn, shard.id, SourceStart::trim_horizon, {});
      if (!position) continue;
      begins.position = std::move(*position);
    }
    begun.insert(shard.id);
    any = true;
    ++running_;
    const auto held = std::make_shared<Busy>(std::in_place, kernel().activity);
    kernel().io.spawn(
        [self = shared_from_this(), this, begins = std::move(begins), held] { run_shard(begins, *held); });
  }
  return any;
}

void StreamPoller::run(Busy& busy) {
  std::set<std::string> begun;
  while (!stopped()) {
    const auto seen = woken_.version();
    bool failed = false;
    begin_shards(begun, failed);
    if (failed) {
      if (is_gone()) break;
      pause(busy, problem_pause_ms);
      continue;
    }
    if (is_gone()) break;
    // A shard that begins later has a parent that ends, which wakes this.
    busy.reset();
    if (!stopped()) woken_.wait(seen, never);
    busy.emplace(kernel().activity);
  }
  while (running_ > 0) {
    const auto seen = woken_.version();
    if (running_ == 0) break;
    busy.reset();
    woken_.wait(seen, never);
    busy.emplace(kernel().activity);
  }
}

void StreamPoller::run_shard(Shard shard, Busy& busy) {
  const auto lanes = window_ms() > 0 ? 1 : static_cast<std::size_t>(mapping_.number("ParallelizationFactor", 1));
  const auto records_max = static_cast<std::size_t>(mapping_.number("BatchSize", 100)) * lanes;
  const auto read = [&](const std::string& position, int records, std::size_t bytes) {
    SourceRead wanted;
    wanted.shard = shard.id;
    wanted.position = position;
    wanted.records_max = records;
    wanted.bytes_max = bytes;
    return source_.read(context(), mapping_.source_arn, wanted);
  };
  while (!stopped()) {
    const auto seen = changed_->version();
    auto batch = read(shard.position, static_cast<int>(records_max), batch_bytes_max);
    if (!batch) {
      note("PROBLEM: " + batch.error().message);
      if (is_gone()) break;
      pause(busy, problem_pause_ms);
      continue;
    }
    if (!batch->records.empty())
      fill(busy, *batch, records_max, [&](const SourceBatch& so_far, int records, std::size_t bytes) {
        return read(so_far.position, records, bytes);
      });
    if (!batch->records.empty()) {
      if (!process(busy, shard, batch->records)) break;  // Stopped: its records are read again.
      shard.position = batch->position;
      if (!save(shard, false)) pause(busy, problem_pause_ms);
      continue;
    }
    shard.position = batch->position;
    const Time window_end = shard.window.open() ? Time{shard.window.start_ms + window_ms()} : never;
    if (shard.window.open() && (kernel().clock.now() >= window_end || batch->ended)) {
      if (!close_window(busy, shard)) break;
      save(shard, false);
      continue;
    }
    if (batch->ended) {
      save(shard, true);
      break;
    }
    if (is_gone()) break;
    wait_for_source(busy, seen, std::min(window_end, batch->next));
  }
  --running_;
  woken_.notify();
}

// Writes where the shard goes on, together with what has been given up on the way.
bool StreamPoller::save(Shard& shard, bool ended) {
  const auto now = kernel().clock.now();
  const auto state = shard.window.open()
                         ? to_json(Value(Map{{"start_ms", shard.window.start_ms}, {"state", shard.window.state}}))
                         : std::string("{}");
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < shard.deliveries.size(); ++i) keys.push_back(kernel().ids.uuid());
  const auto written = kernel().store.write([&](Transaction& tx) -> Result<Value> {
    // Only of a mapping that still exists.
    if (!find_mapping(tx, mapping_.function.account, mapping_.function.region, mapping_.uuid)) return Value();
    tx.query(
        "INSERT INTO event_source_checkpoint VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, region, uuid, shard) "
        "DO "
        "UPDATE SET position = excluded.position, ended = excluded.ended, state = excluded.state",
        mapping_.function.account, mapping_.function.region, mapping_.uuid, shard.id, shard.position, ended ? 1 : 0,
        state);
    for (std::size_t i = 0; i < keys.size(); ++i) schedule_delivery(tx, now, shard.deliveries[i], keys[i]);
    return Value();
  });
  if (!written) {
    kernel().log.error("a position in " + mapping_.source_arn + " could not be kept: " + written.error().message);
    return false;
  }
  shard.deliveries.clear();
  return true;
}

// All of these answer false when the poller was stopped on the way.
bool StreamPoller::process(Busy& busy, Shard& shard, const std::vector<SourceRecord>& records) {
  Records wanted;
  for (const auto& record : records)
    if (passes(record.event)) wanted.push_back(&record);
  if (window_ms() > 0) return process_windows(busy, shard, wanted);
  const auto lanes = static_cast<std::size_t>(mapping_.number("ParallelizationFactor", 1));
  if (lanes > 1) return process_lanes(busy, shard, wanted, lanes);
  if (wanted.empty()) return true;
  return process_batch(busy, shard, std::move(wanted), shard.deliveries,
                       [this](const Records& batch) { return invoke(batch); });
}

// Records of one key stay in one lane, in order; lanes run beside each other.
bool StreamPoller::process_lanes(Busy& busy, Shard& shard, const Records& records, std::size_t lanes) {
  struct Lane {
    Records records;
    std::vector<DestinationDelivery> deliveries;
    bool good = true;
  };
  struct Shared {
    std::vector<Lane> lanes;
    std::atomic<std::size_t> left{0};
    Signal ended;
  };
  const auto shared = std::make_shared<Shared>();
  shared->lanes.resize(lanes);
  for (const auto* record : records)
    shared->lanes[std::hash<std::string>{}(record->group) % lanes].records.push_back(record);
  const auto batch_max = static_cast<std::size_t>(mapping_.number("BatchSize", 100));
  const auto run_lane = [this, &shard, batch_max](Lane& lane, Busy& lane_busy) {
    for (std::size_t at = 0; lane.good && at < lane.records.size(); at += batch_max) {
      const auto end = std::min(at + batch_max, lane.records.size());
      Records batch(lane.records.begin() + static_cast<std::ptrdiff_t>(at),
                    lane.records.begin() + static_cast<std::ptrdiff_t>(end));
      lane.good = process_batch(lane_busy, shard, std::move(batch), lane.deliveries,
                                [this](const Records& some) { return invoke(some); });
    }
  };
  for (auto& lane : shared->lanes)
    if (!lane.records.empty()) ++shared->left;
  for (auto& lane : shared->lanes) {
    if (lane.records.empty()) continue;
    const auto held = std::make_shared<Busy>(std::in_place, kernel().activity);
    kernel().io.spawn([self = shared_from_this(), shared, held, run_lane, &lane] {
      run_lane(lane, *held);
      --shared->left;
      shared->ended.notify();
    });
  }
  busy.reset();
  for (auto seen = shared->ended.version(); shared->left > 0; seen = shared->ended.version())
    if (shared->left > 0) shared->ended.wait(seen, never);
  busy.emplace(kernel().activity);
  bool good = true;
  for (auto& lane : shared->lanes) {
    good = good && lane.good;
    for (auto& delivery : lane.deliveries) shard.deliveries.push_back(std::move(delivery));
  }
  return good;
}

bool StreamPoller::process_windows(Busy& busy, Shard& shard, const Records& records) {
  for (std::size_t at = 0; at < records.size();) {
    const auto start_ms = records[at]->arrived.ms / window_ms() * window_ms();
    if (shard.window.open() && start_ms > shard.window.start_ms && !close_window(busy, shard)) return false;
    // A late record belongs to the window that is open.
    if (!shard.window.open()) shard.window = {start_ms, Map{}};
    Records batch;
    for (; at < records.size() && records[at]->arrived.ms < shard.window.start_ms + window_ms(); ++at)
      batch.push_back(records[at]);
    const bool good = process_batch(busy, shard, std::move(batch), shard.deliveries,
                                    [&](const Records& some) { return call_window(shard, some, false); });
    if (!good) return false;
  }
  return true;
}

BatchOutcome StreamPoller::call_window(Shard& shard, const Records& records, bool final) {
  const auto& window = shard.window;
  auto outcome = invoke(
      records,
      {{"window", Map{{"start", iso_8601({window.start_ms})}, {"end", iso_8601({window.start_ms + window_ms()})}}},
       {"state", window.state},
       {"shardId", shard.id},
       {"eventSourceARN", mapping_.source_arn},
       {"isFinalInvokeForWindow", final},
       {"isWindowTerminatedEarly", false}});
  if (outcome.failed || final) return outcome;
  const auto answer = parse_json(outcome.result->payload);
  if (answer && (*answer)["state"].is_map())
    shard.window.state = (*answer)["state"];
  else
    outcome.failed = !answer || !answer->is_map();
  return outcome;
}

bool StreamPoller::close_window(Busy& busy, Shard& shard) {
  for (int attempts = 0;; ++attempts) {
    const auto outcome = call_window(shard, {}, true);
    const auto retries = mapping_.number("MaximumRetryAttempts", -1);
    if (!outcome.failed || (retries >= 0 && attempts >= retries)) break;
    pause(busy, std::min(retry_pause_ms << std::min(attempts, 6), retry_pause_ms_max));
    if (stopped()) return false;
  }
  shard.window = {};
  return true;
}

bool StreamPoller::process_batch(Busy& busy, Shard& shard, Records records,
                                 std::vector<DestinationDelivery>& deliveries,
                                 const std::function<BatchOutcome(const Records&)>& call) {
  struct Piece {
    Records records;
    int attempts = 0;
  };
  const auto retries = mapping_.number("MaximumRetryAttempts", -1);
  const auto age_ms = mapping_.number("MaximumRecordAgeInSeconds", -1) * 1000;
  std::deque<Piece> pieces;
  pieces.push_back({std::move(records)});
  int pauses = 0;
  while (!pieces.empty()) {
    if (stopped()) return false;
    auto piece = std::move(pieces.front());
    pieces.pop_front();
    if (age_ms >= 0) {
      const auto now = kernel().clock.now();
      const auto young = std::find_if(piece.records.begin(), piece.records.end(), [&](const SourceRecord* record) {
        return now.ms - record->arrived.ms <= age_ms;
      });
      const Records old(piece.records.begin(), young);
      if (!old.empty()) discard(shard, old, "RecordAgeExceeded", piece.attempts, nullptr, deliveries);
      piece.records.erase(piece.records.begin(), young);
    }
    if (piece.records.empty()) continue;
    const auto outcome = call(piece.records);
    if (!outcome.failed && !outcome.partial) {
      pauses = 0;
      continue;
    }
    if (outcome.error == "RecursiveInvocationException") {
      discard(shard, piece.records, "RecursiveInvocation", piece.attempts, &outcome, deliveries);
      continue;
    }
    if (outcome.partial) {  // All before the first that failed is done.
      const auto first = std::find_if(piece.records.begin(), piece.records.end(), [&](const SourceRecord* record) {
        return std::find(outcome.failed_items.begin(), outcome.failed_items.end(), record->item_id) !=
               outcome.failed_items.end();
      });
      piece.records.erase(piece.records.begin(), first);
    } else if (outcome.result && mapping_.flag("BisectBatchOnFunctionError") && piece.records.size() > 1) {
      const auto middle = piece.records.begin() + static_cast<std::ptrdiff_t>((piece.records.size() + 1) / 2);
      pieces.push_front({Records(middle, piece.records.end()), piece.attempts});
      pieces.push_front({Records(piece.records.begin(), middle), piece.attempts});
      continue;
    }
    // A function that could not be invoked has not been tried.
    if (outcome.result) ++piece.attempts;
    if (outcome.result && retries >= 0 && piece.attempts > retries) {
      discard(shard, piece.records, "RetryAttemptsExhausted", piece.attempts, &outcome, deliveries);
      continue;
    }
    pieces.push_front(std::move(piece));
    pause(busy, std::min(retry_pause_ms << std::min(pauses++, 6), retry_pause_ms_max));
  }
  return true;
}

// What the destination is told: where the records are; a bucket also gets the event with them.
void StreamPoller::discard(const Shard& shard, const Records& records, const char* condition, int attempts,
                           const BatchOutcome* outcome, std::vector<DestinationDelivery>& deliveries) {
  const auto arn = mapping_.on_failure();
  if (arn.empty()) {
    kernel().log.warning(std::to_string(records.size()) + " records of " + mapping_.source_arn +
                         " were discarded: " + condition);
    return;
  }
  const auto now = kernel().clock.now();
  const bool dynamodb = mapping_.kind() == SourceKind::dynamodb;
  Map batch{{"shardId", shard.id},
            {"startSequenceNumber", records.front()->item_id},
            {"endSequenceNumber", records.back()->item_id},
            {"approximateArrivalOfFirstRecord", iso_8601(records.front()->arrived)},
            {"approximateArrivalOfLastRecord", iso_8601(records.back()->arrived)},
            {"batchSize", static_cast<std::int64_t>(records.size())},
            {"streamArn", mapping_.source_arn}};
  Map record{{"requestContext", Map{{"requestId", outcome ? outcome->request_id : kernel().ids.uuid()},
                                    {"functionArn", mapping_.function.arn()},
                                    {"condition", condition},
                                    {"approximateInvokeCount", attempts}}}};
  if (outcome && outcome->result) {
    Map response{{"statusCode", 200}, {"executedVersion", outcome->result->executed_version}};
    if (!outcome->result->function_error.empty()) response.set("functionError", outcome->result->function_error);
    record.set("responseContext", std::move(response));
  }
  record.set("version", "1.0");
  record.set("timestamp", iso_8601(now));
  record.set(dynamodb ? "DDBStreamBatchInfo" : "KinesisBatchInfo", std::move(batch));
  Map options;
  if (is_bucket(arn)) {
    record.set("payload", event_of(records));
    options = bucket_options("aws/lambda/" + mapping_.uuid + "/" + shard.id, now, kernel().ids);
  }
  deliveries.push_back({mapping_.function.account, mapping_.function.region,
                        "arn:aws:iam::" + mapping_.function.account + ":root", arn, to_json(Value(std::move(record))),
                        std::move(options), now});
}

}  // namespace

std::shared_ptr<Poller> make_stream_poller(FunctionService& functions, EventSource& source, EventSourceMapping mapping,
                                           std::vector<FilterPattern> filters) {
  return std::make_shared<StreamPoller>(functions, source, std::move(mapping), std::move(filters));
}

}  // namespace moonbase::functions
