// A table: its definition, checked and in a form that the item operations can use. Pure.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <moonbase/clock.hpp>
#include <moonbase/result.hpp>
#include <moonbase/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "key.hpp"
#include "throughput.hpp"

namespace moonbase::dynamodb {

constexpr std::size_t global_indexes_max = 20;
constexpr std::size_t local_indexes_max = 5;
constexpr std::size_t index_key_attributes_max = 4;  // Of a global index: so many of each kind.

// How many items a table or an index has and how large they are. Grows and shrinks with the writes of this
// process, once it has been counted. Any thread may use it.
struct TableSize {
  std::atomic<bool> counted = false;
  std::atomic<std::int64_t> items = 0;
  std::atomic<std::int64_t> bytes = 0;
};

// What a vector index searches.
struct VectorKeys {
  enum class Distance : std::uint8_t { cosine, euclidean, dot_product };
  std::string attribute;
  std::size_t dimensions = 0;
  Distance distance = Distance::cosine;
  std::vector<std::string> partition;  // None or one.
  std::vector<std::string> filters;
};

// The members of a definition that list indexes.
constexpr const char* index_kinds[] = {"LocalSecondaryIndexes", "GlobalSecondaryIndexes", "VectorIndexes"};

struct Index {
  enum class Projects : std::uint8_t { all, keys, some };
  std::string name;
  bool global = false;
  std::int64_t space = 0;
  KeySchema keys;
  Projects projects = Projects::all;
  std::vector<std::string> attributes;     // What `some` projects beside keys.
  bool active = true;                      // False while it is being filled.
  std::optional<VectorKeys> vector;        // Of a vector index, which is global too.
  double read_units = 0, write_units = 0;  // A second: provisioned, or at most on demand (0: no limit).
  std::shared_ptr<TableSize> size = std::make_shared<TableSize>();
  std::shared_ptr<Throughput> throughput = std::make_shared<Throughput>();
};

// Members of a definition that DescribeTable does not answer: "TimeToLive" is an attribute's name, "Stream" a number,
// "Recovery" {Since, Days}, "Policy" {Policy, RevisionId}, "StreamPolicies" the same by a stream's label, "Insights" a
// description by index or "", "Warm" what was asked for (also in an index), "AutoScaling" what
// operations_global.cpp keeps; "Regions", "OtherStreams" and "Global2017" are in replicas.hpp.
constexpr const char* hidden_members[] = {"Tags",        "TimeToLive",     "Stream",       "Recovery",
                                          "Policy",      "StreamPolicies", "Insights",     "Warm",
                                          "AutoScaling", "Regions",        "OtherStreams", "Global2017"};

// What a stream records of each change.
enum class StreamView : std::uint8_t { keys, new_image, old_image, both };

// Immutable but for `size`; shared by all who use the table.
struct Table {
  std::string account, region, name;
  std::int64_t space = 0;
  std::int64_t version = 0;
  // Members as DescribeTable answers them (TableName, KeySchema, GlobalSecondaryIndexes, …), each
  // index with its "Space"; counts and sizes are added when it is described. Beside them hidden
  // members, hidden_members.
  Value definition;

  KeySchema keys;
  std::vector<Index> indexes;
  std::string ttl_attribute;           // Empty: items do not expire.
  std::optional<std::int64_t> stream;  // The enabled stream.
  StreamView stream_view = StreamView::keys;
  struct ReplicaStream {
    std::int64_t number = 0;
    StreamView view = StreamView::keys;
  };
  std::vector<ReplicaStream> replica_streams;  // Of the same table in other regions.
  bool recovers = false;                       // Changes are kept, to be undone.
  bool throttles = false;                      // Its throughput is enforced.
  double read_units = 0, write_units = 0;
  std::shared_ptr<TableSize> size = std::make_shared<TableSize>();
  std::shared_ptr<Throughput> throughput = std::make_shared<Throughput>();

  const Index* find_index(std::string_view index) const;
  bool is_provisioned() const;
  // The attributes of a key in the table and, if one is given, the index: what LastEvaluatedKey holds.
  Map key_attributes(const Map& item, const Index* index = nullptr) const;
};

// What the definition's key schema names, with the types of AttributeDefinitions.
KeySchema read_key_schema(const Value& key_schema, const Value& attribute_definitions);

// A table from its stored row.
std::shared_ptr<const Table> make_table(std::string account, std::string region, std::string name, std::int64_t space,
                                        std::int64_t version, Value definition);

// Checks CreateTable's input in DynamoDB's order and answers the definition. Spaces are not given
// yet. `arn` and `id` are the table's.
struct NewTable {
  std::string arn, id, name;
  Time created;
};
Result<Value> define_table(const Value& input, const NewTable& table);

// The parts of UpdateTable that also define.
Result<Done> check_throughput(const Value& throughput);
Result<Done> check_index_keys(const Value& index, const Value& attribute_definitions, bool global,
                              const Value& table_key_schema);
Result<Value> define_index(const Value& index, bool global, const std::string& table_arn, bool provisioned);

Result<Done> check_projection(const Value& projection);
// Definitions of attributes that no key names any more are no longer there.
void forget_unused_attributes(const Table& table, Value& definition);

// The description of an index, or of a global one, within a table's definition; or null.
Value* find_index(Value& definition, const std::string& name);
Value* find_global_index(Value& definition, const std::string& name);

// "TableName" may also be the table's ARN.
std::string table_name_of(std::string_view name_or_arn);
Result<Done> check_table_name(std::string_view name, std::string_view parameter = "TableName");

}  // namespace moonbase::dynamodb
