#include "table.hpp"

#include <algorithm>
#include <set>

#include "errors.hpp"
#include "table_settings.hpp"
#include "vector_index.hpp"

namespace moonbase::dynamodb {
namespace {

constexpr std::int64_t capacity_units_max = 1'000'000'000'000;
constexpr std::size_t attribute_name_bytes_max = 255;
constexpr std::size_t projected_attributes_max = 100;

std::string names_in(const Value& list) {
  std::string text;
  for (const auto& element : list.list()) text += (text.empty() ? "" : ", ") + element["AttributeName"].string();
  return "[" + text + "]";
}

bool defines(const Value& definitions, std::string_view name) {
  return std::any_of(definitions.list().begin(), definitions.list().end(),
                     [&](const Value& definition) { return definition["AttributeName"].string() == name; });
}

// HASH elements first, then RANGE; one each, or for a global index several.
Result<Done> check_key_schema(const Value& schema, const Value& definitions, bool several) {
  const auto& elements = schema.list();
  if (!several && elements.size() > definitions.list().size())
    return validation("Invalid KeySchema: Some index key attribute have no definition");
  for (const auto& element : elements)
    if (!defines(definitions, element["AttributeName"].string()))
      return invalid_parameter("Some index key attributes are not defined in AttributeDefinitions. Keys: " +
                               names_in(schema) + ", AttributeDefinitions: " + names_in(definitions));
  std::set<std::string_view> seen;
  for (const auto& element : elements)
    if (!seen.insert(element["AttributeName"].string()).second)
      return validation(elements.size() > 2
                            ? "The KeySchema contains multiple key attributes with the same name"
                            : "Both the Hash Key and the Range Key element in the KeySchema have the same name");
  if (elements.empty() || elements[0]["KeyType"].string() != "HASH")
    return validation("Invalid KeySchema: The first KeySchemaElement is not a HASH key type");
  if (!several) {
    if (elements.size() > 1 && elements[1]["KeyType"].string() != "RANGE")
      return validation("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type");
    if (elements.size() > 2) return validation("Too many KeySchema elements; maximum is 2");
    return done;
  }
  std::size_t hashes = 0, ranges = 0;
  for (const auto& element : elements) {
    if (element["KeyType"].string() == "RANGE") {
      ++ranges;
    } else if (ranges > 0) {
      return invalid_parameter("All HASH key attributes must precede RANGE key attributes in the KeySchema");
    } else {
      ++hashes;
    }
  }
  for (const auto& [count, kind] : {std::pair{hashes, "HASH"}, std::pair{ranges, "RANGE"}})
    if (count > index_key_attributes_max)
      return invalid_parameter("The KeySchema exceeds the maximum allowed number of " + std::string(kind) +
                               " key attributes");
  return done;
}

Result<Done> check_billing(const Value& input) {
  const auto& throughput = input["ProvisionedThroughput"];
  if (input["BillingMode"].string_or("PROVISIONED") == "PAY_PER_REQUEST") {
    if (throughput.is_null()) return done;
    return invalid_parameter(
        "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST");
  }
  if (throughput.is_null())
    return invalid_parameter(
        "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED");
  return check_throughput(throughput);
}

Result<Done> check_indexes(const Value& input) {
  std::set<std::string> names;
  const auto& definitions = input["AttributeDefinitions"];
  for (const bool global : {false, true}) {
    const auto& indexes = input[global ? "GlobalSecondaryIndexes" : "LocalSecondaryIndexes"];
    if (indexes.is_null()) continue;
    const std::string kind = global ? "GlobalSecondaryIndexes" : "LocalSecondaryIndexes";
    if (indexes.list().empty()) return invalid_parameter("List of " + kind + " is empty");
    if (!global && input["KeySchema"].list().size() != 2)
      return invalid_parameter(
          "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex");
    for (const auto& index : indexes.list()) {
      if (auto checked = check_index_keys(index, definitions, global, input["KeySchema"]); !checked) return checked;
      const auto& name = index["IndexName"].string();
      const bool provisioned = input["BillingMode"].string_or("PROVISIONED") == "PROVISIONED";
      if (global && !provisioned && !index["ProvisionedThroughput"].is_null())
        return invalid_parameter("ProvisionedThroughput should not be specified for index: " + name +
                                 " when BillingMode is PAY_PER_REQUEST");
      if (global && provisioned && index["ProvisionedThroughput"].is_null())
        return invalid_parameter("ProvisionedThroughput is not specified for index: " + name);
      if (!names.insert(name).second) return invalid_parameter("Duplicate index name: " + name);
    }
    if (!global && indexes.list().size() > local_indexes_max)
      return invalid_parameter("Number of LocalSecondaryIndexes exceeds per-table limit of 5");
    if (global && indexes.list().size() > global_indexes_max)
      return invalid_parameter("GlobalSecondaryIndex count exceeds the per-table limit of 20");
  }
  if (const auto& vectors = input["VectorIndexes"]; !vectors.is_null())
    for (const auto& index : vectors.list()) {
      const bool provisioned = input["BillingMode"].string_or("PROVISIONED") == "PROVISIONED";
      if (auto checked = check_vector_index(index, definitions, provisioned); !checked) return checked;
      const auto& name = index["IndexName"].string();
      if (!names.insert(name).second) return invalid_parameter("Duplicate index name: " + name);
    }
  return done;
}

// Every attribute that is defined must be part of a key.
Result<Done> check_all_used(const Value& input) {
  std::set<std::string> used;
  const auto collect = [&](const Value& schema) {
    for (const auto& element : schema.list()) used.insert(element["AttributeName"].string());
  };
  collect(input["KeySchema"]);
  for (const auto* kind : index_kinds)
    if (!input[kind].is_null())
      for (const auto& index : input[kind].list())
        if (const auto& keys = index[std::string_view(kind) == "VectorIndexes" ? "SearchSchema" : "KeySchema"];
            !keys.is_null())
          collect(keys);
  if (used.size() == input["AttributeDefinitions"].list().size()) return done;
  if (std::all_of(std::begin(index_kinds), std::end(index_kinds),
                  [&](const char* kind) { return input[kind].is_null(); }))
    return invalid_parameter(
        "Number of attributes in KeySchema does not exactly match number of attributes defined in "
        "AttributeDefinitions");
  std::string keys;
  for (const auto& name : used) keys += (keys.empty() ? "" : ", ") + name;
  return invalid_parameter("Some AttributeDefinitions are not used. AttributeDefinitions: " +
                           names_in(input["AttributeDefinitions"]) + ", keys used: [" + keys + "]");
}

Value throughput_description(const Value& throughput) {
  return Map{{"NumberOfDecreasesToday", 0},
             {"ReadCapacityUnits", throughput["ReadCapacityUnits"].integer_or(0)},
             {"WriteCapacityUnits", throughput["WriteCapacityUnits"].integer_or(0)}};
}

}  // namespace

Result<Done> check_projection(const Value& projection) {
  const auto& type = projection["ProjectionType"];
  if (type.is_null()) return invalid_parameter("Unknown ProjectionType: null");
  const auto& attributes = projection["NonKeyAttributes"];
  if (type.string() != "INCLUDE") {
    if (attributes.is_null()) return done;
    return invalid_parameter("ProjectionType is " + type.string() + ", but NonKeyAttributes is specified");
  }
  if (attributes.is_null())
    return invalid_parameter("ProjectionType is INCLUDE, but NonKeyAttributes is not specified");
  if (attributes.list().size() > projected_attributes_max)
    return invalid_parameter("Number of NonKeyAttributes exceeds per-index limit of 100");
  std::set<std::string_view> seen;
  for (const auto& attribute : attributes.list())
    if (!seen.insert(attribute.string()).second)
      return invalid_parameter("Duplicate element in NonKeyAttributes: " + attribute.string());
  return done;
}

const Index* Table::find_index(std::string_view index) const {
  const auto found = std::find_if(indexes.begin(), indexes.end(), [&](const Index& one) { return one.name == index; });
  return found == indexes.end() ? nullptr : &*found;
}

bool Table::is_provisioned() const {
  return definition["BillingModeSummary"]["BillingMode"].string_or("PROVISIONED") == "PROVISIONED";
}

Map Table::key_attributes(const Map& item, const Index* index) const {
  Map key;
  for (const auto* attribute : keys.all()) key.set(attribute->name, *item.find(attribute->name));
  if (index)
    for (const auto* attribute : index->keys.all()) key.set(attribute->name, *item.find(attribute->name));
  return key;
}

KeySchema read_key_schema(const Value& key_schema, const Value& attribute_definitions) {
  KeySchema schema;
  for (const auto& element : key_schema.list()) {
    KeyAttribute attribute{element["AttributeName"].string()};
    for (const auto& definition : attribute_definitions.list())
      if (definition["AttributeName"].string() == attribute.name)
        attribute.type = type_from_name(definition["AttributeType"].string()).value_or(Type::string);
    (element["KeyType"].string() == "HASH" ? schema.partition : schema.sort).push_back(std::move(attribute));
  }
  return schema;
}

namespace {

// A second: what is provisioned or, on demand, the maximum (0: none).
double units_of(const Value& described, bool provisioned, const std::string& kind) {
  if (provisioned) return static_cast<double>(described["ProvisionedThroughput"][kind + "CapacityUnits"].integer_or(0));
  return static_cast<double>(
      std::max<std::int64_t>(0, described["OnDemandThroughput"]["Max" + kind + "RequestUnits"].integer_or(0)));
}

StreamView view_of(const Value& type) {
  const auto view = type.string_or("");
  return view == "NEW_AND_OLD_IMAGES" ? StreamView::both
         : view == "NEW_IMAGE"        ? StreamView::new_image
         : view == "OLD_IMAGE"        ? StreamView::old_image
                                      : StreamView::keys;
}

bool is_enforced(const Value& tags) {
  return !tags.is_null() && std::any_of(tags.list().begin(), tags.list().end(), [](const Value& tag) {
    return tag["Key"].string() == throughput_tag && tag["Value"].string() == "enforced";
  });
}

Index read_index(const Value& described, const Value& definitions, const std::string& kind, bool provisioned) {
  Index index;
  index.name = described["IndexName"].string();
  index.global = kind != "LocalSecondaryIndexes";
  index.space = described["Space"].integer();
  index.active = !index.global || described["IndexStatus"].string_or("ACTIVE") == "ACTIVE";
  const auto& projection = described["Projection"];
  const auto type = projection["ProjectionType"].string_or("ALL");
  index.projects = type == "ALL"       ? Index::Projects::all
                   : type == "INCLUDE" ? Index::Projects::some
                                       : Index::Projects::keys;
  if (index.projects == Index::Projects::some)
    for (const auto& attribute : projection["NonKeyAttributes"].list()) index.attributes.push_back(attribute.string());
  if (kind == "VectorIndexes") {
    index.vector = read_vector_keys(described);
    List schema;
    for (const auto& name : index.vector->partition)
      schema.push_back(Map{{"AttributeName", name}, {"KeyType", "HASH"}});
    index.keys = read_key_schema(schema, definitions);
    for (const auto& name : index.vector->filters) index.attributes.push_back(name);
    return index;
  }
  index.keys = read_key_schema(described["KeySchema"], definitions);
  index.read_units = units_of(described, provisioned, "Read");
  index.write_units = units_of(described, provisioned, "Write");
  return index;
}

}  // namespace

std::shared_ptr<const Table> make_table(std::string account, std::string region, std::string name, std::int64_t space,
                                        std::int64_t version, Value definition) {
  auto table = std::make_shared<Table>();
  table->account = std::move(account);
  table->region = std::move(region);
  table->name = std::move(name);
  table->space = space;
  table->version = version;
  table->definition = std::move(definition);
  const auto& definitions = table->definition["AttributeDefinitions"];
  const bool provisioned = table->is_provisioned();
  table->keys = read_key_schema(table->definition["KeySchema"], definitions);
  for (const std::string kind : index_kinds) {
    const auto& indexes = table->definition[kind];
    if (indexes.is_null()) continue;
    for (const auto& described : indexes.list())
      table->indexes.push_back(read_index(described, definitions, kind, provisioned));
  }
  table->ttl_attribute = table->definition["TimeToLive"].string_or("");
  table->throttles = is_enforced(table->definition["Tags"]);
  table->read_units = units_of(table->definition, provisioned, "Read");
  table->write_units = units_of(table->definition, provisioned, "Write");
  table->recovers = !table->definition["Recovery"].is_null();
  if (const auto& stream = table->definition["Stream"]; !stream.is_null()) {
    table->stream = stream.integer();
    table->stream_view = view_of(table->definition["StreamSpecification"]["StreamViewType"]);
  }
  if (const auto& others = table->definition["OtherStreams"]; !others.is_null())
    for (const auto& other : others.list()) table->replica_streams.push_back({other[0].integer(), view_of(other[1])});
  return table;
}

Result<Done> check_throughput(const Value& throughput) {
  for (const auto* units : {"ReadCapacityUnits", "WriteCapacityUnits"}) {
    const auto asked = throughput[units].integer_or(0);
    if (asked > capacity_units_max)
      return validation("Given value " + std::to_string(asked) + " for " + units + " is out of bounds");
    if (asked < 1)
      return validation(
          "1 validation error detected: Value '" + std::to_string(asked) + "' at 'provisionedThroughput." +
          (units[0] == 'R' ? "read" : "write") +
          "CapacityUnits' failed to satisfy constraint: Member must have value greater than or equal to 1");
  }
  return done;
}

Result<Done> check_index_keys(const Value& index, const Value& attribute_definitions, bool global,
                              const Value& table_key_schema) {
  const auto& schema = index["KeySchema"];
  if (auto checked = check_key_schema(schema, attribute_definitions, global); !checked) return checked;
  const auto& name = index["IndexName"].string();
  if (!global) {
    if (schema.list().size() != 2)
      return invalid_parameter("Index KeySchema does not have a range key for index: " + name);
    const auto &own = schema[0]["AttributeName"].string(), &table = table_key_schema[0]["AttributeName"].string();
    if (own != table)
      return invalid_parameter(
          "Index KeySchema does not have the same leading hash key as table KeySchema for index: " + name +
          ". index hash key: " + own + ", table hash key: " + table);
  }
  return check_projection(index["Projection"]);
}

Result<Value> define_index(const Value& index, bool global, const std::string& table_arn, bool provisioned) {
  const auto& name = index["IndexName"].string();
  Value defined = Map{{"IndexName", name},
                      {"KeySchema", index["KeySchema"]},
                      {"Projection", index["Projection"]},
                      {"IndexArn", table_arn + "/index/" + name}};
  if (!global) return defined;
  defined.set("IndexStatus", "ACTIVE");
  defined.set("ProvisionedThroughput",
              throughput_description(provisioned ? index["ProvisionedThroughput"] : Value(Map{})));
  if (auto set = set_on_demand(defined, index["OnDemandThroughput"], provisioned, name, false); !set)
    return set.error();
  if (auto set = set_warm(defined, index["WarmThroughput"], provisioned, name, false); !set) return set.error();
  return defined;
}

Result<Value> define_table(const Value& input, const NewTable& table) {
  if (auto checked = check_billing(input); !checked) return checked.error();
  const auto &definitions = input["AttributeDefinitions"], &schema = input["KeySchema"];
  for (const auto& definition : definitions.list())
    if (definition["AttributeName"].string().size() > attribute_name_bytes_max)
      return validation("1 validation error detected: Value '" + definition["AttributeName"].string() +
                        "' at 'attributeDefinitions.1.member.attributeName' failed to satisfy constraint: Member must "
                        "have length less than or equal to 255");
  if (auto checked = check_key_schema(schema, definitions, false); !checked) return checked.error();
  if (auto checked = check_indexes(input); !checked) return checked.error();
  if (auto checked = check_all_used(input); !checked) return checked.error();

  const bool provisioned = input["BillingMode"].string_or("PROVISIONED") == "PROVISIONED";
  Value defined = Map{
      {"TableName", table.name},
      {"TableArn", table.arn},
      {"TableId", table.id},
      {"CreationDateTime", table.created.ms},
      {"TableStatus", "ACTIVE"},
      {"AttributeDefinitions", definitions},
      {"KeySchema", schema},
      {"ProvisionedThroughput", throughput_description(provisioned ? input["ProvisionedThroughput"] : Value(Map{}))},
      {"DeletionProtectionEnabled", input["DeletionProtectionEnabled"].boolean_or(false)}};
  if (!provisioned)
    defined.set("BillingModeSummary",
                Map{{"BillingMode", "PAY_PER_REQUEST"}, {"LastUpdateToPayPerRequestDateTime", table.created.ms}});
  for (const bool global : {false, true}) {
    const auto* kind = global ? "GlobalSecondaryIndexes" : "LocalSecondaryIndexes";
    if (input[kind].is_null()) continue;
    List indexes;
    for (const auto& asked : input[kind].list()) {
      auto index = define_index(asked, global, table.arn, provisioned);
      if (!index) return index.error();
      indexes.push_back(std::move(*index));
    }
    defined.set(kind, std::move(indexes));
  }
  if (const auto& vectors = input["VectorIndexes"]; !vectors.is_null() && !vectors.list().empty()) {
    List indexes;
    for (const auto& asked : vectors.list()) indexes.push_back(define_vector_index(asked, table.arn));
    defined.set("VectorIndexes", std::move(indexes));
  }
  if (!input["TableClass"].is_null()) defined.set("TableClassSummary", Map{{"TableClass", input["TableClass"]}});
  if (auto set = set_on_demand(defined, input["OnDemandThroughput"], provisioned, "", false); !set) return set.error();
  if (auto set = set_warm(defined, input["WarmThroughput"], provisioned, "", false); !set) return set.error();
  auto encryption = describe_encryption(input["SSESpecification"], table.arn);
  if (!encryption) return encryption.error();
  if (!encryption->is_null()) defined.set("SSEDescription", std::move(*encryption));
  if (const auto& policy = input["ResourcePolicy"]; !policy.is_null()) {
    auto made = make_policy(policy.string(), {}, table.created.ms);
    if (!made) return made.error();
    defined.set("Policy", std::move(*made));
  }
  return defined;
}

void forget_unused_attributes(const Table& table, Value& definition) {
  const auto changed = make_table(table.account, table.region, table.name, table.space, table.version, definition);
  const auto named_by = [](const Index& index, const std::string& name) {
    const bool filter = index.vector && std::find(index.vector->filters.begin(), index.vector->filters.end(), name) !=
                                            index.vector->filters.end();
    return filter || index.keys.contains(name);
  };
  std::erase_if(definition.map().find("AttributeDefinitions")->list(), [&](const Value& attribute) {
    const auto& name = attribute["AttributeName"].string();
    return !changed->keys.contains(name) && std::none_of(changed->indexes.begin(), changed->indexes.end(),
                                                         [&](const Index& index) { return named_by(index, name); });
  });
}

Value* find_index(Value& definition, const std::string& name) {
  for (const auto* kind : index_kinds)
    if (auto* indexes = definition.map().find(kind))
      for (auto& index : indexes->list())
        if (index["IndexName"].string() == name) return &index;
  return nullptr;
}

Value* find_global_index(Value& definition, const std::string& name) {
  auto* indexes = definition.map().find("GlobalSecondaryIndexes");
  if (!indexes) return nullptr;
  for (auto& index : indexes->list())
    if (index["IndexName"].string() == name) return &index;
  return nullptr;
}

std::string table_name_of(std::string_view name_or_arn) {
  // arn:aws:dynamodb:us-east-1:000000000000:table/NAME
  if (!name_or_arn.starts_with("arn:")) return std::string(name_or_arn);
  const auto slash = name_or_arn.find(":table/");
  if (slash == std::string_view::npos) return std::string(name_or_arn);
  return std::string(name_or_arn.substr(slash + 7, name_or_arn.find('/', slash + 7) - (slash + 7)));
}

Result<Done> check_table_name(std::string_view name, std::string_view parameter) {
  if (name.size() < 3 || name.size() > 255)
    return validation(std::string(parameter) + " must be at least 3 characters long and at most 255 characters long");
  const bool valid = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-';
  });
  if (valid) return done;
  std::string member(parameter);
  member[0] = static_cast<char>(member[0] - 'A' + 'a');
  return validation("1 validation error detected: Value '" + std::string(name) + "' at '" + member +
                    "' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+");
}

}  // namespace moonbase::dynamodb
