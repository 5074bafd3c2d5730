#include "pipes/poller.hpp"

#include <algorithm>
#include <moonbase/json.hpp>
#include <set>

#include "deliveries.hpp"

namespace moonbase::notifications::pipes {
namespace {

constexpr std::int64_t missing_source_ms = 60'000;  // How often a source that is gone is looked for.
constexpr Time never{INT64_MAX};

}  // namespace

Poller::Poller(const KernelServices& kernel, CompiledPipe pipe) : kernel_(kernel), pipe_(std::move(pipe)) {
  context_.identity.account_id = pipe_.name().owner.account;
  context_.identity.arn = "arn:aws:iam::" + context_.identity.account_id + ":root";
  context_.region = pipe_.name().owner.region;
  busy_.emplace(kernel_.activity);
}

void Poller::stop() {
  stopped_ = true;
  const std::lock_guard lock(mutex_);
  if (waiting_on_) waiting_on_->notify();
}

bool Poller::wait(Signal& signal, std::uint64_t seen, Time deadline) {
  busy_.reset();
  if (!stopped_) signal.wait(seen, deadline);
  busy_.emplace(kernel_.activity);
  return !stopped_;
}

// The source's signal, as soon as there is a source. Null once stopped.
std::shared_ptr<Signal> Poller::wait_for_source() {
  while (!stopped_) {
    auto* source = kernel_.sources.source_of(pipe_.source());
    auto signal = source ? source->changed(context_, pipe_.source()) : nullptr;
    const auto own = signal ? signal : std::make_shared<Signal>();
    {
      const std::lock_guard lock(mutex_);
      waiting_on_ = own;
    }
    if (signal) {
      const auto is_queue = source->is_queue(context_, pipe_.source());
      if (is_queue) {
        is_queue_ = *is_queue;
        return signal;
      }
    }
    wait(*own, own->version(), Time{kernel_.clock.now().ms + missing_source_ms});
  }
  return nullptr;
}

void Poller::run() {
  const auto signal = wait_for_source();
  auto* source = kernel_.sources.source_of(pipe_.source());
  while (signal && !stopped_) {
    context_.request_id = kernel_.ids.uuid();
    const auto seen = signal->version();
    const auto next = is_queue_ ? poll_queue(*source, *signal) : poll_stream(*source);
    if (stopped_) break;
    if (next > kernel_.clock.now()) wait(*signal, seen, next);
  }
  busy_.reset();
}

// Answers when to look again, if nothing is notified: now where there may be more at once.
Time Poller::poll_queue(EventSource& source, Signal& signal) {
  std::vector<SourceRecord> records;
  Time next = never;
  const auto batch_size = static_cast<std::size_t>(pipe_.batch_size());
  Time deadline = never;
  for (;;) {
    const auto seen = signal.version();
    SourceRead read;
    read.records_max = static_cast<int>(batch_size - records.size());
    auto batch = source.read(context_, pipe_.source(), read);
    if (!batch) {
      kernel_.log.warning("the pipe " + pipe_.name().name + " cannot read its source: " + batch.error().message);
      next = Time{kernel_.clock.now().ms + missing_source_ms};
      break;
    }
    if (records.empty() && !batch->records.empty()) deadline = Time{kernel_.clock.now().ms + pipe_.window_ms()};
    std::move(batch->records.begin(), batch->records.end(), std::back_inserter(records));
    next = batch->next;
    if (records.empty() || records.size() == batch_size || deadline <= kernel_.clock.now()) break;
    if (!wait(signal, seen, std::min(deadline, batch->next))) break;
  }
  if (records.empty()) return next;
  const auto sent = send(records);
  std::vector<std::string> finished;
  for (std::size_t i = 0; i < records.size(); ++i)
    if (!sent.failed[i]) finished.push_back(records[i].id);
  if (!finished.empty())
    if (auto good = source.finish(context_, pipe_.source(), finished); !good)
      kernel_.log.warning("the pipe " + pipe_.name().name + " cannot remove records: " + good.error().message);
  // What has failed comes again when its visibility timeout ends.
  return kernel_.clock.now();
}

bool Poller::find_shards(EventSource& source) {
  const auto found = source.shards(context_, pipe_.source());
  if (!found) return false;
  const auto& name = pipe_.name();
  for (const auto& each : *found) {
    if (std::any_of(shards_.begin(), shards_.end(), [&](const auto& shard) { return shard.id == each.id; })) continue;
    Shard shard;
    shard.id = each.id;
    shard.parent = each.parent;
    const auto read = kernel_.store.read([&](Transaction& tx) -> Result<Value> {
      for (const auto& row :
           tx.query("SELECT position, ended FROM pipe_position WHERE account = ? AND region = ? AND pipe = ? AND "
                    "shard = ?",
                    name.owner.account, name.owner.region, name.name, each.id)) {
        shard.position = row[0].string();
        shard.ended = row[1].integer() != 0;
        shard.has_position = true;
      }
      return Value();
    });
    if (!read) return false;
    if (!shard.has_position) {
      // Shards that came by a split are read from their beginning.
      const auto from = shard.parent.empty() ? pipe_.starts_at() : SourceStart::trim_horizon;
      auto start = source.start(context_, pipe_.source(), each.id, from, pipe_.starts_at_time());
      if (!start) return false;
      shard.position = std::move(*start);
      shard.has_position = true;
      save_position(shard);
    }
    shards_.push_back(std::move(shard));
  }
  std::erase_if(shards_, [&](const auto& shard) {
    return std::none_of(found->begin(), found->end(), [&](const auto& each) { return each.id == shard.id; });
  });
  return true;
}

Time Poller::poll_stream(EventSource& source) {
  if (!find_shards(source)) return Time{kernel_.clock.now().ms + missing_source_ms};
  Time next = never;
  for (auto& shard : shards_) {
    if (stopped_) break;
    const bool waits_for_parent = std::any_of(shards_.begin(), shards_.end(),
                                              [&](const auto& each) { return each.id == shard.parent && !each.ended; });
    if (shard.ended || waits_for_parent) continue;
    next = std::min(next, poll_shard(source, shard));
  }
  return next;
}

Time Poller::poll_shard(EventSource& source, Shard& shard) {
  const auto now = kernel_.clock.now();
  if (shard.retry_at > now) return shard.retry_at;
  SourceRead read;
  read.shard = shard.id;
  read.position = shard.position;
  read.records_max = shard.records_max > 0 ? shard.records_max : pipe_.batch_size();
  const auto batch = source.read(context_, pipe_.source(), read);
  if (!batch) {
    kernel_.log.warning("the pipe " + pipe_.name().name + " cannot read its source: " + batch.error().message);
    return Time{now.ms + missing_source_ms};
  }
  const auto is_done = [&] {
    shard.position = batch->position;
    shard.ended = batch->ended;
    shard.attempts = 0;
    shard.records_max = 0;
    save_position(shard);
  };
  if (batch->records.empty()) {
    if (batch->position != shard.position || batch->ended) is_done();
    // A shard's end lets its children begin.
    return batch->ended ? now : batch->next;
  }
  // A batch gathers from when its first record came.
  const Time ripe{batch->records.front().arrived.ms + pipe_.window_ms()};
  if (static_cast<int>(batch->records.size()) < read.records_max && shard.attempts == 0 && ripe > now)
    return std::min(ripe, batch->next);
  if (const auto age = pipe_.age_seconds_max(); age >= 0) {
    std::vector<SourceRecord> old;
    for (const auto& record : batch->records)
      if (record.arrived.ms + age * 1000 < now.ms) old.push_back(record);
    if (!old.empty()) {
      bury(shard, old, "MaximumRecordAgeExceeded");
      shard.position = old.back().position;
      shard.attempts = 0;
      save_position(shard);
      return now;
    }
  }
  const auto sent = send(batch->records);
  if (std::none_of(sent.failed.begin(), sent.failed.end(), [](bool failed) { return failed; })) {
    is_done();
    return kernel_.clock.now();
  }
  retry_shard(shard, batch->records, sent);
  return std::max(shard.retry_at, kernel_.clock.now());
}

void Poller::retry_shard(Shard& shard, const std::vector<SourceRecord>& batch, const Sent& sent) {
  const auto first =
      static_cast<std::size_t>(std::find(sent.failed.begin(), sent.failed.end(), true) - sent.failed.begin());
  const std::vector<SourceRecord> rest(batch.begin() + static_cast<std::ptrdiff_t>(first), batch.end());
  if (first > 0) {
    shard.position = batch[first - 1].position;
    shard.attempts = 0;
    save_position(shard);
  }
  ++shard.attempts;
  shard.records_max = static_cast<int>(rest.size());
  if (pipe_.bisects() && rest.size() > 1) {
    // Halves count their own attempts, and are tried at once.
    shard.records_max = static_cast<int>((rest.size() + 1) / 2);
    shard.attempts = 0;
    shard.retry_at = kernel_.clock.now();
    return;
  }
  if (pipe_.retries_max() >= 0 && shard.attempts > pipe_.retries_max()) {
    bury(shard, rest, "RetryAttemptsExhausted");
    shard.position = rest.back().position;
    shard.attempts = 0;
    shard.records_max = 0;
    save_position(shard);
    return;
  }
  shard.retry_at = Time{kernel_.clock.now().ms + retry_delay_ms(kernel_.ids, shard.attempts)};
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

void Poller::bury(const Shard& shard, const std::vector<SourceRecord>& batch, std::string_view condition) {
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
  if (auto shipped = ship(kernel_, context_, std::move(shipment)); !shipped)
    kernel_.log.warning("a dead letter could not be put into " + arn + ": " + shipped.error().message);
}

Poller::Sent Poller::send(const std::vector<SourceRecord>& records) {
  Sent sent{std::vector<bool>(records.size(), false), {}};
  std::vector<std::size_t> kept;
  std::vector<PipeEvent> events;
  for (std::size_t i = 0; i < records.size(); ++i) {
    auto event = event_of(records[i].event);
    if (!pipe_.passes(event)) continue;  // Filtered out is dealt with.
    kept.push_back(i);
    events.push_back(std::move(event));
  }
  if (kept.empty()) return sent;
  const auto fail_all = [&](const Error& error) {
    for (const auto each : kept) sent.failed[each] = true;
    sent.error = error;
  };
  if (!pipe_.enrichment().empty()) {
    auto enriched = enrich(events);
    if (!enriched) {
      fail_all(enriched.error());
      kernel_.log.warning("the enrichment of the pipe " + pipe_.name().name + " failed: " + sent.error.message);
      return sent;
    }
    // Answers that are one for one keep their records; others stand or fall together.
    if (enriched->size() != kept.size()) {
      if (enriched->empty()) return sent;
      std::vector<SourceRecord> group(enriched->size());
      std::vector<std::size_t> positions(enriched->size());
      for (std::size_t i = 0; i < positions.size(); ++i) positions[i] = i;
      Sent outcome{std::vector<bool>(enriched->size(), false), {}};
      (pipe_.takes_batches() ? send_batch(group, positions, *enriched, outcome)
                             : send_each(group, positions, *enriched, outcome));
      if (std::find(outcome.failed.begin(), outcome.failed.end(), true) != outcome.failed.end())
        fail_all(outcome.error);
      return sent;
    }
    events = std::move(*enriched);
  }
  if (pipe_.takes_batches())
    send_batch(records, kept, events, sent);
  else
    send_each(records, kept, events, sent);
  if (!sent.error.code.empty())
    kernel_.log.warning("the target of the pipe " + pipe_.name().name + " failed: " + sent.error.message);
  return sent;
}

Result<std::vector<PipeEvent>> Poller::enrich(const std::vector<PipeEvent>& events) {
  std::string payload = "[";
  for (const auto& event : events) {
    if (payload.size() > 1) payload += ',';
    payload += pipe_.enrichment_input(event, kernel_.clock.now());
  }
  payload += ']';
  const auto answer =
      kernel_.targets.deliver(context_, pipe_.enrichment(), std::move(payload), pipe_.enrichment_options());
  if (!answer) return answer.error();
  if (!(*answer)["FunctionError"].is_null())
    return Error{"FunctionError", (*answer)["Payload"].string_or("the function failed")};
  const auto text = (*answer)["Payload"].string_or("");
  std::vector<PipeEvent> enriched;
  if (text.empty() || text == "null") return enriched;
  auto parsed = parse_json(text);
  if (!parsed) return Error{"SerializationException", "The enrichment did not answer JSON."};
  if (!parsed->is_list()) {
    enriched.push_back({*parsed, *parsed});
    return enriched;
  }
  for (auto& each : parsed->list()) enriched.push_back({each, each});
  return enriched;
}

void Poller::send_batch(const std::vector<SourceRecord>& records, const std::vector<std::size_t>& kept,
                        const std::vector<PipeEvent>& events, Sent& sent) {
  std::string payload = "[";
  for (const auto& event : events) {
    if (payload.size() > 1) payload += ',';
    auto input = pipe_.target_input(event, kernel_.clock.now());
    // A template that makes plain text is a string to whoever takes a list.
    if (parse_json(input))
      payload += input;
    else
      append_json_string(payload, input);
  }
  payload += ']';
  const auto fail = [&](Error error) {
    for (const auto each : kept) sent.failed[each] = true;
    sent.error = std::move(error);
  };
  const auto answer =
      kernel_.targets.deliver(context_, pipe_.target(), std::move(payload), pipe_.target_options(events.front()));
  if (!answer) return fail(answer.error());
  if (!(*answer)["FunctionError"].is_null())
    return fail({"FunctionError", (*answer)["Payload"].string_or("the function failed")});
  const auto body = parse_json((*answer)["Payload"].string_or("null"));
  const auto failed = body && body->is_map() ? failed_items(*body) : std::vector<std::string>();
  if (!failed) return fail({"FunctionError", "the function named an item without an identifier"});
  const std::set<std::string> names(failed->begin(), failed->end());
  for (const auto each : kept)
    if (names.contains(records[each].item_id)) {
      sent.failed[each] = true;
      sent.error = {"FunctionError", "the function reported items that failed"};
    }
}

void Poller::send_each(const std::vector<SourceRecord>& records, const std::vector<std::size_t>& kept,
                       const std::vector<PipeEvent>& events, Sent& sent) {
  // Nothing overtakes what has failed: in a queue within its group, in a stream at all.
  std::set<std::string> stopped_groups;
  bool stream_stopped = false;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const auto& record = records[kept[i]];
    if (stream_stopped || (!record.group.empty() && stopped_groups.contains(record.group))) {
      sent.failed[kept[i]] = true;
      continue;
    }
    const auto delivered = kernel_.targets.deliver(
        context_, pipe_.target(), pipe_.target_input(events[i], kernel_.clock.now()), pipe_.target_options(events[i]));
    if (delivered) continue;
    sent.failed[kept[i]] = true;
    sent.error = delivered.error();
    stopped_groups.insert(record.group);
    stream_stopped = !is_queue_;
  }
}

void Pollers::start(const KernelServices& kernel, CompiledPipe pipe) {
  const auto arn = pipe.name().arn();
  auto poller = std::make_shared<Poller>(kernel, std::move(pipe));
  {
    const std::lock_guard lock(mutex_);
    auto& place = pollers_[arn];
    if (place) place->stop();
    place = poller;
  }
  kernel.io.spawn([poller] { poller->run(); });
}

void Pollers::stop(const PipeName& name) {
  const std::lock_guard lock(mutex_);
  const auto found = pollers_.find(name.arn());
  if (found == pollers_.end()) return;
  found->second->stop();
  pollers_.erase(found);
}

void Pollers::stop_all(std::string_view account) {
  const std::lock_guard lock(mutex_);
  std::erase_if(pollers_, [&](const auto& each) {
    if (!account.empty() && parse_arn(each.first)->account != account) return false;
    each.second->stop();
    return true;
  });
}

}  // namespace moonbase::notifications::pipes
