#include "lambda/event_source_mapping.hpp"

#include <algorithm>
#include <array>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>
#include <stdexcept>

#include "lambda/event_invoke.hpp"
#include "lambda/settings.hpp"

namespace moonbase::functions {
namespace {

constexpr std::int64_t window_seconds_max = 900;
// Pollers of a queue, and the batches that each of them runs beside each other.
constexpr std::int64_t pollers_min = 2, pollers_usual = 200, pollers_max = 2000, poller_batches = 10;

// Parameters that only streams have.
constexpr std::array stream_parameters = {"BisectBatchOnFunctionError", "MaximumRecordAgeInSeconds",
                                          "MaximumRetryAttempts",       "ParallelizationFactor",
                                          "TumblingWindowInSeconds",    "DestinationConfig"};

// How many pollers a queue has: the most of them say how many batches run beside each other.
Result<Done> check_pollers(const EventSourceMapping& mapping) {
  const auto* pollers = mapping.configuration.find("ProvisionedPollerConfig");
  if (!pollers) return done;
  if (!is_empty((*pollers)["PollerGroupName"]))
    return not_implemented("lambda ProvisionedPollerConfig PollerGroupName");
  if (mapping.configuration.contains("ScalingConfig"))
    return invalid_parameter("ScalingConfig and ProvisionedPollerConfig cannot be used together.");
  const auto least = (*pollers)["MinimumPollers"].integer_or(pollers_min),
             most = (*pollers)["MaximumPollers"].integer_or(pollers_usual);
  if (least < pollers_min || least > pollers_usual)
    return invalid_parameter("MinimumPollers must be between 2 and 200 for SQS event sources.");
  if (most < pollers_min || most > pollers_max)
    return invalid_parameter("MaximumPollers must be between 2 and 2000 for SQS event sources.");
  if (least > most) return invalid_parameter("MinimumPollers must be less than or equal to MaximumPollers.");
  return done;
}

Result<Done> check_queue(const Call& call, EventSourceMapping& mapping, bool create) {
  const auto& input = call.input;
  for (const char* parameter : stream_parameters)
    if (!is_empty(input[parameter]))
      return invalid_parameter(std::string(parameter) + " is not supported for SQS event sources.");
  if (create && !is_empty(input["StartingPosition"]))
    return invalid_parameter("StartingPosition is not valid for SQS event sources.");
  const auto batch = mapping.number("BatchSize", 10), window = mapping.number("MaximumBatchingWindowInSeconds", 0);
  if (auto good = check_pollers(mapping); !good) return good;
  if (mapping.is_fifo() && batch > 10)
    return invalid_parameter("Batch size " + std::to_string(batch) +
                             " is not supported for FIFO queues, maximum is 10.");
  if (mapping.is_fifo() && window > 0) return invalid_parameter("Batching window is not supported for FIFO queues.");
  if (batch > 10 && window == 0)
    return invalid_parameter(
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10");
  return done;
}

Result<Done> check_stream(const Call& call, EventSourceMapping& mapping, bool create) {
  const auto& input = call.input;
  if (!is_empty(input["ScalingConfig"]))
    return invalid_parameter("ScalingConfig is only supported for SQS event sources.");
  if (!is_empty(input["ProvisionedPollerConfig"]))
    return invalid_parameter("ProvisionedPollerConfig is only supported for SQS and Kafka event sources.");
  if (create) {
    const auto from = input["StartingPosition"].string_or("");
    if (from.empty())
      return Error{"ValidationException",
                   "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member "
                   "must not be null.",
                   {{"Type", "User"}},
                   400};
    if (from == "AT_TIMESTAMP" && mapping.kind() == SourceKind::dynamodb)
      return invalid_parameter("Unsupported starting position for arn type: " + mapping.source_arn);
    if (from == "AT_TIMESTAMP" && input["StartingPositionTimestamp"].is_null())
      return invalid_parameter("Timestamp is required for AT_TIMESTAMP shard iterator.");
    mapping.start_at = {input["StartingPositionTimestamp"].integer_or(0)};
  }
  const auto window = mapping.number("TumblingWindowInSeconds", 0);
  if (window < 0 || window > window_seconds_max)
    return invalid_parameter("TumblingWindowInSeconds must be between 0 and 900.");
  const auto age = mapping.number("MaximumRecordAgeInSeconds", -1);
  if (age != -1 && age < 60) return invalid_parameter("MaximumRecordAgeInSeconds must be -1 or at least 60.");
  return done;
}

Result<Done> check_failure_destination(const EventSourceMapping& mapping) {
  const auto arn = mapping.on_failure();
  if (arn.empty() || is_bucket(arn)) return done;
  if (!arn.starts_with("arn:") || (arn.find(":sqs:") == arn.npos && arn.find(":sns:") == arn.npos))
    return invalid_parameter("The destination ARN " + arn + " is invalid.");
  return done;
}

}  // namespace

std::optional<SourceKind> source_kind(std::string_view arn) {
  const auto is = [&](std::string_view service) {
    return arn.starts_with("arn:") && arn.find(":" + std::string(service) + ":") == arn.find(':', 4);
  };
  if (is("sqs")) return SourceKind::sqs;
  if (is("dynamodb")) return SourceKind::dynamodb;
  if (is("kinesis")) return SourceKind::kinesis;
  return std::nullopt;
}

SourceKind EventSourceMapping::kind() const { return source_kind(source_arn).value_or(SourceKind::sqs); }

std::int64_t EventSourceMapping::number(const char* member, std::int64_t otherwise) const {
  const auto* found = configuration.find(member);
  return found ? found->integer_or(otherwise) : otherwise;
}

bool EventSourceMapping::flag(const char* member) const {
  const auto* found = configuration.find(member);
  return found && found->boolean_or(false);
}

bool EventSourceMapping::reports_failures() const {
  const auto* types = configuration.find("FunctionResponseTypes");
  return types && types->is_list() && !types->list().empty();
}

std::int64_t EventSourceMapping::batches_max() const {
  if (const auto* scaling = configuration.find("ScalingConfig"))
    return (*scaling)["MaximumConcurrency"].integer_or(poller_batches);
  if (const auto* pollers = configuration.find("ProvisionedPollerConfig"))
    return (*pollers)["MaximumPollers"].integer_or(pollers_usual) * poller_batches;
  return poller_batches;
}

std::string EventSourceMapping::on_failure() const {
  const auto* config = configuration.find("DestinationConfig");
  return config ? (*config)["OnFailure"]["Destination"].string_or("") : "";
}

EventSourceMapping mapping_of(const Row& row) {
  auto configuration = parse_json(row["configuration"].string());
  if (!configuration || !configuration->is_map()) throw std::runtime_error("a mapping's row holds no JSON object");
  auto tags = parse_json(row["tags"].string());
  if (!tags || !tags->is_map()) throw std::runtime_error("a mapping's row holds no tags");
  return {{row["account"].string(), row["region"].string(), row["function"].string(), row["qualifier"].string()},
          row["uuid"].string(),
          row["source_arn"].string(),
          row["enabled"].integer() != 0,
          std::move(configuration->map()),
          {row["start_at_ms"].integer()},
          {row["modified_at_ms"].integer()},
          std::move(tags->map())};
}

std::optional<EventSourceMapping> find_mapping(Transaction& tx, const std::string& account, const std::string& region,
                                               std::string_view uuid) {
  const auto rows = tx.query("SELECT * FROM event_source_mapping WHERE account = ? AND region = ? AND uuid = ?",
                             account, region, uuid);
  if (rows.empty()) return std::nullopt;
  return mapping_of(rows.front());
}

void put_mapping(Transaction& tx, const EventSourceMapping& mapping) {
  tx.query(
      "INSERT INTO event_source_mapping VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, region, uuid) "
      "DO "
      "UPDATE SET function = excluded.function, qualifier = excluded.qualifier, enabled = excluded.enabled, "
      "configuration = excluded.configuration, modified_at_ms = excluded.modified_at_ms, tags = "
      "excluded.tags",
      mapping.function.account, mapping.function.region, mapping.uuid, mapping.function.name,
      mapping.function.qualifier, mapping.source_arn, mapping.enabled ? 1 : 0, to_json(Value(mapping.configuration)),
      mapping.start_at, mapping.modified_at, to_json(Value(mapping.tags)));
}

Map describe(const EventSourceMapping& mapping, std::string_view state, std::string_view last_result) {
  Map described{{"UUID", mapping.uuid},
                {"EventSourceArn", mapping.source_arn},
                {"EventSourceMappingArn", "arn:aws:lambda:" + mapping.function.region + ":" + mapping.function.account +
                                              ":event-source-mapping:" + mapping.uuid},
                {"FunctionArn", mapping.function.arn()},
                {"LastModified", mapping.modified_at.ms},
                {"State", state},
                {"StateTransitionReason", mapping.kind() == SourceKind::sqs ? "USER_INITIATED" : "User action"}};
  for (const auto& [name, value] : mapping.configuration) described.set(name, value);
  if (mapping.kind() != SourceKind::sqs) described.set("LastProcessingResult", last_result);
  if (mapping.start_at.ms > 0) described.set("StartingPositionTimestamp", mapping.start_at.ms);
  return described;
}

Result<Done> change_mapping(const Call& call, EventSourceMapping& mapping, bool create) {
  const auto& input = call.input;
  for (const char* parameter :
       {"AmazonManagedKafkaEventSourceConfig", "DocumentDBEventSourceConfig", "Queues", "SelfManagedEventSource",
        "SelfManagedKafkaEventSourceConfig", "SourceAccessConfigurations", "Topics", "LoggingConfig", "MetricsConfig"})
    if (!is_empty(input[parameter])) return not_implemented("lambda " + std::string(call.operation) + " " + parameter);
  const bool queue = mapping.kind() == SourceKind::sqs;
  auto& configuration = mapping.configuration;
  if (create) {
    if (input["Tags"].is_map()) mapping.tags = input["Tags"].map();
    if (auto good = check_tags(mapping.tags); !good) return good;
    configuration.set("BatchSize", queue ? 10 : 100);
    configuration.set("MaximumBatchingWindowInSeconds", 0);
    configuration.set("FunctionResponseTypes", List{});
    if (!queue) {
      for (const char* endless : {"MaximumRecordAgeInSeconds", "MaximumRetryAttempts"}) configuration.set(endless, -1);
      configuration.set("ParallelizationFactor", 1);
      configuration.set("TumblingWindowInSeconds", 0);
      configuration.set("BisectBatchOnFunctionError", false);
      configuration.set("DestinationConfig", Map{{"OnFailure", Map{}}});
      if (!input["StartingPosition"].is_null()) configuration.set("StartingPosition", input["StartingPosition"]);
    }
  }
  for (const char* member :
       {"BatchSize", "MaximumBatchingWindowInSeconds", "FunctionResponseTypes", "MaximumRecordAgeInSeconds",
        "MaximumRetryAttempts", "ParallelizationFactor", "TumblingWindowInSeconds", "BisectBatchOnFunctionError",
        "DestinationConfig", "ScalingConfig", "FilterCriteria", "KMSKeyArn", "ProvisionedPollerConfig"})
    if (!input[member].is_null()) configuration.set(member, input[member]);
  for (const char* member : {"FilterCriteria", "ScalingConfig", "KMSKeyArn", "ProvisionedPollerConfig"})
    if (const auto* value = configuration.find(member); value && is_empty(*value)) configuration.erase(member);
  if (const auto* types = configuration.find("FunctionResponseTypes"))
    for (const auto& type : types->list())
      if (type.string() != "ReportBatchItemFailures")
        return Error{"ValidationException",
                     "1 validation error detected: Value '[" + type.string() +
                         "]' at 'functionResponseTypes' failed to satisfy constraint: Member must satisfy constraint: "
                         "[Member must satisfy enum value set: [ReportBatchItemFailures], Member must not be null]",
                     {{"Type", "User"}},
                     400};
  mapping.enabled = input["Enabled"].boolean_or(mapping.enabled);
  mapping.modified_at = call.kernel.clock.now();
  if (const auto* criteria = configuration.find("FilterCriteria"))
    if (const auto filters = filters_of(*criteria); !filters) return filters.error();
  if (auto good = queue ? check_queue(call, mapping, create) : check_stream(call, mapping, create); !good) return good;
  return check_failure_destination(mapping);
}

Result<std::vector<FilterPattern>> filters_of(const Value& criteria) {
  std::vector<FilterPattern> filters;
  const auto& list = criteria["Filters"];
  if (!list.is_list()) return filters;
  if (list.list().size() > filters_max) return invalid_parameter("An event source mapping has at most 10 filters.");
  for (const auto& one : list.list()) {
    auto filter = FilterPattern::parse(one["Pattern"].string_or("{}"));
    if (!filter) return filter.error();
    filters.push_back(std::move(*filter));
  }
  return filters;
}

Value filter_view(SourceKind kind, const Value& event) {
  if (kind == SourceKind::dynamodb) return event;
  Value view = event;
  if (kind == SourceKind::sqs) {
    if (!event["body"].is_string()) return view;
    if (auto body = parse_json(event["body"].string()); body && body->is_map()) view.set("body", std::move(*body));
    return view;
  }
  const auto text = from_base64(event["kinesis"]["data"].string_or(""));
  if (!text) return view;
  auto data = parse_json(*text);
  view.set("data", data && data->is_map() ? std::move(*data) : Value(*text));
  return view;
}

}  // namespace moonbase::functions
