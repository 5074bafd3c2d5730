// Subscription filters: what is logged goes on to a function or a stream, as it is written.
#include <zlib.h>

#include <algorithm>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>
#include <stdexcept>

#include "logs/filter_pattern.hpp"
#include "logs/log_group.hpp"
#include "logs/operations_log.hpp"

namespace moonbase::functions {
namespace {

constexpr std::size_t filters_max = 2;  // Of one group.
constexpr int attempts_max = 10;

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
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto found = require_group(tx, call, group);
    if (!found) return found.error();
    List filters;
    for (const auto& one : subscriptions_of(tx, found->account, found->region, group)) {
      if (!one.name.starts_with(prefix)) continue;
      Map filter{{"filterName", one.name},           {"logGroupName", group},
                 {"filterPattern", one.pattern},     {"destinationArn", one.destination_arn},
                 {"distribution", one.distribution}, {"creationTime", one.created_at_ms}};
      if (!one.role_arn.empty()) filter.set("roleArn", one.role_arn);
      filters.push_back(std::move(filter));
    }
    return Value(Map{{"subscriptionFilters", std::move(filters)}});
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
    const auto found =
        call.kernel.services.call(call.context, "lambda", "GetFunctionConfiguration", Map{{"FunctionName", arn}});
    if (!found)
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
        "name) DO "
        "UPDATE SET pattern = excluded.pattern, destination_arn = excluded.destination_arn, role_arn = "
        "excluded.role_arn, "
        "distribution = excluded.distribution",
        account, region, group, name, input["filterPattern"].string(), arn, input["roleArn"].string_or(""),
        input["distribution"].string_or("ByLogStream"), call.kernel.clock.now());
    return Value(Map{});
  });
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
        "log_stream = ? AND sequence = ?",
        account, region, group, stream, task.payload["sequence"].integer());
    if (!rows.empty()) chunk = rows.front()[0].string();
    return Value();
  });
  if (!read) return read.error();
  CallContext context = task.context;
  context.identity = {};
  context.identity.account_id = account;
  context.identity.arn = "arn:aws:iam::" + account + ":root";
  context.region = region;
  for (const auto& one : subscriptions) {
    const auto pattern = LogPattern::parse(one.pattern);
    if (!pattern) continue;
    List events;
    for (const auto& event : LogStore::read(chunk))
      if (pattern->matches(event.text))
        events.push_back(
            Map{{"id", std::to_string(event.sequence)}, {"timestamp", event.at.ms}, {"message", event.text}});
    if (events.empty()) continue;
    const auto data = gzip(to_json(Value(Map{{"messageType", "DATA_MESSAGE"},
                                             {"owner", account},
                                             {"logGroup", group},
                                             {"logStream", stream},
                                             {"subscriptionFilters", List{one.name}},
                                             {"logEvents", std::move(events)}})));
    const bool function = is_of(one.destination_arn, "lambda");
    auto payload = function ? to_json(Value(Map{{"awslogs", Map{{"data", base64(data)}}}})) : data;
    const auto delivered = task.kernel.targets.deliver(context, one.destination_arn, std::move(payload),
                                                       function ? Map{} : Map{{"PartitionKey", stream}});
    if (delivered) continue;
    const auto& error = delivered.error();
    if (error.status != 501 && task.attempt < attempts_max) return error;
    task.kernel.log.warning("log events for " + one.destination_arn + " were discarded: " + error.code + ": " +
                            error.message);
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
