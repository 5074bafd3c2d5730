// Log groups and streams: their lives, retention, keys and tags.
#include <algorithm>
#include <array>
#include <charconv>
#include <moonbase/json.hpp>

#include "logs/log_group.hpp"
#include "logs/operations_log.hpp"

namespace moonbase::functions {
namespace {

constexpr std::array retentions = {1,   3,   5,   7,   14,   30,   60,   90,   120,  150,  180,
                                   365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653};
constexpr std::int64_t day_ms = 86'400'000;
constexpr std::int64_t groups_page = 50, streams_page = 50;

std::string retention_key(const std::string& account, const std::string& region, const std::string& group) {
  return account + "/" + region + "/" + group;
}

Result<Value> associate_kms_key(Call& call, LogStore&) {
  const auto name = call.input["logGroupName"].is_null()
                        ? group_in_arn(call, call.input["resourceIdentifier"].string_or(""))
                        : Result<std::string>(call.input["logGroupName"].string());
  if (!name) return name.error();
  const bool away = call.operation == "DisassociateKmsKey";
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (const auto group = require_group(tx, call, *name); !group) return group.error();
    tx.query("UPDATE log_group SET kms_key = ? WHERE account = ? AND region = ? AND name = ?",
             away ? std::string() : call.input["kmsKeyId"].string(), call.context.identity.account_id,
             call.context.region, *name);
    return Value(Map{});
  });
}

Result<Value> create_log_group(Call& call, LogStore&) {
  const auto& name = call.input["logGroupName"].string();
  const auto group_class = call.input["logGroupClass"].string_or("STANDARD");
  if (group_class == "DELIVERY") return not_implemented("logs CreateLogGroup logGroupClass " + group_class);
  const Map tags = call.input["tags"].is_map() ? call.input["tags"].map() : Map{};
  if (auto good = check_log_tags(tags); !good) return good.error();
  const auto& account = call.context.identity.account_id;
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (find_group(tx, account, call.context.region, name))
      return Error{"ResourceAlreadyExistsException", "The specified log group already exists", {}, 400};
    tx.query("INSERT INTO log_group VALUES (?, ?, ?, ?, NULL, ?, ?, ?, ?, 0, 0)", account, call.context.region, name,
             call.kernel.clock.now(), group_class, call.input["kmsKeyId"].string_or(""),
             call.input["deletionProtectionEnabled"].boolean_or(false) ? 1 : 0, to_json(Value(tags)));
    return Value(Map{});
  });
}

Result<Value> create_log_stream(Call& call, LogStore&) {
  const auto& group = call.input["logGroupName"].string();
  const auto& name = call.input["logStreamName"].string();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (const auto found = require_group(tx, call, group); !found) return found.error();
    tx.query("INSERT INTO log_stream VALUES (?, ?, ?, ?, ?, NULL, 0, NULL) ON CONFLICT DO NOTHING",
             call.context.identity.account_id, call.context.region, group, name, call.kernel.clock.now());
    if (tx.changes() == 0)
      return Error{"ResourceAlreadyExistsException", "The specified log stream already exists", {}, 400};
    return Value(Map{});
  });
}

Result<Value> delete_log_group(Call& call, LogStore& logs) {
  logs.flush();
  const auto& name = call.input["logGroupName"].string();
  const auto &account = call.context.identity.account_id, &region = call.context.region;
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto group = require_group(tx, call, name);
    if (!group) return group.error();
    if (group->is_protected)
      return Error{
          "ValidationException", "The log group has deletion protection enabled and cannot be deleted.", {}, 400};
    for (const char* table : {"log_chunk", "log_stream", "log_subscription"})
      tx.query("DELETE FROM " + std::string(table) + " WHERE account = ? AND region = ? AND log_group = ?", account,
               region, name);
    tx.query("DELETE FROM log_group WHERE account = ? AND region = ? AND name = ?", account, region, name);
    tx.unschedule("logs-retention", retention_key(account, region, name));
    return Value(Map{});
  });
}

Result<Value> delete_log_stream(Call& call, LogStore& logs) {
  logs.flush();
  const auto& group = call.input["logGroupName"].string();
  const auto& name = call.input["logStreamName"].string();
  const auto &account = call.context.identity.account_id, &region = call.context.region;
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (const auto found = require_group(tx, call, group); !found) return found.error();
    tx.query("DELETE FROM log_stream WHERE account = ? AND region = ? AND log_group = ? AND name = ?", account, region,
             group, name);
    if (tx.changes() == 0) return no_stream();
    tx.query("DELETE FROM log_chunk WHERE account = ? AND region = ? AND log_group = ? AND log_stream = ?", account,
             region, group, name);
    return Value(Map{});
  });
}

// What a listing of groups asks for.
struct GroupFilter {
  std::string prefix, part, group_class;
  std::vector<std::string> parts, only;  // parts: one of them; a "^" in front ties it to the beginning.

  bool matches(const LogGroup& group) const {
    if (group.name.find(part) == std::string::npos) return false;
    if (!group_class.empty() && group.group_class != group_class) return false;
    const auto holds = [&](const std::string& one) {
      return one.starts_with('^') ? group.name.starts_with(one.substr(1)) : group.name.find(one) != std::string::npos;
    };
    if (!parts.empty() && std::none_of(parts.begin(), parts.end(), holds)) return false;
    return only.empty() || std::find(only.begin(), only.end(), group.name) != only.end();
  }
};

// One page, by name; `shown` makes the answer's entries.
template <class Shown>
Result<Value> list_groups(Call& call, const GroupFilter& filter, std::size_t limit, Shown shown) {
  const auto after = log_position(call.input["nextToken"]);
  if (!after) return after.error();
  const auto from = std::max(*after, filter.prefix);
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    List groups;
    Map output;
    std::string last;
    tx.each("SELECT * FROM log_group WHERE account = ? AND region = ? AND name >= ? ORDER BY name",
            {call.context.identity.account_id, call.context.region, from}, [&](const Row& row) {
              const auto group = log_group_of(row);
              if (!after->empty() && group.name <= *after) return true;
              if (!group.name.starts_with(filter.prefix)) return false;
              if (!filter.matches(group)) return true;
              if (groups.size() == limit) {
                output.set("nextToken", log_token(last));
                return false;
              }
              last = group.name;
              groups.push_back(shown(group));
              return true;
            });
    output.set("logGroups", std::move(groups));
    return Value(std::move(output));
  });
}

Result<Done> refuse_other_accounts(const Call& call) {
  for (const char* parameter : {"accountIdentifiers", "includeLinkedAccounts"})
    if (call.input[parameter].is_list() || call.input[parameter].boolean_or(false))
      return not_implemented("logs " + std::string(call.operation) + " " + parameter);
  return done;
}

Result<Value> describe_log_groups(Call& call, LogStore& logs) {
  logs.flush();
  if (auto ours = refuse_other_accounts(call); !ours) return ours.error();
  GroupFilter filter;
  filter.prefix = call.input["logGroupNamePrefix"].string_or("");
  filter.part = call.input["logGroupNamePattern"].string_or("");
  filter.group_class = call.input["logGroupClass"].string_or("");
  if (!filter.prefix.empty() && !filter.part.empty())
    return log_parameter("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.");
  if (call.input["logGroupIdentifiers"].is_list()) {
    for (const auto& each : call.input["logGroupIdentifiers"].list()) {
      auto name = group_in_arn(call, each.string());
      if (!name) return name.error();
      filter.only.push_back(std::move(*name));
    }
  }
  const auto limit = call.input["limit"].integer_or(groups_page);
  return list_groups(call, filter, static_cast<std::size_t>(limit), describe);
}

Result<Value> list_log_groups(Call& call, LogStore& logs) {
  logs.flush();
  if (auto ours = refuse_other_accounts(call); !ours) return ours.error();
  for (const char* parameter : {"dataSources", "fieldIndexNames", "logGroupTags"})
    if (!call.input[parameter].is_null()) return not_implemented(std::string("logs ListLogGroups ") + parameter);
  GroupFilter filter;
  filter.group_class = call.input["logGroupClass"].string_or("");
  const auto pattern = call.input["logGroupNamePattern"].string_or("");
  for (std::string_view rest = pattern; !rest.empty();) {
    const auto part = rest.substr(0, rest.find('|'));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    filter.parts.emplace_back(part);
  }
  const auto limit = call.input["limit"].integer_or(groups_page);
  return list_groups(call, filter, static_cast<std::size_t>(limit), [](const LogGroup& group) {
    return Map{{"logGroupName", group.name}, {"logGroupArn", group.arn()}, {"logGroupClass", group.group_class}};
  });
}

Map describe_stream(const LogGroup& group, const Row& row) {
  const auto& name = row["name"].string();
  Map stream{{"logStreamName", name},
             {"creationTime", row["created_at_ms"]},
             {"arn", group.arn() + ":log-stream:" + name},
             {"storedBytes", 0}};
  if (row["first_ms"].is_null()) return stream;
  stream.set("firstEventTimestamp", row["first_ms"]);
  stream.set("lastEventTimestamp", row["last_ms"]);
  stream.set("lastIngestionTime", row["ingested_ms"]);
  stream.set("uploadSequenceToken", "0");
  return stream;
}

Result<Value> describe_log_streams(Call& call, LogStore& logs) {
  logs.flush();
  const auto group_name = group_named(call);
  if (!group_name) return group_name.error();
  const auto after = log_position(call.input["nextToken"]);
  if (!after) return after.error();
  const auto prefix = call.input["logStreamNamePrefix"].string_or("");
  const bool by_time = call.input["orderBy"].string_or("LogStreamName") == "LastEventTime";
  const bool descending = call.input["descending"].boolean_or(false);
  if (by_time && !prefix.empty()) return log_parameter("Cannot order by LastEventTime with a logStreamNamePrefix.");
  const auto limit = call.input["limit"].integer_or(streams_page);
  // Where the page before ended: "time name", or a name.
  std::int64_t after_ms = 0;
  std::string after_name = *after;
  if (by_time && !after->empty()) {
    const auto space = after->find(' ');
    const auto end = after->data() + std::min(space, after->size());
    if (space == after->npos || std::from_chars(after->data(), end, after_ms).ptr != end)
      return log_parameter("The specified nextToken is invalid.");
    after_name = after->substr(space + 1);
  }
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto group = require_group(tx, call, *group_name);
    if (!group) return group.error();
    std::string sql =
        "SELECT name, created_at_ms, first_ms, last_ms, ingested_ms FROM log_stream WHERE account = ? AND region = ? "
        "AND log_group = ?";
    std::vector<Parameter> parameters{group->account, group->region, group->name};
    const std::string beyond = prefix + "\xf4\x8f\xbf\xbf";  // No name that begins with the prefix comes behind it.
    if (!prefix.empty()) {
      sql += " AND name >= ? AND name < ?";
      parameters.insert(parameters.end(), {Parameter(prefix), Parameter(beyond)});
    }
    const std::string compare = descending ? " < " : " > ", order = descending ? " DESC" : "";
    if (!after->empty() && by_time) {
      sql += " AND (last_ms, name)" + compare + "(?, ?)";
      parameters.insert(parameters.end(), {Parameter(after_ms), Parameter(after_name)});
    } else if (!after->empty()) {
      sql += " AND name" + compare + "?";
      parameters.emplace_back(after_name);
    }
    sql += by_time ? " ORDER BY last_ms" + order + ", name" + order : " ORDER BY name" + order;
    parameters.emplace_back(limit + 1);
    const auto rows = tx.query_with(sql + " LIMIT ?", parameters);
    List streams;
    Map output;
    for (const auto& row : rows) {
      if (streams.size() == static_cast<std::size_t>(limit)) {
        const auto& last = rows[streams.size() - 1];
        output.set("nextToken", log_token((by_time ? std::to_string(last["last_ms"].integer()) + " " : std::string()) +
                                          last["name"].string()));
        break;
      }
      streams.push_back(describe_stream(*group, row));
    }
    output.set("logStreams", std::move(streams));
    return Value(std::move(output));
  });
}

// --- retention -----------------------------------------------------------------------------------

Result<Value> delete_retention_policy(Call& call, LogStore&) {
  const auto& name = call.input["logGroupName"].string();
  const auto &account = call.context.identity.account_id, &region = call.context.region;
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (const auto group = require_group(tx, call, name); !group) return group.error();
    tx.query("UPDATE log_group SET retention_days = NULL WHERE account = ? AND region = ? AND name = ?", account,
             region, name);
    tx.unschedule("logs-retention", retention_key(account, region, name));
    return Value(Map{});
  });
}

Result<Value> put_retention_policy(Call& call, LogStore&) {
  const auto& name = call.input["logGroupName"].string();
  const auto days = call.input["retentionInDays"].integer();
  if (std::find(retentions.begin(), retentions.end(), days) == retentions.end())
    return log_parameter("1 validation error detected: Value '" + std::to_string(days) +
                         "' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: [1, "
                         "3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, "
                         "3288, 3653]");
  const auto &account = call.context.identity.account_id, &region = call.context.region;
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (const auto group = require_group(tx, call, name); !group) return group.error();
    tx.query("UPDATE log_group SET retention_days = ? WHERE account = ? AND region = ? AND name = ?", days, account,
             region, name);
    tx.schedule(call.kernel.clock.now(), "logs-retention",
                Map{{"account", account}, {"region", region}, {"group", name}}, retention_key(account, region, name));
    return Value(Map{});
  });
}

Result<Value> put_deletion_protection(Call& call, LogStore&) {
  const auto name = group_named(call);
  if (!name) return name.error();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (const auto group = require_group(tx, call, *name); !group) return group.error();
    tx.query("UPDATE log_group SET protected = ? WHERE account = ? AND region = ? AND name = ?",
             call.input["deletionProtectionEnabled"].boolean() ? 1 : 0, call.context.identity.account_id,
             call.context.region, *name);
    return Value(Map{});
  });
}

// --- tags ----------------------------------------------------------------------------------------

// logGroupName of the old operations, resourceArn of the new ones.
Result<LogGroup> tagged_group(Transaction& tx, const Call& call) {
  if (!call.input["logGroupName"].is_null()) return require_group(tx, call, call.input["logGroupName"].string());
  const auto name = group_in_arn(call, call.input["resourceArn"].string_or(""));
  if (!name) return name.error();
  return require_group(tx, call, *name);
}

Result<Value> list_tags(Call& call, LogStore&) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto group = tagged_group(tx, call);
    if (!group) return group.error();
    return Value(Map{{"tags", group->tags}});
  });
}

template <class Change>
Result<Value> change_tags(Call& call, Change change) {
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto group = tagged_group(tx, call);
    if (!group) return group.error();
    change(group->tags);
    if (auto good = check_log_tags(group->tags); !good) return good.error();
    tx.query("UPDATE log_group SET tags = ? WHERE account = ? AND region = ? AND name = ?", to_json(Value(group->tags)),
             group->account, group->region, group->name);
    return Value(Map{});
  });
}

Result<Value> tag(Call& call, LogStore&) {
  return change_tags(call, [&](Map& tags) {
    for (const auto& [key, value] : call.input["tags"].map()) tags.set(key, value);
  });
}

Result<Value> untag(Call& call, LogStore&) {
  const auto& keys = call.input[call.operation == "UntagLogGroup" ? "tags" : "tagKeys"].list();
  return change_tags(call, [&](Map& tags) {
    for (const auto& key : keys) tags.erase(key.string());
  });
}

}  // namespace

// Removes what has expired, and looks again a day later.
Result<Done> run_retention(TaskRun& task) {
  const auto account = task.payload["account"].string(), region = task.payload["region"].string(),
             name = task.payload["group"].string();
  const auto now = task.kernel.clock.now();
  const auto swept = task.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto group = find_group(tx, account, region, name);
    if (!group || group->retention_days == 0) return Value();
    std::int64_t bytes = 0;
    const auto oldest = group->oldest(now);  // Of both ends, as the index is by the first.
    for (const auto& row : tx.query("DELETE FROM log_chunk WHERE account = ? AND region = ? AND log_group = ? AND "
                                    "first_ms <= ? AND last_ms <= ? RETURNING LENGTH(events) AS bytes",
                                    account, region, name, oldest, oldest))
      bytes += row["bytes"].integer();
    if (bytes > 0)
      tx.query("UPDATE log_group SET stored_bytes = stored_bytes - ? WHERE account = ? AND region = ? AND name = ?",
               bytes, account, region, name);
    tx.schedule(Time{now.ms + day_ms}, "logs-retention", task.payload, retention_key(account, region, name));
    return Value();
  });
  if (!swept) return swept.error();
  return done;
}

void register_group_operations(Registrar& registrar, LogStore& logs) {
  const auto operation = [&](const char* name, Result<Value> (*run)(Call&, LogStore&)) {
    registrar.operation(name, [run, &logs](Call& call) { return run(call, logs); });
  };
  operation("AssociateKmsKey", associate_kms_key);
  operation("CreateLogGroup", create_log_group);
  operation("CreateLogStream", create_log_stream);
  operation("DeleteLogGroup", delete_log_group);
  operation("DeleteLogStream", delete_log_stream);
  operation("DeleteRetentionPolicy", delete_retention_policy);
  operation("DescribeLogGroups", describe_log_groups);
  operation("DescribeLogStreams", describe_log_streams);
  operation("DisassociateKmsKey", associate_kms_key);
  operation("ListLogGroups", list_log_groups);
  operation("ListTagsForResource", list_tags);
  operation("ListTagsLogGroup", list_tags);
  operation("PutLogGroupDeletionProtection", put_deletion_protection);
  operation("PutRetentionPolicy", put_retention_policy);
  operation("TagLogGroup", tag);
  operation("TagResource", tag);
  operation("UntagLogGroup", untag);
  operation("UntagResource", untag);
}

}  // namespace moonbase::functions
