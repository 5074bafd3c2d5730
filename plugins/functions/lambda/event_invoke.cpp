#include "lambda/event_invoke.hpp"

#include <algorithm>
#include <moonbase/json.hpp>
#include <stdexcept>

namespace moonbase::functions {
namespace {

std::string qualifier_of(const FunctionName& name) { return name.qualifier.empty() ? "$LATEST" : name.qualifier; }

Value number(const std::optional<std::int64_t>& number) { return number ? Value(*number) : Value(); }

// What trying again will not change.
bool is_final(const Error& error) {
  if (error.status == 501) return true;
  for (const char* part :
       {"NotFound", "NonExistent", "NoSuch", "DoesNotExist", "AccessDenied", "Invalid", "Validation"})
    if (error.code.find(part) != error.code.npos) return true;
  return false;
}

Result<Value> deliver(TaskRun& task, const CallContext& context) {
  const auto& delivery = task.payload;
  const auto& arn = delivery["arn"].string();
  const auto& body = delivery["body"].string();
  if (!is_bucket(arn)) return task.kernel.targets.deliver(context, arn, body, delivery["options"]);
  return task.kernel.services.call(context, "s3", "PutObject",
                                   Map{{"Bucket", arn.substr(arn.rfind(':') + 1)},
                                       {"Key", delivery["options"]["Key"]},
                                       {"Body", body},
                                       {"ContentType", "application/json"}});
}

}  // namespace

EventInvokeConfig event_invoke_of(const Row& row) {
  EventInvokeConfig config;
  if (!row["retries"].is_null()) config.retries = row["retries"].integer();
  if (!row["age_seconds"].is_null()) config.age_seconds = row["age_seconds"].integer();
  const auto destinations = parse_json(row["destinations"].string());
  if (!destinations) throw std::runtime_error("a row of destinations holds no JSON");
  config.on_success = (*destinations)["OnSuccess"].string_or("");
  config.on_failure = (*destinations)["OnFailure"].string_or("");
  config.modified_at = {row["modified_at_ms"].integer()};
  return config;
}

std::optional<EventInvokeConfig> find_event_invoke(Transaction& tx, const FunctionName& name) {
  const auto rows = tx.query(
      "SELECT * FROM function_event_invoke WHERE account = ? AND region = ? AND function = ? AND qualifier = ?",
      name.account, name.region, name.name, qualifier_of(name));
  if (rows.empty()) return std::nullopt;
  return event_invoke_of(rows.front());
}

void put_event_invoke(Transaction& tx, const FunctionName& name, const EventInvokeConfig& config) {
  Map destinations;
  if (!config.on_success.empty()) destinations.set("OnSuccess", config.on_success);
  if (!config.on_failure.empty()) destinations.set("OnFailure", config.on_failure);
  tx.query(
      "INSERT INTO function_event_invoke VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, region, function, "
      "qualifier) DO UPDATE SET retries = excluded.retries, age_seconds = excluded.age_seconds, destinations = "
      "excluded.destinations, modified_at_ms = excluded.modified_at_ms",
      name.account, name.region, name.name, qualifier_of(name), number(config.retries), number(config.age_seconds),
      to_json(Value(std::move(destinations))), config.modified_at);
}

bool is_bucket(std::string_view arn) { return arn.starts_with("arn:aws") && arn.find(":s3:::") == arn.find(':', 4); }

Map bucket_options(const std::string& folder, Time now, Ids& ids) {
  auto moment = iso_8601(now).substr(0, 19);
  auto day = moment.substr(0, 10);
  std::replace(day.begin(), day.end(), '-', '/');
  std::replace(moment.begin(), moment.end(), ':', '.');
  return {{"Key", folder + "/" + day + "/" + moment + "-" + ids.uuid()}};
}

void schedule_delivery(Transaction& tx, Time due, const DestinationDelivery& delivery, const std::string& key) {
  tx.schedule(due, "lambda-destination",
              Map{{"account", delivery.account},
                  {"region", delivery.region},
                  {"role", delivery.role},
                  {"arn", delivery.arn},
                  {"body", delivery.body},
                  {"options", delivery.options},
                  {"since_ms", delivery.since.ms}},
              key);
}

Result<Done> run_delivery(TaskRun& task) {
  const auto& delivery = task.payload;
  const auto& arn = delivery["arn"].string();
  CallContext context = task.context;
  context.identity = {};
  context.identity.account_id = delivery["account"].string();
  context.identity.arn = delivery["role"].string();
  context.region = delivery["region"].string();
  const auto delivered = deliver(task, context);
  if (delivered) return done;
  const auto age_ms = task.kernel.clock.now().ms - delivery["since_ms"].integer();
  if (!is_final(delivered.error()) && age_ms < event_age_seconds_max * 1000) return delivered.error();
  task.kernel.log.warning("a record for the destination " + arn + " was discarded: " + delivered.error().code + ": " +
                          delivered.error().message);
  return done;
}

}  // namespace moonbase::functions
