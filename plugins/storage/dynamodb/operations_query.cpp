// Query and Scan.
#include <algorithm>
#include <set>

#include "attribute.hpp"
#include "errors.hpp"
#include "key_condition.hpp"
#include "legacy.hpp"
#include "page.hpp"
#include "service.hpp"

namespace moonbase::dynamodb {
namespace {

const ExpressionParameters query_parameters = {
    {ExpressionKind::key_condition, ExpressionKind::filter, ExpressionKind::projection},
    {"AttributesToGet", "QueryFilter", "ConditionalOperator", "KeyConditions"},
    "FilterExpression and KeyConditionExpression are null"};
const ExpressionParameters scan_parameters = {{ExpressionKind::filter, ExpressionKind::projection},
                                              {"AttributesToGet", "ScanFilter", "ConditionalOperator"},
                                              "FilterExpression is null"};

constexpr std::size_t partitions = 256;  // Different first bytes of a partition.

// --- before the table is looked at ---------------------------------------------------------------

Result<Done> check_start_key(Value& input) {
  auto* start = input.map().find("ExclusiveStartKey");
  if (!start || start->is_null()) return done;
  if (auto checked = check_attributes(start->map()); !checked) {
    const auto& message = checked.error().message;
    // Some of these errors come from deeper down, and then lack the preamble.
    const bool bare = !message.starts_with("Supplied") &&
                      (!message.starts_with("One or more") || message.find("number set") != std::string::npos ||
                       message.find("Input collection") != std::string::npos);
    return bare ? checked.error() : validation("The provided starting key is invalid: " + message);
  }
  return done;
}

Result<Done> check_filter(Value& input, const std::string& parameter) {
  auto* filter = input.map().find(parameter);
  if (!filter || filter->is_null()) return done;
  return check_conditions(*filter);
}

Result<Done> check_select(const Value& input) {
  const auto select = input["Select"].string_or("");
  const bool expression = !input["ProjectionExpression"].is_null();
  const bool chosen = expression || !input["AttributesToGet"].is_null();
  const std::string parameter = expression ? "ProjectionExpression" : "AttributesToGet";
  if (select == "SPECIFIC_ATTRIBUTES" && !chosen)
    return validation(
        "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES");
  if (select == "COUNT" && chosen)
    return validation("Cannot specify the " + parameter + " when choosing to get only the Count");
  if ((select == "ALL_ATTRIBUTES" || select == "ALL_PROJECTED_ATTRIBUTES") && chosen)
    return validation("Cannot specify the " + parameter + " when choosing to get " + select);
  if (select == "ALL_PROJECTED_ATTRIBUTES" && input["IndexName"].is_null())
    return validation("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName");
  return done;
}

// --- what both share -----------------------------------------------------------------------------

// A Query or Scan in progress.
struct Reading {
  TablePointer table;
  PageRequest request;
  BoundExpression filter;
  std::optional<Projection> projection;
  std::set<std::string> heads;  // Attributes that the projection begins with.
  bool count_only = false;
  bool consistent = false;
};

Result<Done> find_index(Reading& reading, const Value& input) {
  reading.request.table = reading.table.get();
  reading.consistent = input["ConsistentRead"].boolean_or(false);
  if (input["IndexName"].is_null()) return done;
  reading.request.index = reading.table->find_index(input["IndexName"].string());
  if (!reading.request.index)
    return validation("The table does not have the specified index: " + input["IndexName"].string());
  if (reading.request.index->vector)
    return validation("Query and Scan are not supported on vector indexes: " + reading.request.index->name);
  if (!reading.request.index->active)
    return validation("Cannot read from backfilling global secondary index: " + reading.request.index->name);
  if (reading.request.index->global && reading.consistent)
    return validation("Consistent reads are not supported on global secondary indexes");
  return done;
}

void choose(Reading& reading, Expressions& expressions, const Value& input, const std::string& filter_parameter) {
  reading.filter = std::move(expressions[ExpressionKind::filter]);
  if (!reading.filter) reading.filter = filter_condition(input[filter_parameter], input["ConditionalOperator"]);
  reading.count_only = input["Select"].string_or("") == "COUNT";
  const auto& names = input["AttributesToGet"];
  reading.projection = read_projection(expressions, names);
  if (const auto& projection = expressions[ExpressionKind::projection]) {
    for (const auto& path : projection.expression->paths) reading.heads.insert(step_name(path[0], projection.bindings));
  } else if (!names.is_null()) {
    for (const auto& name : names.list()) reading.heads.insert(name.string());
  }
}

// Where an index holds only some attributes: whether more are wanted, and may be.
Result<Done> choose_source(Reading& reading, const Value& input) {
  const auto* index = reading.request.index;
  if (!index || index->projects == Index::Projects::all) return done;
  const bool all = input["Select"].string_or("") == "ALL_ATTRIBUTES";
  if (all && index->global)
    return invalid_parameter("Select type ALL_ATTRIBUTES is not supported for global secondary index " + index->name +
                             " because its projection type is not ALL");
  std::string missing;
  for (const auto& head : reading.heads) {
    const bool projected =
        reading.table->keys.contains(head) || index->keys.contains(head) ||
        std::find(index->attributes.begin(), index->attributes.end(), head) != index->attributes.end();
    if (!projected) missing += (missing.empty() ? "" : ", ") + head;
  }
  if (!missing.empty() && index->global)
    return invalid_parameter("Global secondary index " + index->name + " does not project [" + missing + "]");
  reading.request.whole_items = all || !missing.empty();
  return done;
}

const KeySchema& schema_of(const Reading& reading) {
  return reading.request.index ? reading.request.index->keys : reading.table->keys;
}

// The row that an ExclusiveStartKey names. It need not exist.
Result<RowPosition> position_of(const Reading& reading, const Map& start) {
  Map own;
  for (const auto* attribute : reading.table->keys.all())
    if (const auto* value = start.find(attribute->name)) own.set(attribute->name, *value);
  auto key = key_of_parameter(reading.table->keys, own);
  if (!key) return validation("The provided starting key is invalid: " + key.error().message);
  if (!reading.request.index) return RowPosition{std::move(*key), ""};
  auto entry = key_in_index(reading.request.index->keys, start);
  if (!entry) return validation("The provided key element does not match the schema");
  return RowPosition{std::move(*entry), tie_bytes(*key)};
}

// Exactly the attributes of the keys.
Result<Done> check_start_names(const Reading& reading, const Map& start) {
  std::set<std::string_view> names;
  for (const auto* attribute : reading.table->keys.all()) names.insert(attribute->name);
  for (const auto* attribute : schema_of(reading).all()) names.insert(attribute->name);
  const bool exact = start.size() == names.size() &&
                     std::all_of(names.begin(), names.end(), [&](auto name) { return start.contains(name); });
  if (!exact) return validation("The provided starting key is invalid");
  for (const auto* attribute : schema_of(reading).all())
    if (type_of(*start.find(attribute->name)) != attribute->type)
      return validation("The provided key element does not match the schema");
  return done;
}

Result<Value> run(Call& call, Reading& reading) {
  const auto& input = call.input;
  reading.request.limit = static_cast<std::size_t>(input["Limit"].integer_or(0));
  if (auto admitted = admit_read(*reading.table, reading.request.index, call.kernel.clock.now()); !admitted)
    return admitted.error();
  List items;
  std::size_t count = 0;
  Page page;
  auto read = call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    items.clear();
    count = 0;
    page = read_page(tx, reading.request, [&](Map& item) {
      if (reading.filter && !reading.filter.holds(item)) return;
      ++count;
      if (reading.count_only) return;
      items.push_back(reading.projection ? Value(reading.projection->apply(item)) : Value(std::move(item)));
    });
    return Value();
  });
  if (!read) return read;

  Map output;
  if (!reading.count_only) output.set("Items", std::move(items));
  output.set("Count", count);
  output.set("ScannedCount", page.scanned);
  if (page.last) output.set("LastEvaluatedKey", std::move(*page.last));
  Capacity capacity;
  const auto units = read_units(page.bytes, reading.consistent);
  const auto* index = reading.request.index;
  if (index) {
    (index->global ? capacity.global : capacity.local)[index->name] = units;
    capacity.table = page.fetched_units * (reading.consistent ? 1.0 : 0.5);
  } else {
    capacity.table = units;
  }
  charge_read(*reading.table, capacity);
  if (auto described = describe_capacity(input["ReturnConsumedCapacity"], reading.table->name, capacity);
      !described.is_null())
    output.set("ConsumedCapacity", std::move(described));
  return Value(std::move(output));
}

// --- Query ---------------------------------------------------------------------------------------

// The attributes that a filter begins its paths with.
void collect_heads(const Operand& operand, const Bindings& bindings, std::set<std::string>& heads) {
  if (operand.kind == Operand::Kind::path) heads.insert(step_name(operand.path[0], bindings));
  if (operand.kind == Operand::Kind::function)
    for (const auto& argument : operand.function->arguments) collect_heads(argument, bindings, heads);
}

Result<Done> check_filter_keys(const Reading& reading, bool expression) {
  if (!reading.filter) return done;
  std::set<std::string> heads;
  for (const auto& comparison : reading.filter.expression->condition.comparisons)
    for (const auto& operand : comparison.operands) collect_heads(operand, reading.filter.bindings, heads);
  for (const auto* attribute : schema_of(reading).all())
    if (heads.contains(attribute->name))
      return validation(std::string(expression ? "Filter Expression" : "QueryFilter") +
                        " can only contain non-primary key attributes: Primary key attribute: " + attribute->name);
  return done;
}

Result<Done> check_start_in_range(const Reading& reading, const std::vector<KeyCondition>& conditions,
                                  const Map& start) {
  const auto& schema = schema_of(reading);
  const auto holds = [&](const std::vector<KeyAttribute>& attributes) {
    return std::all_of(conditions.begin(), conditions.end(), [&](const KeyCondition& condition) {
      const bool of_these = std::any_of(attributes.begin(), attributes.end(),
                                        [&](const KeyAttribute& one) { return one.name == condition.attribute; });
      return !of_these || condition.holds(*start.find(condition.attribute));
    });
  };
  const bool with_sort = conditions.size() > schema.partition.size();
  if (with_sort && !holds(schema.sort))
    return validation("The provided starting key does not match the range key predicate");
  if (holds(schema.partition)) return done;
  return validation(with_sort ? "The query can return at most one row and cannot be restarted"
                              : "The provided starting key is outside query boundaries based on provided conditions");
}

}  // namespace

Result<Value> query(Service& service, Call& call) {
  auto& input = call.input;
  if (auto checked = check_parameters(input, query_parameters); !checked) return checked.error();
  if (auto checked = check_filter(input, "QueryFilter"); !checked) return checked.error();
  if (auto checked = check_attributes_to_get(input["AttributesToGet"]); !checked) return checked.error();
  if (auto checked = check_start_key(input); !checked) return checked.error();
  if (auto checked = check_filter(input, "KeyConditions"); !checked) return checked.error();
  if (auto checked = check_select(input); !checked) return enveloped(checked.error());
  auto expressions = Expressions::read(service.expressions, input, query_parameters);
  if (!expressions) return expressions.error();

  const std::size_t conditions_max = input["IndexName"].is_null() ? 2 : 2 * index_key_attributes_max;
  const auto& key_expression = (*expressions)[ExpressionKind::key_condition];
  if (!key_expression && input["KeyConditions"].is_null())
    return validation("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.");
  const auto conditions = key_expression ? read_key_conditions(key_expression, conditions_max)
                                         : read_key_conditions(input["KeyConditions"], conditions_max);
  if (!conditions) return conditions.error();

  Reading reading;
  auto table = service.tables.find(call.kernel.store, table_named(call, input["TableName"].string()));
  if (!table) return table.error();
  reading.table = std::move(*table);
  if (auto found = find_index(reading, input); !found) return found.error();
  const auto& start = input["ExclusiveStartKey"];
  if (!start.is_null())
    if (auto checked = check_start_names(reading, start.map()); !checked) return checked.error();
  auto range = key_range(schema_of(reading), *conditions);
  if (!range) return range.error();
  reading.request.range = std::move(*range);
  reading.request.forward = input["ScanIndexForward"].boolean_or(true);
  if (!start.is_null()) {
    auto position = position_of(reading, start.map());
    if (!position) return position.error();
    if (auto checked = check_start_in_range(reading, *conditions, start.map()); !checked) return checked.error();
    reading.request.start = std::move(*position);
  }
  choose(reading, *expressions, input, "QueryFilter");
  if (auto checked = check_filter_keys(reading, !input["FilterExpression"].is_null()); !checked) return checked.error();
  if (auto chosen = choose_source(reading, input); !chosen) return chosen.error();
  return run(call, reading);
}

Result<Value> scan(Service& service, Call& call) {
  auto& input = call.input;
  if (auto checked = check_parameters(input, scan_parameters); !checked) return checked.error();
  if (auto checked = check_filter(input, "ScanFilter"); !checked) return checked.error();
  if (auto checked = check_attributes_to_get(input["AttributesToGet"]); !checked) return checked.error();
  if (auto checked = check_start_key(input); !checked) return checked.error();
  const auto &segment = input["Segment"], &total = input["TotalSegments"];
  if (!segment.is_null() && total.is_null())
    return validation(
        "The TotalSegments parameter is required but was not present in the request when Segment parameter is present");
  if (segment.is_null() && !total.is_null())
    return validation(
        "The Segment parameter is required but was not present in the request when parameter TotalSegments is present");
  if (!segment.is_null() && segment.integer() >= total.integer())
    return validation("The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: " +
                      std::to_string(segment.integer()) +
                      " is not less than TotalSegments: " + std::to_string(total.integer()));
  if (auto checked = check_select(input); !checked) return checked.error();
  auto expressions = Expressions::read(service.expressions, input, scan_parameters);
  if (!expressions) return expressions.error();

  Reading reading;
  auto table = service.tables.find(call.kernel.store, table_named(call, input["TableName"].string()));
  if (!table) return table.error();
  reading.table = std::move(*table);
  if (auto found = find_index(reading, input); !found) return found.error();
  if (!segment.is_null()) {
    const auto bound = [&](std::int64_t number) {
      return static_cast<int>(number * static_cast<std::int64_t>(partitions) / total.integer());
    };
    reading.request.first_partition = bound(segment.integer());
    reading.request.end_partition = bound(segment.integer() + 1);
  }
  if (const auto& start = input["ExclusiveStartKey"]; !start.is_null()) {
    if (auto checked = check_start_names(reading, start.map()); !checked) return checked.error();
    auto position = position_of(reading, start.map());
    if (!position) return position.error();
    const auto partition = static_cast<int>(static_cast<unsigned char>(position->key.partition[0]));
    if (partition < reading.request.first_partition || partition >= reading.request.end_partition)
      return validation(
          "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct "
          "Segment. TotalSegments: " +
          std::to_string(total.integer()) + " Segment: " + std::to_string(segment.integer()));
    reading.request.start = std::move(*position);
  }
  choose(reading, *expressions, input, "ScanFilter");
  if (auto chosen = choose_source(reading, input); !chosen) return chosen.error();
  return run(call, reading);
}

}  // namespace moonbase::dynamodb
