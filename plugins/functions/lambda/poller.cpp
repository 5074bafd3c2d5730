#include "lambda/poller.hpp"

#include <algorithm>
#include <moonbase/json.hpp>
#include <utility>

#include "lambda/lineage.hpp"

namespace moonbase::functions {
namespace {

std::string key_of(const std::string& account, const std::string& region, const std::string& uuid) {
  return account + "/" + region + "/" + uuid;
}

CallContext context_of(const EventSourceMapping& mapping, Ids& ids) {
  CallContext context;
  context.identity.account_id = mapping.function.account;
  context.identity.arn = "arn:aws:iam::" + mapping.function.account + ":root";
  context.region = mapping.function.region;
  context.request_id = ids.uuid();
  return context;
}

// The items that the answer says have failed; nothing where it says so in a way that fails all of them.
std::optional<std::vector<std::string>> failures_in(const std::string& payload,
                                                    const std::vector<const SourceRecord*>& records) {
  std::vector<std::string> failed;
  const auto answer = parse_json(payload);
  if (!answer) return std::nullopt;
  const auto& failures = (*answer)["batchItemFailures"];
  if (failures.is_null()) return failed;
  if (!failures.is_list()) return std::nullopt;
  for (const auto& failure : failures.list()) {
    const auto& id = failure["itemIdentifier"];
    if (!id.is_string() || id.string().empty()) return std::nullopt;
    const bool known = std::any_of(records.begin(), records.end(),
                                   [&](const SourceRecord* record) { return record->item_id == id.string(); });
    if (!known) return std::nullopt;
    failed.push_back(id.string());
  }
  return failed;
}

}  // namespace

Poller::Poller(FunctionService& functions, EventSource& source, EventSourceMapping mapping,
               std::vector<FilterPattern> filters)
    : functions_(functions), source_(source), mapping_(std::move(mapping)), filters_(std::move(filters)) {}

void Poller::start(std::shared_ptr<Poller> before) {
  // Counted from here on, so that whoever advances the clock now waits for its first look.
  const auto busy = std::make_shared<Busy>(std::in_place, kernel().activity);
  kernel().io.spawn([self = shared_from_this(), before = std::move(before), busy] {
    while (before && !before->ended_) {
      const auto seen = before->end_.version();
      busy->reset();
      if (!before->ended_) before->end_.wait(seen, never);
      busy->emplace(self->kernel().activity);
    }
    self->poll(*busy);
    self->ended_ = true;
    self->end_.notify();
  });
}

// A source that is missing is looked for again and again, ever more rarely: nobody says when it is made.
void Poller::poll(Busy& busy) {
  constexpr std::int64_t pause_ms_min = 1000, pause_ms_max = 300'000;
  for (auto pause_ms = pause_ms_min; !stopped();) {
    auto changed = source_.changed(context(), mapping_.source_arn);
    if (!changed) {
      note("PROBLEM: " + mapping_.source_arn + " does not exist");
      pause(busy, pause_ms);
      pause_ms = std::min(2 * pause_ms, pause_ms_max);
      continue;
    }
    pause_ms = pause_ms_min;
    {
      const std::lock_guard lock(mutex_);
      changed_ = std::move(changed);
    }
    run(busy);
  }
}

void Poller::stop() {
  stopped_ = true;
  woken_.notify();
  std::shared_ptr<Signal> changed;
  {
    const std::lock_guard lock(mutex_);
    changed = changed_;
  }
  if (changed) changed->notify();
}

bool Poller::is_gone() { return source_.changed(context(), mapping_.source_arn) != changed_; }

std::string Poller::last_result() const {
  const std::lock_guard lock(mutex_);
  return last_result_;
}

void Poller::note(std::string result) {
  const std::lock_guard lock(mutex_);
  last_result_ = std::move(result);
}

CallContext Poller::context() { return context_of(mapping_, kernel().ids); }

void Poller::wait_for_source(Busy& busy, std::uint64_t seen, Time deadline) {
  busy.reset();
  if (!stopped()) changed_->wait(seen, deadline);
  busy.emplace(kernel().activity);
}

void Poller::pause(Busy& busy, std::int64_t ms) {
  const Time deadline{kernel().clock.now().ms + ms};
  const auto seen = woken_.version();
  busy.reset();
  for (auto version = seen; !stopped() && kernel().clock.now() < deadline; version = woken_.version())
    woken_.wait(version, deadline);
  busy.emplace(kernel().activity);
}

bool Poller::passes(const Value& event) const {
  if (filters_.empty()) return true;
  const auto view = filter_view(mapping_.kind(), event);
  return std::any_of(filters_.begin(), filters_.end(), [&](const FilterPattern& one) { return one.matches(view); });
}

std::string Poller::event_of(const std::vector<const SourceRecord*>& records, const Map& around) {
  std::string event = "{\"Records\":[";
  for (const auto* record : records) {
    if (event.back() != '[') event.push_back(',');
    append_json(event, record->event);
  }
  event.push_back(']');
  for (const auto& [name, value] : around) {
    event.push_back(',');
    append_json_string(event, name);
    event.push_back(':');
    append_json(event, value);
  }
  event.push_back('}');
  return event;
}

BatchOutcome Poller::invoke(const std::vector<const SourceRecord*>& records, const Map& around) {
  Invocation invocation;
  invocation.payload = event_of(records, around);
  auto calls = context();
  const auto lineage =
      lineage_id(FunctionName{mapping_.function.account, mapping_.function.region, mapping_.function.name, {}}.arn());
  for (const auto* record : records) {
    // The longest way that one of them has come.
    const auto& trace = record->event["attributes"]["AWSTraceHeader"];
    if (trace.is_string() && lineage_count(trace.string(), lineage) >= lineage_count(calls.trace, lineage))
      calls.trace = trace.string();
  }

  BatchOutcome outcome;
  outcome.request_id = kernel().ids.uuid();
  auto result = functions_.run(calls, mapping_.function, invocation, outcome.request_id);
  if (!result) {
    outcome.failed = true;
    outcome.error = result.error().code;
    note("PROBLEM: Function call failed");
    return outcome;
  }
  outcome.failed = !result->function_error.empty();
  if (!outcome.failed && mapping_.reports_failures()) {
    auto failed = failures_in(result->payload, records);
    outcome.failed = !failed;
    if (failed) outcome.failed_items = std::move(*failed);
    outcome.partial = !outcome.failed_items.empty();
  }
  note(outcome.failed ? "PROBLEM: Function call failed" : "OK");
  outcome.result = std::move(*result);
  return outcome;
}

// --- all of them ---------------------------------------------------------------------------------

void Pollers::begin() {
  std::vector<EventSourceMapping> mappings;
  const auto read = functions_.kernel().store.read([&](Transaction& tx) -> Result<Value> {
    mappings.clear();
    tx.each("SELECT * FROM event_source_mapping WHERE enabled = 1 ORDER BY account, region, uuid", {},
            [&](const Row& row) {
              mappings.push_back(mapping_of(row));
              return true;
            });
    return Value();
  });
  if (!read) functions_.kernel().log.error("event source mappings cannot be read: " + read.error().message);
  for (auto& mapping : mappings) {
    const auto key = key_of(mapping.function.account, mapping.function.region, mapping.uuid);
    auto poller = make(std::move(mapping));
    if (!poller) continue;
    poller->start(nullptr);
    const std::lock_guard lock(mutex_);
    pollers_[key].poller = std::move(poller);
  }
}

std::shared_ptr<Poller> Pollers::make(EventSourceMapping mapping) {
  auto& kernel = functions_.kernel();
  auto* source = kernel.sources.source_of(mapping.source_arn);
  if (!source) {
    kernel.log.warning("the event source mapping " + mapping.uuid + " cannot be polled: no plugin has such as " +
                       mapping.source_arn);
    return nullptr;
  }
  const auto* criteria = mapping.configuration.find("FilterCriteria");
  auto filters = filters_of(criteria ? *criteria : Value());
  if (!filters) {
    kernel.log.error("the filters of the event source mapping " + mapping.uuid + " cannot be read");
    return nullptr;
  }
  const auto make = mapping.kind() == SourceKind::sqs ? make_queue_poller : make_stream_poller;
  return make(functions_, *source, std::move(mapping), std::move(*filters));
}

void Pollers::refresh(const std::string& account, const std::string& region, const std::string& uuid) {
  const auto key = key_of(account, region, uuid);
  std::uint64_t change = 0;
  {
    const std::lock_guard lock(mutex_);
    auto& known = pollers_[key];
    change = known.change = ++changes_;
    if (known.poller) known.poller->stop();
  }
  std::optional<EventSourceMapping> mapping;
  const auto read = functions_.kernel().store.read([&](Transaction& tx) -> Result<Value> {
    mapping = find_mapping(tx, account, region, uuid);
    return Value();
  });
  if (!read) return functions_.kernel().log.error("an event source mapping cannot be read: " + read.error().message);
  auto poller = mapping && mapping->enabled ? make(*mapping) : nullptr;
  std::shared_ptr<Poller> before;
  {
    const std::lock_guard lock(mutex_);
    const auto known = pollers_.find(key);
    // Somebody who came later has read what is newer.
    if (known == pollers_.end() || known->second.change != change) return;
    if (!mapping) pollers_.erase(known);
    if (!poller) return;
    before = std::exchange(known->second.poller, poller);
  }
  poller->start(std::move(before));
}

void Pollers::reset(std::string_view account) {
  const std::lock_guard lock(mutex_);
  std::erase_if(pollers_, [&](const auto& entry) {
    if (!account.empty() && !entry.first.starts_with(std::string(account) + "/")) return false;
    if (entry.second.poller) entry.second.poller->stop();
    return true;
  });
}

std::string Pollers::last_result(const std::string& account, const std::string& region, const std::string& uuid) const {
  const std::lock_guard lock(mutex_);
  const auto found = pollers_.find(key_of(account, region, uuid));
  return found == pollers_.end() || !found->second.poller ? "No records processed"
                                                          : found->second.poller->last_result();
}

Result<Done> Pollers::check_source(const CallContext& context, const EventSourceMapping& mapping) {
  const auto& arn = mapping.source_arn;
  auto* source = functions_.kernel().sources.source_of(arn);
  const bool queue = mapping.kind() == SourceKind::sqs;
  if (!source) return not_implemented("event sources such as " + arn);
  const auto is_queue = source->is_queue(context, arn);
  if (!is_queue && is_queue.error().status == 501) return is_queue.error();
  if (is_queue && *is_queue == queue && source->changed(context, arn)) return done;
  if (!queue) return invalid_parameter("Stream not found: " + arn);
  return invalid_parameter(
      "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error "
      "Message: "
      "The specified queue does not exist for this wsdl version.");
}

Result<std::vector<std::pair<std::string, std::string>>> Pollers::first_positions(const CallContext& context,
                                                                                  const EventSourceMapping& mapping) {
  std::vector<std::pair<std::string, std::string>> positions;
  if (mapping.kind() == SourceKind::sqs) return positions;
  auto* source = functions_.kernel().sources.source_of(mapping.source_arn);
  if (!source) return not_implemented("event sources such as " + mapping.source_arn);
  const auto shards = source->shards(context, mapping.source_arn);
  if (!shards) return shards.error();
  const auto* from = mapping.configuration.find("StartingPosition");
  const auto text = from ? from->string_or("") : "";
  const auto start = text == "LATEST"         ? SourceStart::latest
                     : text == "AT_TIMESTAMP" ? SourceStart::at_timestamp
                                              : SourceStart::trim_horizon;
  for (const auto& shard : *shards) {
    auto position = source->start(context, mapping.source_arn, shard.id, start, mapping.start_at);
    if (!position) return position.error();
    positions.emplace_back(shard.id, std::move(*position));
  }
  return positions;
}

}  // namespace moonbase::functions
