// Asynchronous invocation: event invoke configs and the detection of recursive loops.
#include "lambda/event_invoke.hpp"
#include "lambda/operations.hpp"
#include "lambda/page.hpp"
#include "lambda/version.hpp"

namespace moonbase::functions {
namespace {

std::string shown_arn(const FunctionName& name) { return name.arn() + (name.qualifier.empty() ? ":$LATEST" : ""); }

Map describe(const FunctionName& name, const EventInvokeConfig& config) {
  const auto destination = [](const std::string& arn) { return arn.empty() ? Map{} : Map{{"Destination", arn}}; };
  Map described{{"LastModified", config.modified_at.ms},
                {"FunctionArn", shown_arn(name)},
                {"DestinationConfig",
                 Map{{"OnSuccess", destination(config.on_success)}, {"OnFailure", destination(config.on_failure)}}}};
  if (config.retries) described.set("MaximumRetryAttempts", *config.retries);
  if (config.age_seconds) described.set("MaximumEventAgeInSeconds", *config.age_seconds);
  return described;
}

Error no_config(const FunctionName& name) {
  return {"ResourceNotFoundException",
          "The function " + shown_arn(name) + " doesn't have an EventInvokeConfig",
          {{"Type", "User"}},
          404};
}

// A destination of events: SQS, SNS, Lambda, EventBridge; S3 where they have failed.
Result<Done> check_destination(const FunctionName& name, const std::string& arn, bool failures) {
  if (arn.empty() || (failures && is_bucket(arn))) return done;
  const auto is = [&](const char* service) { return arn.find(std::string(":") + service + ":") != arn.npos; };
  if (!arn.starts_with("arn:") || !(is("sqs") || is("sns") || is("lambda") || is("events")) || arn.ends_with(".fifo"))
    return invalid_parameter("The destination ARN " + arn + " is invalid.");
  const FunctionName plain{name.account, name.region, name.name, {}};
  if (arn == plain.arn() || arn.starts_with(plain.arn() + ":"))
    return invalid_parameter("You can't specify the function as a destination for itself.");
  return done;
}

// Takes over what the input says. Put begins with an empty config, Update with the present one.
Result<Done> change(const Call& call, const FunctionName& name, EventInvokeConfig& config) {
  const auto& input = call.input;
  if (is_empty(input["DestinationConfig"]) && input["MaximumRetryAttempts"].is_null() &&
      input["MaximumEventAgeInSeconds"].is_null())
    return invalid_parameter("You must specify at least one of error handling or destination setting.");
  if (!input["MaximumRetryAttempts"].is_null()) config.retries = input["MaximumRetryAttempts"].integer();
  if (!input["MaximumEventAgeInSeconds"].is_null()) config.age_seconds = input["MaximumEventAgeInSeconds"].integer();
  if (config.retries && (*config.retries < 0 || *config.retries > event_retries_max))
    return invalid_parameter("MaximumRetryAttempts must be between 0 and 2.");
  if (config.age_seconds && (*config.age_seconds < 60 || *config.age_seconds > event_age_seconds_max))
    return invalid_parameter("MaximumEventAgeInSeconds must be between 60 and 21600.");
  const auto& destinations = input["DestinationConfig"];
  if (!destinations["OnSuccess"].is_null()) config.on_success = destinations["OnSuccess"]["Destination"].string_or("");
  if (!destinations["OnFailure"].is_null()) config.on_failure = destinations["OnFailure"]["Destination"].string_or("");
  if (auto good = check_destination(name, config.on_success, false); !good) return good;
  if (auto good = check_destination(name, config.on_failure, true); !good) return good;
  config.modified_at = call.kernel.clock.now();
  return done;
}

Result<Value> delete_config(Call& call, FunctionService&) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (const auto function = require_function(tx, *name); !function) return function.error();
    if (!find_event_invoke(tx, *name)) return no_config(*name);
    tx.query("DELETE FROM function_event_invoke WHERE account = ? AND region = ? AND function = ? AND qualifier = ?",
             name->account, name->region, name->name, name->qualifier.empty() ? "$LATEST" : name->qualifier);
    return Value(Map{});
  });
}

Result<Value> get_config(Call& call, FunctionService&) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    if (const auto function = require_function(tx, *name); !function) return function.error();
    const auto config = find_event_invoke(tx, *name);
    if (!config) return no_config(*name);
    return Value(describe(*name, *config));
  });
}

Result<Value> list_configs(Call& call, FunctionService&) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  const auto after = page_begin(call);
  if (!after) return after.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    if (const auto function = require_latest(tx, *name); !function) return function.error();
    return read_page(tx, call,
                     {"FunctionEventInvokeConfigs",
                      "SELECT * FROM function_event_invoke WHERE account = ? AND region = ? AND function = ? AND "
                      "qualifier > ? ORDER BY qualifier",
                      {name->account, name->region, name->name, *after}},
                     [&](const Row& row) -> std::optional<PageItem> {
                       const auto& qualifier = row["qualifier"].string();
                       return PageItem{qualifier, describe({name->account, name->region, name->name, qualifier},
                                                           event_invoke_of(row))};
                     });
  });
}

Result<Value> write_config(Call& call, bool update) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (const auto function = require_function(tx, *name); !function) return function.error();
    EventInvokeConfig config;
    if (update) {
      auto present = find_event_invoke(tx, *name);
      if (!present) return no_config(*name);
      config = std::move(*present);
    }
    if (auto changed = change(call, *name, config); !changed) return changed.error();
    put_event_invoke(tx, *name, config);
    return Value(describe(*name, config));
  });
}

Result<Value> put_config(Call& call, FunctionService&) { return write_config(call, false); }
Result<Value> update_config(Call& call, FunctionService&) { return write_config(call, true); }

Result<Value> get_recursion_config(Call& call, FunctionService&) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    if (const auto function = require_latest(tx, *name); !function) return function.error();
    const auto rows =
        tx.query("SELECT recursive_loop FROM function_recursion WHERE account = ? AND region = ? AND function = ?",
                 name->account, name->region, name->name);
    return Value(Map{{"RecursiveLoop", rows.empty() ? Value("Terminate") : rows.front()["recursive_loop"]}});
  });
}

Result<Value> put_recursion_config(Call& call, FunctionService& functions) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  const auto& loop = call.input["RecursiveLoop"].string();
  auto put = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (const auto function = require_latest(tx, *name); !function) return function.error();
    tx.query(
        "INSERT INTO function_recursion VALUES (?, ?, ?, ?) ON CONFLICT (account, region, function) DO UPDATE SET "
        "recursive_loop = excluded.recursive_loop",
        name->account, name->region, name->name, loop);
    return Value(Map{{"RecursiveLoop", loop}});
  });
  if (put) functions.forget_settings(name->account, name->region, name->name);
  return put;
}

}  // namespace

void register_event_invoke_operations(Registrar& registrar, FunctionService& functions) {
  const auto operation = operations_of(registrar, functions);
  operation("DeleteFunctionEventInvokeConfig", delete_config);
  operation("GetFunctionEventInvokeConfig", get_config);
  operation("GetFunctionRecursionConfig", get_recursion_config);
  operation("ListFunctionEventInvokeConfigs", list_configs);
  operation("PutFunctionEventInvokeConfig", put_config);
  operation("PutFunctionRecursionConfig", put_recursion_config);
  operation("UpdateFunctionEventInvokeConfig", update_config);
}

}  // namespace moonbase::functions
