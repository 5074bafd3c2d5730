// SearchVectors, and UpdateTable's VectorIndexUpdates. A search compares with every vector of its partition, so that
// its answer is exact; its time grows with the partition.
#include <algorithm>
#include <queue>

#include "attribute.hpp"
#include "errors.hpp"
#include "item_format.hpp"
#include "service.hpp"
#include "vector_index.hpp"

namespace moonbase::dynamodb {
namespace {

constexpr std::size_t answer_bytes_max = 16u << 20;

const ExpressionParameters search_parameters = {
    {ExpressionKind::search, ExpressionKind::projection}, {}, "SearchConditionExpression is null"};

Error invalid_condition(const std::string& why) { return validation("Invalid SearchConditionExpression: " + why); }

// Attributes that must have these values.
struct Equal {
  std::string attribute;
  const Value* value = nullptr;
};

Result<std::vector<Equal>> read_equalities(const BoundExpression& expression, const VectorKeys& keys) {
  std::vector<Equal> equalities;
  if (!expression) return equalities;
  const auto& condition = expression.expression->condition;
  const bool joined = std::all_of(condition.steps.begin(), condition.steps.end(), [](const Condition::Step& step) {
    return step.kind == Condition::Step::Kind::comparison || step.kind == Condition::Step::Kind::conjunction;
  });
  if (!joined) return invalid_condition("Conditions can only be combined with AND");
  for (const auto& comparison : condition.comparisons) {
    const bool is_equality = comparison.op == Operator::equal && comparison.operands.size() == 2 &&
                             comparison.operands[0].kind == Operand::Kind::path &&
                             comparison.operands[1].kind == Operand::Kind::value;
    if (!is_equality) return invalid_condition("Only the equality operator is supported, with a value on its right");
    const auto& path = comparison.operands[0].path;
    if (path.size() != 1) return invalid_condition("Only top-level attributes are supported");
    const auto& attribute = step_name(path[0], expression.bindings);
    const auto in = [&](const std::vector<std::string>& names) {
      return std::find(names.begin(), names.end(), attribute) != names.end();
    };
    if (!in(keys.partition) && !in(keys.filters))
      return invalid_condition("Attribute is not part of the index's search schema: " + attribute);
    if (std::any_of(equalities.begin(), equalities.end(), [&](const Equal& one) { return one.attribute == attribute; }))
      return invalid_condition("There must only be one condition per attribute: " + attribute);
    equalities.push_back({attribute, expression.bindings.values[comparison.operands[1].value]});
  }
  return equalities;
}

// A search in progress: where, for what, and the best so far with the worst of them first.
struct Found {
  double score = 0;
  std::string partition, vector, tie;
};
struct Search {
  TablePointer table;
  const Index* index = nullptr;
  std::vector<float> wanted;
  std::string partition;
  std::vector<Equal> filters;
  std::size_t most = 0;

  bool nearer(const Found& a, const Found& b) const {
    return a.score != b.score ? is_nearer(index->vector->distance, a.score, b.score) : a.tie < b.tie;
  }
};

Result<Done> choose_partition(Search& search, const std::vector<Equal>& equalities) {
  std::vector<const Value*> values;
  for (const auto& key : search.index->keys.partition) {
    const auto given =
        std::find_if(equalities.begin(), equalities.end(), [&](const Equal& one) { return one.attribute == key.name; });
    if (given == equalities.end())
      return invalid_condition("The index's partition key must be given a value: " + key.name);
    if (type_of(*given->value) != key.type)
      return validation(
          "One or more parameter values were invalid: Condition parameter type does not match schema type");
    values.push_back(given->value);
  }
  search.partition = partition_bytes(values);
  for (const auto& one : equalities)
    if (!search.index->keys.contains(one.attribute)) search.filters.push_back(one);
  return done;
}

bool passes(const Search& search, const Map& item) {
  return std::all_of(search.filters.begin(), search.filters.end(), [&](const Equal& filter) {
    const auto* value = item.find(filter.attribute);
    return value && equal(*value, *filter.value);
  });
}

std::vector<Found> find_nearest(Transaction& tx, const Search& search) {
  const auto farther_last = [&](const Found& a, const Found& b) { return search.nearer(a, b); };
  std::priority_queue<Found, std::vector<Found>, decltype(farther_last)> best(farther_last);
  tx.each(std::string("SELECT pk, sk, tie") + (search.filters.empty() ? "" : ", content") +
              " FROM dynamodb_item WHERE account = ? AND space = ? AND pk = ?",
          {search.table->account, search.index->space, Blob{search.partition}}, [&](const Row& row) {
            Found found{score(search.index->vector->distance, search.wanted, unpack_vector(row[1].string())),
                        row[0].string(), row[1].string(), row[2].string()};
            if (best.size() == search.most && !search.nearer(found, best.top())) return true;
            if (!search.filters.empty() && !passes(search, decode_item(row[3].string()))) return true;
            best.push(std::move(found));
            if (best.size() > search.most) best.pop();
            return true;
          });
  std::vector<Found> nearest;
  for (; !best.empty(); best.pop()) nearest.push_back(best.top());
  std::reverse(nearest.begin(), nearest.end());
  return nearest;
}

// What the index holds of an item; with its vector, where a projection names that.
Map projected(Transaction& tx, const Search& search, const Found& found, const std::optional<Projection>& projection,
              bool with_vector) {
  const auto rows =
      tx.query("SELECT content FROM dynamodb_item WHERE account = ? AND space = ? AND pk = ? AND sk = ? AND tie = ?",
               search.table->account, search.index->space, Blob{found.partition}, Blob{found.vector}, Blob{found.tie});
  auto item = decode_item(rows.at(0)[0].string());
  if (with_vector)
    if (const auto key = key_of_item(search.table->keys, item))
      if (const auto whole = read_item(tx, *search.table, *key))
        if (const auto* vector = whole->item.find(search.index->vector->attribute))
          item.set(search.index->vector->attribute, *vector);
  return projection ? projection->apply(item) : item;
}

}  // namespace

Result<Value> search_vectors(Service& service, Call& call) {
  auto& input = call.input;
  if (input["ReturnConsumedCapacity"].string_or("NONE") != "NONE")
    return not_implemented("dynamodb SearchVectors ReturnConsumedCapacity");
  if (auto checked = check_parameters(input, search_parameters); !checked) return checked.error();
  auto expressions = Expressions::read(service.expressions, input, search_parameters);
  if (!expressions) return expressions.error();
  const auto table = service.tables.find(call.kernel.store, table_named(call, input["TableName"].string()));
  if (!table) return table.error();

  Search search{*table, (*table)->find_index(input["IndexName"].string()), {}, {},
                {},     static_cast<std::size_t>(input["TopK"].integer())};
  if (!search.index || !search.index->vector)
    return validation("The table does not have the specified index: " + input["IndexName"].string());
  if (!search.index->active) return validation("Cannot read from backfilling vector index: " + search.index->name);
  Value wanted = Map{{"L", input["SearchVector"]}};
  if (auto checked = check_attribute(wanted); !checked) return checked.error();
  const auto packed = pack_vector(wanted, search.index->vector->dimensions);
  if (!packed)
    return invalid_parameter("SearchVector must be a list of numbers of the index's dimensions: " +
                             std::to_string(search.index->vector->dimensions));
  search.wanted = unpack_vector(*packed);
  const auto equalities = read_equalities((*expressions)[ExpressionKind::search], *search.index->vector);
  if (!equalities) return equalities.error();
  if (auto chosen = choose_partition(search, *equalities); !chosen) return chosen.error();

  const auto projection = read_projection(*expressions, Value());
  const auto& asked = (*expressions)[ExpressionKind::projection];
  const bool with_vector =
      asked && std::any_of(asked.expression->paths.begin(), asked.expression->paths.end(), [&](const Path& path) {
        return step_name(path[0], asked.bindings) == search.index->vector->attribute;
      });
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    List results;
    std::size_t bytes = 0;
    for (const auto& found : find_nearest(tx, search)) {
      auto item = projected(tx, search, found, projection, with_vector);
      bytes += item_bytes(item);
      if (bytes > answer_bytes_max)
        return validation("The response exceeds 16 MB: ask for fewer results or attributes");
      results.push_back(Map{{"Item", std::move(item)}, {"Score", found.score}});
    }
    return Value(Map{{"SearchResults", std::move(results)}});
  });
}

Result<Done> update_vector_indexes(Transaction& tx, const Table& table, Value& definition, const Value& updates,
                                   Time now) {
  if (updates.list().size() != 1)
    return Error{"LimitExceededException",
                 "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"};
  const auto &create = updates[0]["Create"], &remove = updates[0]["Delete"];
  if (create.is_null() == remove.is_null())
    return invalid_parameter("One of VectorIndexUpdate.Create, VectorIndexUpdate.Delete must not be null");
  auto& indexes = definition.map()["VectorIndexes"];
  if (indexes.is_null()) indexes = List{};
  if (!create.is_null()) {
    const auto& name = create["IndexName"].string();
    if (table.find_index(name)) return validation("Attempting to create an index which already exists");
    if (auto checked = check_vector_index(create, definition["AttributeDefinitions"], table.is_provisioned()); !checked)
      return checked;
    auto index = define_vector_index(create, definition["TableArn"].string());
    index.set("IndexStatus", "CREATING");
    index.set("Backfilling", true);
    index.set("Space", take_spaces(tx, table.account, 1));
    indexes.list().push_back(std::move(index));
    tx.schedule(now, "dynamodb-backfill",
                Map{{"account", table.account}, {"region", table.region}, {"table", table.name}, {"index", name}});
    return done;
  }
  const auto* index = table.find_index(remove["IndexName"].string());
  if (!index || !index->vector) return Error{"ResourceNotFoundException", "Requested resource not found"};
  tx.schedule(now, "dynamodb-clear", Map{{"account", table.account}, {"space", index->space}});
  std::erase_if(indexes.list(), [&](const Value& one) { return one["IndexName"].string() == index->name; });
  if (indexes.list().empty()) definition.map().erase("VectorIndexes");
  forget_unused_attributes(table, definition);
  return done;
}

}  // namespace moonbase::dynamodb
