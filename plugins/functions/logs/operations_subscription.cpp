// Subscription filters: what is logged goes on to a function or a stream, as it is written.
#include <zlib.h>

#include <algorithm>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>
#include <stdexcept>
#include <utility>

#include "logs/filter_pattern.hpp"
#include "logs/log_group.hpp"
#include "logs/operations_log.hpp"

namespace moonbase::functions {
namespace {

constexpr std::size_t filters_max = 2;  // Of one group.
constexpr int attempts_max = 10;
constexpr std::size_t message_bytes_max = 512 * 1024;  // Of events: packed, a function's event has room for them.

struct Subscription {
  std::string name, pattern, destination_arn, role_arn, distribution;
  std::int64_t created_at_ms = 0;
};

std::vector<Subscription> subscriptions_of(Transaction& tx, const std::string& account, const std::string& region,
                                           const std::string& group) {
  std::vector<Subscription> subscriptions;
  for (const auto& row : tx.query("SELECT * FROM log_subscription WHERE account = ? AND region = ? AND log_group = ? "
                                  "ORDER BY name",
                                  account, region, group))
    subscriptions.push_back({row["name"].string(), row["pattern"].string(), row["destination_arn"].string(),
                             row["role_arn"].string(), row["distribution"].string(), row["created_at_ms"].integer()});
  return subscriptions;
}

// The service on its own behalf: a function's policy decides.
CallContext as_service(CallContext context, const std::string& account, const std::string& region) {
  context.identity = {};
  context.identity.account_id = account;
  context.identity.arn = "arn:aws:iam::" + account + ":root";
  context.identity.service = "logs.amazonaws.com";
  context.region = region;
  return context;
}

bool is_of(const std::string& arn, const char* service) {
  return arn.find(std::string(":") + service + ":") != arn.npos;
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("gzip cannot begin");
  std::string out(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END) throw std::runtime_error("gzip did not end");
  return out;
}

Result<Value> delete_subscription_filter(Call& call, LogStore&) {
  const auto& group = call.input["logGroupName"].string();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (const auto found = require_group(tx, call, group); !found) return found.error();
    tx.query("DELETE FROM log_subscription WHERE account = ? AND region = ? AND log_group = ? AND name = ?",
             call.context.identity.account_id, call.context.region, group, call.input["filterName"].string());
    if (tx.changes() == 0)
      return Error{"ResourceNotFoundException", "The specified subscription filter does not exist.", {}, 400};
    return Value(Map{});
  });
}

Result<Value> describe_subscription_filters(Call& call, LogStore&) {
  const auto& group = call.input["logGroupName"].string();
  const auto prefix = call.input["filterNamePrefix"].string_or("");
  const auto limit = static_cast<std::size_t>(call.input["limit"].integer_or(50));
  const auto after = log_position(call.input["nextToken"]);
  if (!after) return after.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto found = require_group(tx, call, group);
    if (!found) return found.error();
    List filters;
    Map output;
    for (const auto& one : subscriptions_of(tx, found->account, found->region, group)) {
      if (!one.name.starts_with(prefix) || one.name <= *after) continue;
      if (filters.size() == limit) {
        output.set("nextToken", log_token(filters.back()["filterName"].string()));
        break;
      }
      Map filter{{"filterName", one.name},           {"logGroupName", group},
                 {"filterPattern", one.pattern},     {"destinationArn", one.destination_arn},
                 {"distribution", one.distribution}, {"creationTime", one.created_at_ms}};
      if (!one.role_arn.empty()) filter.set("roleArn", one.role_arn);
      filters.push_back(std::move(filter));
    }
    output.set("subscriptionFilters", std::move(filters));
    return Value(std::move(output));
  });
}

Result<Value> put_subscription_filter(Call& call, LogStore&) {
  const auto& input = call.input;
  const auto &group = input["logGroupName"].string(), &name = input["filterName"].string(),
             &arn = input["destinationArn"].string();
  for (const char* parameter : {"applyOnTransformedLogs", "emitSystemFields", "fieldSelectionCriteria"})
    if (!input[parameter].is_null() && !(input[parameter].is_boolean() && !input[parameter].boolean()))
      return not_implemented(std::string("logs PutSubscriptionFilter ") + parameter);
  if (const auto pattern = LogPattern::parse(input["filterPattern"].string()); !pattern) return pattern.error();
  const bool function = is_of(arn, "lambda");
  if (is_of(arn, "logs")) return not_implemented("logs PutSubscriptionFilter to a destination of another account");
  if (!function && !is_of(arn, "kinesis") && !is_of(arn, "firehose"))
    return log_parameter("destinationArn for vendor " + arn + " cannot be used with this operation.");
  if (!function && input["roleArn"].string_or("").empty())
    return log_parameter("destinationArn for vendor " + std::string(is_of(arn, "kinesis") ? "kinesis" : "firehose") +
                         " cannot be used without roleArn");
  const auto &account = call.context.identity.account_id, &region = call.context.region;
  if (function) {
    const auto permitted = call.kernel.services.call(as_service(call.context, account, region), "lambda", "Invoke",
                                                     Map{{"FunctionName", arn}, {"InvocationType", "DryRun"}});
    if (!permitted)
      return log_parameter(
          "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission "
          "to execute your function.");
  }
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (const auto found = require_group(tx, call, group); !found) return found.error();
    const auto present = subscriptions_of(tx, account, region, group);
    const bool known =
        std::any_of(present.begin(), present.end(), [&](const Subscription& one) { return one.name == name; });
    if (!known && present.size() >= filters_max)
      return Error{"LimitExceededException", "Resource limit exceeded.", {}, 400};
    tx.query(
        "INSERT INTO log_subscription VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, region, log_group, "
        "name) DO UPDATE SET pattern = excluded.pattern, destination_arn = excluded.destination_arn, role_arn = "
        "excluded.role_arn, distribution = excluded.distribution",
        account, region, group, name, input["filterPattern"].string(), arn, input["roleArn"].string_or(""),
        input["distribution"].string_or("ByLogStream"), call.kernel.clock.now());
    return Value(Map{});
  });
}

}  // namespace

namespace {

// One message of some of a chunk's events.
Result<Done> deliver(TaskRun& task, const Subscription& to, List events) {
  const auto &account = task.payload["account"].string(), &region = task.payload["region"].string(),
             &stream = task.payload["stream"].string();
  const auto data = gzip(to_json(Value(Map{{"messageType", "DATA_MESSAGE"},
                                           {"owner", account},
                                           {"logGroup", task.payload["group"]},
                                           {"logStream", stream},
                                           {"subscriptionFilters", List{to.name}},
                                           {"logEvents", std::move(events)}})));
  const bool function = is_of(to.destination_arn, "lambda");
  auto payload = function ? to_json(Value(Map{{"awslogs", Map{{"data", base64(data)}}}})) : data;
  const auto delivered =
      task.kernel.targets.deliver(as_service(task.context, account, region), to.destination_arn, std::move(payload),
                                  function ? Map{} : Map{{"PartitionKey", stream}});
  if (delivered) return done;
  const auto& error = delivered.error();
  if (error.status != 501 && task.attempt < attempts_max) return error;
  task.kernel.log.warning("log events for " + to.destination_arn + " were discarded: " + error.code + ": " +
                          error.message);
  return done;
}

}  // namespace

// Hands one chunk to all subscriptions of its group. What cannot be delivered is tried again with the whole
// chunk, so a destination may see it twice.
Result<Done> run_subscription(TaskRun& task) {
  const auto &account = task.payload["account"].string(), &region = task.payload["region"].string(),
             &group = task.payload["group"].string(), &stream = task.payload["stream"].string();
  std::vector<Subscription> subscriptions;
  std::string chunk;
  const auto read = task.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    subscriptions = subscriptions_of(tx, account, region, group);
    const auto rows = tx.query(
        "SELECT events FROM log_chunk WHERE account = ? AND region = ? AND log_group = ? AND "
        "log_stream = ? AND first_ms = ? AND sequence = ?",
        account, region, group, stream, task.payload["first_ms"].integer(), task.payload["sequence"].integer());
    if (!rows.empty()) chunk = rows.front()[0].string();
    return Value();
  });
  if (!read) return read.error();
  const auto all = LogStore::read(chunk);
  for (const auto& one : subscriptions) {
    const auto pattern = LogPattern::parse(one.pattern);
    if (!pattern) throw std::runtime_error("a subscription's row holds no filter pattern");
    List events;
    std::size_t bytes = 0;
    for (const auto& event : all) {
      if (!pattern->matches(event.text)) continue;
      if (!events.empty() && bytes + event.text.size() > message_bytes_max) {
        if (auto sent = deliver(task, one, std::exchange(events, {})); !sent) return sent;
        bytes = 0;
      }
      bytes += event.text.size();
      events.push_back(
          Map{{"id", std::to_string(event.sequence)}, {"timestamp", event.at.ms}, {"message", event.text}});
    }
    if (events.empty()) continue;
    if (auto sent = deliver(task, one, std::move(events)); !sent) return sent;
  }
  return done;
}

void register_subscription_operations(Registrar& registrar, LogStore& logs) {
  const auto operation = [&](const char* name, Result<Value> (*run)(Call&, LogStore&)) {
    registrar.operation(name, [run, &logs](Call& call) { return run(call, logs); });
  };
  operation("DeleteSubscriptionFilter", delete_subscription_filter);
  operation("DescribeSubscriptionFilters", describe_subscription_filters);
  operation("PutSubscriptionFilter", put_subscription_filter);
}

}  // namespace moonbase::functions
