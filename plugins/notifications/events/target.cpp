// Targets of rules: what may be asked of them, and what each event becomes for them.
#include <algorithm>
#include <array>
#include <moonbase/json.hpp>

#include "events/rule.hpp"
#include "templates/input_template.hpp"

namespace moonbase::notifications::events {
namespace {

constexpr std::array<std::string_view, 5> reserved_variables = {"aws.events.rule-arn", "aws.events.rule-name",
                                                                "aws.events.event.ingestion-time", "aws.events.event",
                                                                "aws.events.event.json"};
constexpr std::array<std::string_view, 6> not_built = {"AppSyncParameters",    "BatchParameters",
                                                       "EcsParameters",        "RedshiftDataParameters",
                                                       "RunCommandParameters", "SageMakerPipelineParameters"};

std::string_view service_of(const std::string& arn) {
  const auto parsed = parse_arn(arn);
  return parsed ? parsed->service : std::string_view();
}

bool is_reserved(std::string_view name) {
  return std::find(reserved_variables.begin(), reserved_variables.end(), name) != reserved_variables.end();
}

Error refused(std::string message) { return {"ValidationException", std::move(message)}; }

// A header, a query parameter or a part of a path may be "$.detail.id".
Value filled_in(const Value& text, const Value& event) {
  if (!text.is_string() || !text.string().starts_with("$.")) return text;
  const auto path = JsonPath::parse(text.string());
  const auto found = path ? path->find(event) : std::nullopt;
  if (!found) return "";
  return found->is_string() ? *found : Value(to_json(*found));
}

Value filled_in_parameters(const Value& parameters, const Value& event) {
  Value filled = parameters;
  for (const char* kind : {"HeaderParameters", "QueryStringParameters"})
    if (parameters[kind].is_map())
      for (auto& [name, value] : filled.map()[kind].map()) value = filled_in(value, event);
  if (parameters["PathParameterValues"].is_list())
    for (auto& value : filled.map()["PathParameterValues"].list()) value = filled_in(value, event);
  return filled;
}

}  // namespace

Result<Done> check_target(const Value& document) {
  const auto& id = document["Id"].string();
  if (!parse_arn(document["Arn"].string()))
    return refused("Parameter " + document["Arn"].string() +
                   " is not valid. Reason: Provided Arn is not in correct format.");
  for (const auto name : not_built)
    if (!document[name].is_null()) return not_implemented("events PutTargets " + std::string(name));
  int inputs = 0;
  for (const char* name : {"Input", "InputPath", "InputTransformer"}) inputs += document[name].is_null() ? 0 : 1;
  if (inputs > 1)
    return refused("Only one of Input, InputPath, or InputTransformer must be provided for target " + id + ".");
  if (document["Input"].is_string() && !parse_json(document["Input"].string()))
    return refused("JSON syntax error in input for target " + id + ".");
  if (document["InputPath"].is_string() && !JsonPath::parse(document["InputPath"].string()))
    return refused("Invalid InputPath for target " + id + ".");
  const auto& transformer = document["InputTransformer"];
  if (transformer["InputPathsMap"].is_map())
    for (const auto& [name, path] : transformer["InputPathsMap"].map()) {
      if (name.starts_with("AWS") || name.starts_with("aws."))
        return refused("InputPathsMap for target " + id + " may not contain keys starting with 'AWS'.");
      if (!JsonPath::parse(path.string())) return refused("Invalid InputPath for target " + id + ".");
    }
  if (transformer.is_map())
    for (const auto& name : template_variables(transformer["InputTemplate"].string()))
      if (!is_reserved(name) && transformer["InputPathsMap"][name].is_null())
        return refused("InputTemplate for target " + id + " contains invalid placeholder " + name + ".");
  if (document["Arn"].string().ends_with(".fifo") && document["SqsParameters"]["MessageGroupId"].is_null() &&
      service_of(document["Arn"].string()) == "sqs")
    return refused("Parameter(s) SqsParameters must be specified for target: " + id + ".");
  if (document["KinesisParameters"].is_map() &&
      !JsonPath::parse(document["KinesisParameters"]["PartitionKeyPath"].string()))
    return refused("Invalid PartitionKeyPath for target " + id + ".");
  if (document["DeadLetterConfig"]["Arn"].is_string()) {
    const auto& arn = document["DeadLetterConfig"]["Arn"].string();
    if (service_of(arn) != "sqs") return refused("Invalid DeadLetterConfig for target " + id + ".");
  }
  return done;
}

Result<Target> Target::compile(const Value& document) {
  Target target;
  target.document_ = document;
  const auto path_of = [](const Value& text) { return JsonPath::parse(text.string()); };
  if (document["InputPath"].is_string()) target.input_path_ = path_of(document["InputPath"]);
  if (document["KinesisParameters"].is_map())
    target.partition_key_ = path_of(document["KinesisParameters"]["PartitionKeyPath"]);
  if (const auto& paths = document["InputTransformer"]["InputPathsMap"]; paths.is_map())
    for (const auto& [name, text] : paths.map()) {
      auto path = path_of(text);
      if (!path) return refused("Invalid InputPath for target " + target.id() + ".");
      target.variables_.emplace(name, std::move(*path));
    }
  return target;
}

Result<std::string> Target::payload(const Occasion& occasion) const {
  if (document_["Input"].is_string()) return document_["Input"].string();
  if (input_path_) return to_json(input_path_->find(occasion.event).value_or(Value()));
  const auto& transformer = document_["InputTransformer"];
  if (!transformer.is_map()) return occasion.text;
  const auto& text = transformer["InputTemplate"].string();
  auto made = expand_template(text, [&](std::string_view name) -> std::optional<Value> {
    if (name == "aws.events.rule-arn") return Value(occasion.rule_arn);
    if (name == "aws.events.rule-name") return Value(occasion.rule_name);
    if (name == "aws.events.event.ingestion-time") return Value(iso_8601(occasion.now));
    if (name == "aws.events.event.json") return occasion.event;
    if (name == "aws.events.event") {
      Value event = occasion.event;
      event.map().erase("detail");
      return event;
    }
    const auto path = variables_.find(name);
    return path == variables_.end() ? std::nullopt : path->second.find(occasion.event);
  });
  const auto first = text.find_first_not_of(" \t\r\n");
  const bool is_json = first != std::string::npos && (text[first] == '{' || text[first] == '[');
  if (is_json && !parse_json(made))
    return Error{"SerializationException", "The input transformer made no valid JSON of the event."};
  return made;
}

Value Target::options(const Occasion& occasion, int hops) const {
  const auto service = service_of(arn());
  if (service == "sqs") return picked(document_["SqsParameters"], {"MessageGroupId"});
  if (service == "kinesis") {
    const auto found = partition_key_ ? partition_key_->find(occasion.event) : std::nullopt;
    if (!found) return Map{{"PartitionKey", occasion.event["id"]}};
    return Map{{"PartitionKey", found->is_string() ? found->string() : to_json(*found)}};
  }
  if (service == "events") {
    Map options{{"Hops", hops + 1}};
    if (document_["HttpParameters"].is_map())
      options.set("HttpParameters", filled_in_parameters(document_["HttpParameters"], occasion.event));
    return options;
  }
  return Map{};
}

bool Target::is_slow() const {
  const auto parsed = parse_arn(arn());
  return parsed && parsed->resource.starts_with("api-destination/");
}

}  // namespace moonbase::notifications::events
