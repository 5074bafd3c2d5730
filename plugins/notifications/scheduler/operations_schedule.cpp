#include <algorithm>
#include <initializer_list>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>

#include "scheduler/service.hpp"

namespace moonbase::notifications::scheduler {
namespace {

ScheduleName name_of(const Call& call) {
  return {Owner::of(call), call.input["GroupName"].string_or(default_group), call.input["Name"].string()};
}

Error no_such_schedule(const ScheduleName& schedule) {
  return {"ResourceNotFoundException", "Schedule " + schedule.name + " does not exist."};
}

struct Stored {
  Value document;
  std::string token;
  std::int64_t next_ms;
};
std::optional<Stored> find_schedule(Transaction& tx, const ScheduleName& schedule) {
  const auto rows = tx.query(
      "SELECT document, token, next_ms FROM schedule WHERE account = ? AND region = ? AND group_name = ? AND name = ?",
      schedule.owner.account, schedule.owner.region, schedule.group, schedule.name);
  if (rows.empty()) return std::nullopt;
  return Stored{document(rows.front()[0]), rows.front()[1].string(), rows.front()[2].integer()};
}

std::int64_t window_ms_of(const Value& schedule) {
  return schedule["FlexibleTimeWindow"]["MaximumWindowInMinutes"].integer_or(0) * 60'000;
}

// Writes the schedule, and the task of its next run.
void save_schedule(Transaction& tx, const ScheduleName& name, const Value& schedule, std::string_view token, Time after,
                   Ids& ids) {
  const auto next = next_run(schedule, after);
  const std::int64_t next_ms = next.value_or(Time{0}).ms;
  tx.query(
      "INSERT INTO schedule (account, region, group_name, name, document, token, next_ms) VALUES (?, ?, ?, ?, ?, ?, ?) "
      "ON CONFLICT (account, region, group_name, name) DO UPDATE SET document = excluded.document, "
      "token = excluded.token, next_ms = excluded.next_ms",
      name.owner.account, name.owner.region, name.group, name.name, to_json(schedule), token, next_ms);
  if (next_ms == 0) return tx.unschedule(run_task, name.arn());
  // Somewhere in the window, the same for all tries.
  const auto window_ms = window_ms_of(schedule);
  const auto later_ms =
      window_ms == 0 ? 0 : static_cast<std::int64_t>(ids.number() % static_cast<std::uint64_t>(window_ms));
  tx.schedule(Time{next_ms + later_ms}, run_task,
              Map{{"account", name.owner.account},
                  {"region", name.owner.region},
                  {"group", name.group},
                  {"name", name.name},
                  {"at_ms", next_ms}},
              name.arn());
}

void erase_schedule(Transaction& tx, const ScheduleName& name) {
  tx.query("DELETE FROM schedule WHERE account = ? AND region = ? AND group_name = ? AND name = ?", name.owner.account,
           name.owner.region, name.group, name.name);
  tx.unschedule(run_task, name.arn());
}

// What the first run comes after: a new rate without a start runs at once.
Time begins_after(const Call& call, Time now) {
  return call.input["ScheduleExpression"].string().starts_with("rate") ? Time{now.ms - 1} : now;
}

Value document_of(const Call& call, const ScheduleName& name, const Value& created, Time now) {
  Value schedule =
      picked(call.input, {"ActionAfterCompletion", "Description", "EndDate", "FlexibleTimeWindow", "ScheduleExpression",
                          "ScheduleExpressionTimezone", "StartDate", "State", "Target"});
  schedule.set("Arn", name.arn());
  schedule.set("Name", name.name);
  schedule.set("GroupName", name.group);
  schedule.set("State", call.input["State"].string_or("ENABLED"));
  schedule.set("ScheduleExpressionTimezone", call.input["ScheduleExpressionTimezone"].string_or("UTC"));
  if (schedule["ActionAfterCompletion"].is_null()) schedule.set("ActionAfterCompletion", "NONE");
  auto target = schedule["Target"];
  if (target["RetryPolicy"].is_null())
    target.set("RetryPolicy", Map{{"MaximumEventAgeInSeconds", 86400}, {"MaximumRetryAttempts", 185}});
  schedule.set("Target", std::move(target));
  schedule.set("CreationDate", created.is_null() ? Value(now.ms) : created);
  schedule.set("LastModificationDate", now.ms);
  schedule.set("since_ms", now.ms);
  return schedule;
}

}  // namespace

Result<Value> create_schedule(Call& call) {
  if (auto good = check_schedule(call.input); !good) return good.error();
  const auto name = name_of(call);
  const auto token = call.input["ClientToken"].string_or("");
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (auto group = find_group(tx, name.owner, name.group); !group) return group;
    if (const auto before = find_schedule(tx, name)) {
      if (token.empty() || before->token != token)
        return Error{"ConflictException", "Schedule " + name.name + " already exists."};
      return Value(Map{{"ScheduleArn", name.arn()}});
    }
    const auto now = call.kernel.clock.now();
    save_schedule(tx, name, document_of(call, name, {}, now), token, begins_after(call, now), call.kernel.ids);
    return Value(Map{{"ScheduleArn", name.arn()}});
  });
}

Result<Value> delete_schedule(Call& call) {
  const auto name = name_of(call);
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (!find_schedule(tx, name)) return no_such_schedule(name);
    erase_schedule(tx, name);
    return Value(Map{});
  });
}

Result<Value> get_schedule(Call& call) {
  const auto name = name_of(call);
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    auto found = find_schedule(tx, name);
    if (!found) return no_such_schedule(name);
    found->document.map().erase("since_ms");
    return std::move(found->document);
  });
}

// Of one group by name; of all groups by group and name. The token is the place of the last schedule shown.
Result<Value> list_schedules(Call& call) {
  const auto owner = Owner::of(call);
  const auto request = page_request(call);
  std::string after_group, after_name;
  if (!request.token.empty()) {
    const auto place = from_base64(request.token);
    const auto slash = place ? place->find('/') : std::string::npos;
    if (slash == std::string::npos) return invalid_token();
    after_group = place->substr(0, slash);
    after_name = place->substr(slash + 1);
  }
  std::string sql = "SELECT document, group_name, name FROM schedule WHERE account = ? AND region = ?";
  std::vector<Parameter> parameters{owner.account, owner.region};
  const auto add = [&](const char* condition, std::initializer_list<Parameter> more) {
    sql += condition;
    parameters.insert(parameters.end(), more);
  };
  const auto& group = call.input["GroupName"];
  if (group.is_string()) add(" AND group_name = ?", {group});
  if (!request.token.empty())
    add(" AND (group_name > ? OR (group_name = ? AND name > ?))", {after_group, after_group, after_name});
  const std::string beyond = request.prefix + "\x7f";
  if (!request.prefix.empty()) add(" AND name >= ? AND name < ?", {request.prefix, beyond});
  const auto& state = call.input["State"];
  add(" ORDER BY group_name, name LIMIT ?", {request.limit + 1});
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    if (group.is_string())
      if (auto found = find_group(tx, owner, group.string()); !found) return found;
    auto rows = tx.query_with(sql, parameters);
    Map answer;
    if (static_cast<std::int64_t>(rows.size()) > request.limit) {
      rows.pop_back();
      answer.set("NextToken", base64(rows.back()[1].string() + "/" + rows.back()[2].string()));
    }
    List schedules;
    for (const auto& row : rows) {
      const auto schedule = document(row[0]);
      if (!state.is_null() && state != schedule["State"]) continue;
      Value summary = picked(schedule, {"Arn", "CreationDate", "GroupName", "LastModificationDate", "Name", "State"});
      summary.set("Target", Map{{"Arn", schedule["Target"]["Arn"]}});
      schedules.push_back(std::move(summary));
    }
    answer.set("Schedules", std::move(schedules));
    return Value(std::move(answer));
  });
}

// Replaces the whole schedule: what is not given takes its default again.
Result<Value> update_schedule(Call& call) {
  if (auto good = check_schedule(call.input); !good) return good.error();
  const auto name = name_of(call);
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto before = find_schedule(tx, name);
    if (!before) return no_such_schedule(name);
    const auto now = call.kernel.clock.now();
    save_schedule(tx, name, document_of(call, name, before->document["CreationDate"], now), before->token,
                  begins_after(call, now), call.kernel.ids);
    return Value(Map{{"ScheduleArn", name.arn()}});
  });
}

// Writes the next run and this one's delivery in one transaction.
Result<Done> run_schedule(TaskRun& task) {
  const auto& payload = task.payload;
  const ScheduleName name{
      {payload["account"].string(), payload["region"].string()}, payload["group"].string(), payload["name"].string()};
  const auto at_ms = payload["at_ms"].integer();
  const auto execution_id = task.kernel.ids.uuid();
  const auto written = task.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto found = find_schedule(tx, name);
    if (!found || found->next_ms != at_ms) return Value();  // Changed since, or done before.
    const auto& schedule = found->document;
    const auto now = task.kernel.clock.now();
    auto shipment = shipment_of({name, Time{at_ms}, execution_id}, schedule);
    if (!shipment) return shipment.error();
    shipment->began_ms = now.ms;
    ship_later(tx, task.kernel.ids, *shipment, now);
    // Times that were missed while nothing ran are not made up for, but a window may reach over the next time.
    const Time after{std::max(at_ms, now.ms - window_ms_of(schedule))};
    if (is_over(schedule, after) && schedule["ActionAfterCompletion"].string_or("NONE") == "DELETE")
      erase_schedule(tx, name);
    else
      save_schedule(tx, name, schedule, found->token, after, task.kernel.ids);
    return Value();
  });
  if (!written) return written.error();
  return done;
}

}  // namespace moonbase::notifications::scheduler
