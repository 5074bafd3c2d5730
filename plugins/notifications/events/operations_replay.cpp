#include <algorithm>
#include <moonbase/json.hpp>

#include "events/publish.hpp"
#include "events/service.hpp"

namespace moonbase::notifications::events {
namespace {

constexpr int chunk_max = 100;  // Events that one run of the task replays.

std::string replay_arn(const Owner& owner, const std::string& name) { return owner.arn("events", "replay/" + name); }

Result<Value> find_replay(Transaction& tx, const Owner& owner, const std::string& name) {
  const auto rows = tx.query("SELECT document FROM event_replay WHERE account = ? AND region = ? AND name = ?",
                             owner.account, owner.region, name);
  if (rows.empty()) return Error{"ResourceNotFoundException", "Replay " + name + " does not exist."};
  return document(rows.front()[0]);
}

void save_replay(Transaction& tx, const Owner& owner, const Value& replay) {
  tx.query(
      "INSERT INTO event_replay (account, region, name, document) VALUES (?, ?, ?, ?) "
      "ON CONFLICT (account, region, name) DO UPDATE SET document = excluded.document",
      owner.account, owner.region, replay["ReplayName"], to_json(replay));
}

void schedule_replay(Transaction& tx, const Owner& owner, const Value& name, Time due, std::int64_t at_ms,
                     const std::string& id) {
  tx.schedule(due, replay_task,
              Map{{"account", owner.account}, {"region", owner.region}, {"replay", name}, {"at_ms", at_ms}, {"id", id}},
              replay_arn(owner, name.string()));
}

void finish(Value& replay, const char* state, Time now) {
  replay.set("State", state);
  replay.set("ReplayEndTime", whole_seconds(now));
}

}  // namespace

Result<Value> cancel_replay(Call& call, Service&) {
  const auto owner = Owner::of(call);
  const auto& name = call.input["ReplayName"].string();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto replay = find_replay(tx, owner, name);
    if (!replay) return replay;
    const auto& state = (*replay)["State"].string();
    if (state != "STARTING" && state != "RUNNING")
      return Error{"IllegalStatusException", "Replay " + name + " is not in a valid state for this operation."};
    finish(*replay, "CANCELLED", call.kernel.clock.now());
    save_replay(tx, owner, *replay);
    tx.unschedule(replay_task, replay_arn(owner, name));
    return Value(Map{{"ReplayArn", replay_arn(owner, name)}, {"State", "CANCELLING"}});
  });
}

Result<Value> describe_replay(Call& call, Service&) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    return find_replay(tx, Owner::of(call), call.input["ReplayName"].string());
  });
}

Result<Value> list_replays(Call& call, Service&) {
  if (!call.input["EventSourceArn"].is_null() + !call.input["NamePrefix"].is_null() + !call.input["State"].is_null() >
      1)
    return Error{"ValidationException",
                 "At most one filter is allowed for ListReplays. Use either : State, EventSourceArn, or NamePrefix."};
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto page = read_page(tx, "SELECT name, document FROM event_replay WHERE account = ? AND region = ?",
                                {owner.account, owner.region}, "name", page_request(call));
    if (!page) return invalid_token();
    List replays;
    for (const auto& row : page->rows) {
      const auto replay = document(row[1]);
      const auto differs = [&](const char* name) {
        return !call.input[name].is_null() && call.input[name] != replay[name];
      };
      if (differs("EventSourceArn") || differs("State")) continue;
      replays.push_back(picked(replay, {"EventEndTime", "EventLastReplayedTime", "EventSourceArn", "EventStartTime",
                                        "ReplayEndTime", "ReplayName", "ReplayStartTime", "State"}));
    }
    Map answer{{"Replays", std::move(replays)}};
    if (!page->next.empty()) answer.set("NextToken", page->next);
    return Value(std::move(answer));
  });
}

Result<Value> start_replay(Call& call, Service&) {
  const auto owner = Owner::of(call);
  const auto& name = call.input["ReplayName"].string();
  const auto& destination = call.input["Destination"];
  const auto source = parse_arn(call.input["EventSourceArn"].string());
  constexpr std::string_view kind = "archive/";
  const auto not_valid = [](const char* parameter, const char* reason) {
    return Error{"ValidationException", std::string("Parameter ") + parameter + " is not valid. Reason: " + reason};
  };
  if (!source || source->service != "events" || !source->resource.starts_with(kind))
    return not_valid("EventSourceArn", "Must be an archive.");
  const std::string archive(source->resource.substr(kind.size()));
  if (destination["Arn"].string().find(":event-bus/") == std::string::npos)
    return not_valid("Destination.Arn", "Must contain an event bus ARN.");
  if (call.input["EventEndTime"].integer() <= call.input["EventStartTime"].integer())
    return not_valid("EventEndTime", "EventStartTime must be before EventEndTime.");
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (find_replay(tx, owner, name))
      return Error{"ResourceAlreadyExistsException", "Replay " + name + " already exists."};
    const auto archives = tx.query("SELECT document FROM event_archive WHERE account = ? AND region = ? AND name = ?",
                                   owner.account, owner.region, archive);
    if (archives.empty()) return not_valid("EventSourceArn", ("Archive " + archive + " does not exist.").c_str());
    if (document(archives.front()[0])["EventSourceArn"] != destination["Arn"])
      return not_valid("Destination.Arn", "Cross event bus replay is not permitted.");
    const auto now = call.kernel.clock.now();
    Value replay = picked(
        call.input, {"Description", "Destination", "EventEndTime", "EventSourceArn", "EventStartTime", "ReplayName"});
    replay.set("ReplayArn", replay_arn(owner, name));
    replay.set("ReplayStartTime", whole_seconds(now));
    replay.set("State", "STARTING");
    save_replay(tx, owner, replay);
    schedule_replay(tx, owner, name, now, call.input["EventStartTime"].integer(), "");
    return Value(
        Map{{"ReplayArn", replay_arn(owner, name)}, {"ReplayStartTime", whole_seconds(now)}, {"State", "STARTING"}});
  });
}

// A chunk of events, in order of their time; the next chunk is the next run's.
Result<Done> run_replay(TaskRun& task, Service& service) {
  const Owner owner{task.payload["account"].string(), task.payload["region"].string()};
  const auto& name = task.payload["replay"].string();
  Value replay;
  Rows rows;
  const auto read = task.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    auto found = find_replay(tx, owner, name);
    if (!found) return Value();
    replay = std::move(*found);
    const auto source = replay["EventSourceArn"].string();
    const auto archive = source.substr(source.rfind('/') + 1);
    rows = tx.query(
        "SELECT at_ms, id, event FROM archived_event WHERE account = ? AND region = ? AND archive = ? AND at_ms >= ? "
        "AND at_ms < ? AND (at_ms > ? OR id > ?) ORDER BY at_ms, id LIMIT ?",
        owner.account, owner.region, archive, task.payload["at_ms"], replay["EventEndTime"], task.payload["at_ms"],
        task.payload["id"], chunk_max);
    return Value();
  });
  if (!read) return read.error();
  if (replay["State"] != Value("STARTING") && replay["State"] != Value("RUNNING")) return done;

  const auto bus_name = bus_name_of(replay["Destination"]["Arn"], owner);
  const auto bus = bus_name ? service.catalog.find(task.kernel, *bus_name) : nullptr;
  const auto& filter = replay["Destination"]["FilterArns"];
  for (const auto& row : rows) {
    if (!bus) break;
    auto event = document(row[2]);
    event.set("replay-name", name);
    for (const auto* rule : bus->matching(event)) {
      const bool is_chosen = !filter.is_list() || std::find(filter.list().begin(), filter.list().end(),
                                                            Value(rule->arn)) != filter.list().end();
      if (!is_chosen) continue;
      if (auto sent = deliver_to_rule(service.destinations, task.kernel, task.context, *bus_name, *rule, event, 0);
          !sent)
        return sent;
    }
  }
  const bool has_more = rows.size() == static_cast<std::size_t>(chunk_max);
  const auto written = task.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto current = find_replay(tx, owner, name);
    if (!current || ((*current)["State"] != Value("STARTING") && (*current)["State"] != Value("RUNNING")))
      return Value();  // Cancelled meanwhile.
    const auto now = task.kernel.clock.now();
    if (!rows.empty()) current->set("EventLastReplayedTime", rows.back()[0]);
    if (has_more) {
      current->set("State", "RUNNING");
      schedule_replay(tx, owner, name, now, rows.back()[0].integer(), rows.back()[1].string());
    } else {
      finish(*current, "COMPLETED", now);
    }
    save_replay(tx, owner, *current);
    return Value();
  });
  if (!written) return written.error();
  return done;
}

}  // namespace moonbase::notifications::events
