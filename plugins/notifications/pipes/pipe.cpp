#include "pipes/pipe.hpp"

#include <algorithm>
#include <array>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>

#include "templates/input_template.hpp"
#include "templates/json_path.hpp"

namespace moonbase::notifications::pipes {
namespace {

constexpr std::array<std::string_view, 4> sources_not_built = {"ActiveMQBrokerParameters", "RabbitMQBrokerParameters",
                                                               "ManagedStreamingKafkaParameters",
                                                               "SelfManagedKafkaParameters"};
constexpr std::array<std::string_view, 5> targets_not_built = {"BatchJobParameters", "EcsTaskParameters",
                                                               "RedshiftDataParameters", "SageMakerPipelineParameters",
                                                               "TimestreamParameters"};

Error invalid(std::string message) { return {"ValidationException", std::move(message)}; }

std::string_view service_of(std::string_view arn) {
  const auto parsed = parse_arn(arn);
  return parsed ? parsed->service : std::string_view();
}

// A parameter may be "$.body.id".
Value resolved(const Value& parameter, const PipeEvent& event) {
  if (!parameter.is_string() || !parameter.string().starts_with("$.")) return parameter;
  const auto path = JsonPath::parse(parameter.string());
  const auto found = path ? path->find(event.parsed) : std::nullopt;
  if (!found) return "";
  return found->is_string() ? *found : Value(to_json(*found));
}

// Text that holds an object or a list in JSON becomes that.
void open_json(Value& member) {
  if (!member.is_string()) return;
  if (auto parsed = parse_json(member.string()); parsed && (parsed->is_map() || parsed->is_list()))
    member = std::move(*parsed);
}

}  // namespace

PipeEvent event_of(const Value& record) {
  PipeEvent event;
  if (record["kinesis"].is_map()) {
    Map shown = record["kinesis"].map();
    for (const auto& [name, value] : record.map())
      if (name != "kinesis") shown.set(name, value);
    event.shown = Value(std::move(shown));
  } else {
    event.shown = record;
  }
  event.parsed = event.shown;
  if (!event.parsed.is_map()) return event;
  if (auto* body = event.parsed.map().find("body")) open_json(*body);
  if (auto* data = event.parsed.map().find("data"); data && data->is_string())
    if (auto bytes = from_base64(data->string())) {
      Value opened(std::move(*bytes));
      open_json(opened);
      if (!opened.is_string()) *data = std::move(opened);
    }
  return event;
}

Result<CompiledPipe> CompiledPipe::compile(PipeName name, const Value& document) {
  CompiledPipe pipe;
  pipe.name_ = std::move(name);
  pipe.document_ = document;
  for (const char* arn : {"Source", "Target"})
    if (!parse_arn(document[arn].string()))
      return invalid(std::string(arn) + " " + document[arn].string() + " is not a valid ARN.");
  const auto& sources = document["SourceParameters"];
  for (const auto kind : sources_not_built)
    if (!sources[kind].is_null()) return not_implemented("pipes SourceParameters." + std::string(kind));
  for (const auto kind : targets_not_built)
    if (!document["TargetParameters"][kind].is_null())
      return not_implemented("pipes TargetParameters." + std::string(kind));
  for (const char* kind : {"SqsQueueParameters", "KinesisStreamParameters", "DynamoDBStreamParameters"})
    if (!sources[kind].is_null()) pipe.parameters_ = sources[kind];
  const auto source = service_of(document["Source"].string());
  pipe.is_sqs_ = source == "sqs";
  if ((source == "kinesis" || source == "dynamodb") && pipe.parameters_["StartingPosition"].is_null())
    return invalid("StartingPosition must be specified for the source " + document["Source"].string() + ".");
  const auto target = service_of(pipe.target());
  pipe.takes_batches_ = target == "lambda" || target == "states";
  if (const auto enrichment = pipe.enrichment(); !enrichment.empty()) {
    const auto service = service_of(enrichment);
    if (service != "lambda" && enrichment.find(":api-destination/") == std::string::npos)
      return not_implemented("pipes Enrichment of " + std::string(service.empty() ? "this kind" : service));
  }
  const auto& filters = sources["FilterCriteria"]["Filters"];
  for (const auto& filter : filters.is_list() ? filters.list() : List{}) {
    auto pattern = Pattern::parse(filter["Pattern"].string_or("{}"));
    if (!pattern) return invalid("Event pattern is not valid. Reason: " + pattern.error().message);
    pipe.filters_.push_back(std::move(*pattern));
  }
  return pipe;
}

SourceStart CompiledPipe::starts_at() const {
  const auto text = parameters_["StartingPosition"].string_or("TRIM_HORIZON");
  return text == "LATEST"         ? SourceStart::latest
         : text == "AT_TIMESTAMP" ? SourceStart::at_timestamp
                                  : SourceStart::trim_horizon;
}

bool CompiledPipe::passes(const PipeEvent& event) const {
  return filters_.empty() || std::any_of(filters_.begin(), filters_.end(),
                                         [&](const auto& filter) { return filter.matches(event.parsed); });
}

std::string CompiledPipe::filled(std::string_view text, const PipeEvent& event, Time now) const {
  return expand_template(text, [&](std::string_view variable) -> std::optional<Value> {
    if (variable.starts_with('$')) {
      const auto path = JsonPath::parse(variable);
      return path ? path->find(event.parsed) : std::nullopt;
    }
    if (variable == "aws.pipes.pipe-arn") return Value(name_.arn());
    if (variable == "aws.pipes.pipe-name") return Value(name_.name);
    if (variable == "aws.pipes.source-arn") return Value(source());
    if (variable == "aws.pipes.enrichment-arn") return Value(enrichment());
    if (variable == "aws.pipes.target-arn") return Value(target());
    if (variable == "aws.pipes.event.ingestion-time") return Value(iso_8601(now));
    if (variable == "aws.pipes.event" || variable == "aws.pipes.event.json") return event.shown;
    return std::nullopt;
  });
}

std::string CompiledPipe::enrichment_input(const PipeEvent& event, Time now) const {
  const auto text = document_["EnrichmentParameters"]["InputTemplate"].string_or("");
  return text.empty() ? to_json(event.shown) : filled(text, event, now);
}

std::string CompiledPipe::target_input(const PipeEvent& event, Time now) const {
  const auto text = document_["TargetParameters"]["InputTemplate"].string_or("");
  if (!text.empty()) return filled(text, event, now);
  return event.shown.is_string() ? event.shown.string() : to_json(event.shown);
}

bool CompiledPipe::waits_for_answer() const {
  const auto& parameters = document_["TargetParameters"];
  const bool is_function = service_of(target()) == "lambda";
  const auto& own = parameters[is_function ? "LambdaFunctionParameters" : "StepFunctionStateMachineParameters"];
  return own["InvocationType"].string_or(is_function ? "REQUEST_RESPONSE" : "FIRE_AND_FORGET") == "REQUEST_RESPONSE";
}

Value CompiledPipe::enrichment_options() const {
  if (service_of(enrichment()) == "lambda") return Map{{"InvocationType", "RequestResponse"}};
  return picked(document_["EnrichmentParameters"], {"HttpParameters"});
}

Value CompiledPipe::target_options(const PipeEvent& event) const {
  const auto service = service_of(target());
  const auto& parameters = document_["TargetParameters"];
  Map options;
  const auto add = [&](const Value& from, std::initializer_list<std::string_view> names) {
    for (auto& [name, value] : picked(from, names)) options.set(name, resolved(value, event));
  };
  if (service == "sqs") {
    add(parameters["SqsQueueParameters"], {"MessageGroupId", "MessageDeduplicationId"});
  } else if (service == "kinesis") {
    add(parameters["KinesisStreamParameters"], {"PartitionKey"});
  } else if (service == "logs") {
    add(parameters["CloudWatchLogsParameters"], {"LogStreamName", "Timestamp"});
  } else if (service == "events" && target().find(":api-destination/") == std::string::npos) {
    const auto& bus = parameters["EventBridgeEventBusParameters"];
    options.set("Source", "Pipe " + name_.name);
    options.set("DetailType", "Event from " + text_or(event.shown["eventSource"], "pipe"));
    add(bus, {"Source", "DetailType"});
    if (bus["Resources"].is_list()) options.set("Resources", bus["Resources"]);
  } else if (service == "events") {
    return picked(parameters, {"HttpParameters"});
  } else if (service == "lambda" || service == "states") {
    options.set("InvocationType", waits_for_answer() ? "RequestResponse" : "Event");
  }
  return Value(std::move(options));
}

std::optional<std::vector<std::string>> failed_items(const Value& answer) {
  std::vector<std::string> items;
  const auto& failures = answer["batchItemFailures"];
  if (!failures.is_list()) return items;
  for (const auto& failure : failures.list()) {
    auto item = text_or(failure["itemIdentifier"], "");
    if (item.empty()) return std::nullopt;
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace moonbase::notifications::pipes
