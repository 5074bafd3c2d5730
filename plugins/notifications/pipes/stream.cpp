// Streams: each shard is read by a fiber of its own. Where the pipe says so, several batches of a shard are under way
// at once; records of one partition key stay in one lane and so in order.
#include <algorithm>
#include <functional>
#include <iterator>
#include <moonbase/json.hpp>

#include "deliveries.hpp"
#include "pipes/poller.hpp"

namespace moonbase::notifications::pipes {
namespace {

constexpr std::int64_t problem_ms = 60'000;  // How long after a source that cannot be read.
constexpr Time never{INT64_MAX};

}  // namespace

Result<Poller::Shard> Poller::find_shard(EventSource& source, const SourceShard& found) {
  const auto& name = pipe_.name();
  Shard shard{found.id, found.parent, {}, false};
  bool is_known = false;
  const auto read = kernel_.store.read([&](Transaction& tx) -> Result<Value> {
    for (const auto& row :
         tx.query("SELECT position, ended FROM pipe_position WHERE account = ? AND region = ? AND pipe = ? AND "
                  "shard = ?",
                  name.owner.account, name.owner.region, name.name, found.id)) {
      shard.position = row[0].string();
      shard.ended = row[1].integer() != 0;
      is_known = true;
    }
    return Value();
  });
  if (!read) return read.error();
  if (is_known) return shard;
  // Shards that came by a split are read from their beginning.
  const auto from = shard.parent.empty() ? pipe_.starts_at() : SourceStart::trim_horizon;
  auto start = source.start(context(), pipe_.source(), found.id, from, pipe_.starts_at_time());
  if (!start) return start.error();
  shard.position = std::move(*start);
  save_position(shard);
  return shard;
}

Result<std::vector<Poller::Shard>> Poller::find_shards(EventSource& source) {
  const auto found = source.shards(context(), pipe_.source());
  if (!found) return found.error();
  std::vector<Shard> shards;
  for (const auto& each : *found) {
    auto shard = find_shard(source, each);
    if (!shard) return shard.error();
    shards.push_back(std::move(*shard));
  }
  return shards;
}

// Begins the shards whose parents have been read, again whenever one has ended. Until stop().
void Poller::run_stream(Busy& busy, EventSource& source) {
  std::set<std::string> begun;
  while (!stopped_) {
    const auto seen = woken_->version();
    const auto shards = find_shards(source);
    if (!shards) {
      kernel_.log.warning("the pipe " + pipe_.name().name + " cannot find shards: " + shards.error().message);
      pause(busy, problem_ms);
      continue;
    }
    for (const auto& shard : *shards) {
      const bool waits = std::any_of(shards->begin(), shards->end(),
                                     [&](const auto& each) { return each.id == shard.parent && !each.ended; });
      if (shard.ended || waits || !begun.insert(shard.id).second) continue;
      ++shards_running_;
      const auto held = std::make_shared<Busy>(std::in_place, kernel_.activity);
      kernel_.io.spawn([self = shared_from_this(), this, held, shard, &source] {
        struct End {
          Poller& poller;
          ~End() {
            --poller.shards_running_;
            poller.woken_->notify();
          }
        } const end{*this};
        run_shard(*held, source, shard);
      });
    }
    wait(busy, woken_, seen, never);
  }
  for (auto seen = woken_->version(); shards_running_ > 0; seen = woken_->version()) {
    busy.reset();
    if (shards_running_ > 0) woken_->wait(seen, never);
    busy.emplace(kernel_.activity);
  }
}

void Poller::run_shard(Busy& busy, EventSource& source, Shard shard) {
  while (!stopped_) {
    const auto signal = source.changed(context(), pipe_.source());
    if (!signal) {
      pause(busy, problem_ms);
      continue;
    }
    const auto seen = signal->version();
    const auto now = kernel_.clock.now();
    SourceRead read;
    read.shard = shard.id;
    read.position = shard.position;
    read.records_max = pipe_.batch_size() * pipe_.lanes();
    auto batch = source.read(context(), pipe_.source(), read);
    if (!batch) {
      kernel_.log.warning("the pipe " + pipe_.name().name + " cannot read its source: " + batch.error().message);
      pause(busy, problem_ms);
      continue;
    }
    if (batch->records.empty()) {
      const bool has_moved = batch->position != shard.position || batch->ended;
      shard.position = batch->position;
      shard.ended = batch->ended;
      if (has_moved) save_position(shard);
      if (shard.ended) return;
      if (batch->next > kernel_.clock.now()) wait(busy, signal, seen, batch->next);
      continue;
    }
    // A batch gathers from when its first record came.
    const Time ripe{batch->records.front().arrived.ms + pipe_.window_ms()};
    if (static_cast<int>(batch->records.size()) < read.records_max && ripe > now) {
      wait(busy, signal, seen, std::min(ripe, batch->next));
      continue;
    }
    if (!process(busy, shard, batch->records)) return;  // Stopped: what is not done is read again.
    shard.position = batch->position;
    save_position(shard);
  }
}

// All of these answer false when the poller was stopped on the way.
bool Poller::process(Busy& busy, Shard& shard, const Records& records) {
  return pipe_.lanes() > 1 ? process_lanes(busy, shard, records) : process_in_order(busy, shard, records, true);
}

bool Poller::process_lanes(Busy& busy, Shard& shard, const Records& records) {
  // Lives until the last lane is done with it: a platform that stops does not wait.
  struct Shared {
    std::vector<Records> lanes;
    Shard shard;
    std::atomic<int> left = 0;
    std::atomic<bool> good = true;
    Signal ended;
  };
  const auto shared = std::make_shared<Shared>();
  shared->shard = shard;
  shared->lanes.resize(static_cast<std::size_t>(pipe_.lanes()));
  for (const auto& record : records)
    shared->lanes[std::hash<std::string>()(record.group) % shared->lanes.size()].push_back(record);
  std::erase_if(shared->lanes, [](const Records& lane) { return lane.empty(); });
  shared->left = static_cast<int>(shared->lanes.size());
  for (std::size_t k = 0; k < shared->lanes.size(); ++k) {
    const auto held = std::make_shared<Busy>(std::in_place, kernel_.activity);
    kernel_.io.spawn([self = shared_from_this(), this, shared, held, k] {
      if (!process_in_order(*held, shared->shard, shared->lanes[k], false)) shared->good = false;
      --shared->left;
      shared->ended.notify();
    });
  }
  for (auto seen = shared->ended.version(); shared->left > 0; seen = shared->ended.version()) {
    busy.reset();
    if (shared->left > 0) shared->ended.wait(seen, never);
    busy.emplace(kernel_.activity);
  }
  return shared->good;
}

// `keeps_position`: the shard's position follows what is done. Lanes overtake each other, so theirs does not.
bool Poller::process_in_order(Busy& busy, Shard& shard, const Records& records, bool keeps_position) {
  const auto is_done = [&](const SourceRecord& last) {
    if (!keeps_position) return;
    shard.position = last.position;
    save_position(shard);
  };
  const auto size = static_cast<std::size_t>(pipe_.batch_size());
  const auto at = [](const Records& all, std::size_t place) {
    return all.begin() + static_cast<std::ptrdiff_t>(std::min(place, all.size()));
  };
  std::deque<Piece> pieces;
  for (std::size_t begin = 0; begin < records.size(); begin += size)
    pieces.push_back({Records(at(records, begin), at(records, begin + size))});
  const Sender sender(kernel_, pipe_, false);
  while (!pieces.empty()) {
    if (stopped_) return false;
    auto piece = std::move(pieces.front());
    pieces.pop_front();
    const auto last = piece.records.back();
    piece.records = without_old(shard, std::move(piece.records));
    if (piece.records.empty()) {
      is_done(last);
      continue;
    }
    const auto sent = sender.send(context(), piece.records);
    const auto failed = std::find(sent.failed.begin(), sent.failed.end(), true);
    if (failed == sent.failed.end()) {
      is_done(last);
      continue;
    }
    const auto first = static_cast<std::size_t>(failed - sent.failed.begin());
    if (first > 0) {
      is_done(piece.records[first - 1]);
      piece.records.erase(piece.records.begin(), at(piece.records, first));
      piece.attempts = 0;
    }
    ++piece.attempts;
    if (pipe_.bisects() && piece.records.size() > 1) {
      // Halves count their own attempts, and are tried at once.
      const auto middle = at(piece.records, (piece.records.size() + 1) / 2);
      pieces.push_front({Records(middle, piece.records.cend())});
      pieces.push_front({Records(piece.records.cbegin(), Records::const_iterator(middle))});
    } else if (pipe_.retries_max() >= 0 && piece.attempts > pipe_.retries_max()) {
      bury(shard, piece.records, "RetryAttemptsExhausted");
      is_done(last);
    } else {
      const auto attempts = piece.attempts;
      pieces.push_front(std::move(piece));
      if (!pause(busy, retry_delay_ms(kernel_.ids, attempts))) return false;
    }
  }
  return true;
}

// Records that are older than the pipe takes are put aside.
Poller::Records Poller::without_old(const Shard& shard, Records records) {
  const auto age_seconds = pipe_.age_seconds_max();
  if (age_seconds < 0) return records;
  const auto now = kernel_.clock.now();
  const auto young = std::find_if(records.begin(), records.end(),
                                  [&](const auto& record) { return record.arrived.ms + age_seconds * 1000 >= now.ms; });
  if (young == records.begin()) return records;
  bury(shard, Records(records.begin(), young), "MaximumRecordAgeExceeded");
  return Records(young, records.end());
}

void Poller::save_position(const Shard& shard) {
  const auto& name = pipe_.name();
  const auto written = kernel_.store.write([&](Transaction& tx) -> Result<Value> {
    // A pipe that was deleted leaves nothing behind.
    if (tx.query("SELECT name FROM pipe WHERE account = ? AND region = ? AND name = ?", name.owner.account,
                 name.owner.region, name.name)
            .empty())
      return Value();
    tx.query(
        "INSERT INTO pipe_position (account, region, pipe, shard, position, ended) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (account, region, pipe, shard) DO UPDATE SET position = excluded.position, ended = excluded.ended",
        name.owner.account, name.owner.region, name.name, shard.id, shard.position, shard.ended ? 1 : 0);
    return Value();
  });
  if (!written)
    kernel_.log.warning("the pipe " + name.name + " cannot write down how far it is: " + written.error().message);
}

void Poller::bury(const Shard& shard, const Records& batch, std::string_view condition) {
  const auto arn = pipe_.dead_letter_arn();
  const std::string text(condition);
  if (arn.empty()) {
    kernel_.log.warning("the pipe " + pipe_.name().name + " gave up " + std::to_string(batch.size()) +
                        " records: " + text);
    return;
  }
  const bool is_table = parse_arn(pipe_.source())->service == "dynamodb";
  const Map info{{"shardId", shard.id},
                 {"startSequenceNumber", batch.front().id},
                 {"endSequenceNumber", batch.back().id},
                 {"approximateArrivalOfFirstRecord", iso_8601(batch.front().arrived)},
                 {"approximateArrivalOfLastRecord", iso_8601(batch.back().arrived)},
                 {"batchSize", batch.size()},
                 {"streamArn", pipe_.source()}};
  const Map letter{{"context", Map{{"partnerResourceArn", pipe_.name().arn()}, {"condition", text}}},
                   {"version", "1.0"},
                   {"timestamp", iso_8601(kernel_.clock.now())},
                   {is_table ? "DDBStreamBatchInfo" : "KinesisBatchInfo", info}};
  Shipment shipment{pipe_.name().owner, {}, arn, to_json(Value(letter)), Value(Map{})};
  if (auto shipped = ship(kernel_, context(), std::move(shipment)); !shipped)
    kernel_.log.warning("a dead letter could not be put into " + arn + ": " + shipped.error().message);
}

}  // namespace moonbase::notifications::pipes
