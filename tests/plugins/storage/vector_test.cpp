// Vector indexes and SearchVectors.
#include <catch2/catch.hpp>
#include <cmath>

#include "support.hpp"

using namespace moonbase;
using namespace moonbase::dynamodb::testing;

namespace {

Value vector_of(const std::vector<std::string>& numbers) {
  List list;
  for (const auto& number : numbers) list.push_back(n(number));
  return l(std::move(list));
}

Value vector_index(const char* name, const char* distance, std::int64_t dimensions, Map projection, List schema = {}) {
  Value index = Map{{"IndexName", name},
                    {"VectorAttribute", Map{{"AttributeName", "v"}}},
                    {"Dimensions", dimensions},
                    {"DistanceFunction", distance},
                    {"Projection", std::move(projection)}};
  if (!schema.empty()) index.set("SearchSchema", std::move(schema));
  return index;
}

const Map all = {{"ProjectionType", "ALL"}}, keys_only = {{"ProjectionType", "KEYS_ONLY"}};

struct Products : Platform {
  Products() : Platform(definition()) {
    put("products", {{"id", s("p1")},
                     {"kind", s("audio")},
                     {"brand", s("acme")},
                     {"title", s("one")},
                     {"v", vector_of({"1", "0"})}});
    put("products", {{"id", s("p2")},
                     {"kind", s("audio")},
                     {"brand", s("other")},
                     {"title", s("two")},
                     {"v", vector_of({"0.9", "0.1"})}});
    put("products", {{"id", s("p3")},
                     {"kind", s("video")},
                     {"brand", s("acme")},
                     {"title", s("three")},
                     {"v", vector_of({"0", "3"})}});
    put("products", {{"id", s("p4")}, {"v", vector_of({"-1", "0"})}});
    put("products", {{"id", s("p5")}, {"kind", s("audio")}});
  }
  static Map definition() {
    auto input = table_input("products", {"id:S"}, {"kind:S", "brand:S"});
    input.set(
        "VectorIndexes",
        List{vector_index("cosine", "COSINE", 2, all), vector_index("euclidean", "EUCLIDEAN", 2, keys_only),
             vector_index("dot", "DOT_PRODUCT", 2, keys_only),
             vector_index("by-kind", "COSINE", 2, {{"ProjectionType", "INCLUDE"}, {"NonKeyAttributes", List{"title"}}},
                          List{Map{{"AttributeName", "kind"}, {"SearchSchemaElementType", "HASH"}},
                               Map{{"AttributeName", "brand"}, {"SearchSchemaElementType", "INLINE_FILTER"}}})});
    return input;
  }
  Map input(const char* index, const char* x = "1", const char* y = "0", int most = 10) {
    return {{"TableName", "products"}, {"IndexName", index}, {"SearchVector", List{n(x), n(y)}}, {"TopK", most}};
  }
  // "p1 p2": the items, the most similar first.
  std::string found(Map input) {
    std::string text;
    const auto answer = call("SearchVectors", std::move(input));
    for (const auto& result : answer["SearchResults"].list())
      text += (text.empty() ? "" : " ") + result["Item"]["id"]["S"].string();
    return text;
  }
  Map with(const char* index, const char* condition, Map values) {
    auto asked = input(index);
    asked.set("SearchConditionExpression", condition);
    asked.set("ExpressionAttributeValues", std::move(values));
    return asked;
  }
};

}  // namespace

TEST_CASE("a search answers the most similar items first, by the index's distance") {
  Products kernel;
  const auto results = kernel.call("SearchVectors", kernel.input("cosine"))["SearchResults"];
  REQUIRE(results.list().size() == 4);
  CHECK(results[0]["Item"] ==
        Value(Map{{"id", s("p1")}, {"kind", s("audio")}, {"brand", s("acme")}, {"title", s("one")}}));
  CHECK(results[0]["Score"].number() == Approx(0).margin(1e-6));
  CHECK(results[1]["Item"]["id"]["S"].string() == "p2");
  CHECK(results[1]["Score"].number() == Approx(1 - 0.9 / std::sqrt(0.82)));
  CHECK(results[2]["Score"].number() == Approx(1));
  CHECK(results[3]["Score"].number() == Approx(2));
  CHECK(kernel.found(kernel.input("cosine", "1", "0", 2)) == "p1 p2");
  CHECK(kernel.found(kernel.input("euclidean", "0", "2.5", 2)) == "p3 p2");
  CHECK(kernel.found(kernel.input("dot", "1", "2", 2)) == "p3 p2");
  const auto dot = kernel.call("SearchVectors", kernel.input("dot", "1", "2", 1))["SearchResults"][0];
  CHECK(dot["Item"] == Value(Map{{"id", s("p3")}}));
  CHECK(dot["Score"].number() == Approx(6));
}

TEST_CASE("a search schema divides an index and filters it") {
  Products kernel;
  CHECK(kernel.found(kernel.with("by-kind", "kind = :k", {{":k", s("audio")}})) == "p1 p2");
  auto filtered = kernel.with("by-kind", "#k = :k AND brand = :b", {{":k", s("audio")}, {":b", s("other")}});
  filtered.set("ExpressionAttributeNames", Map{{"#k", "kind"}});
  CHECK(kernel.found(filtered) == "p2");
  filtered.set("TopK", 1);
  CHECK(kernel.found(filtered) == "p2");  // Filtered before the best are taken.

  auto chosen = kernel.with("by-kind", "kind = :k", {{":k", s("video")}});
  CHECK(kernel.call("SearchVectors", chosen)["SearchResults"][0]["Item"] ==
        Value(Map{{"id", s("p3")}, {"kind", s("video")}, {"brand", s("acme")}, {"title", s("three")}}));
  chosen.set("ProjectionExpression", "id, v");
  CHECK(kernel.call("SearchVectors", chosen)["SearchResults"][0]["Item"] ==
        Value(Map{{"id", s("p3")}, {"v", vector_of({"0", "3"})}}));
}

TEST_CASE("an index follows its items") {
  Products kernel;
  kernel.put("products", {{"id", s("p1")}, {"kind", s("video")}, {"v", vector_of({"0", "1"})}});
  CHECK(kernel.found(kernel.input("cosine", "1", "0", 1)) == "p2");
  CHECK(kernel.found(kernel.with("by-kind", "kind = :k", {{":k", s("audio")}})) == "p2");
  kernel.call("DeleteItem", {{"TableName", "products"}, {"Key", Map{{"id", s("p2")}}}});
  kernel.call("UpdateItem",
              {{"TableName", "products"}, {"Key", Map{{"id", s("p3")}}}, {"UpdateExpression", "REMOVE v"}});
  CHECK(kernel.found(kernel.input("cosine", "0", "1")) == "p1 p4");
  const auto described = kernel.call("DescribeTable", {{"TableName", "products"}})["Table"]["VectorIndexes"];
  CHECK(described[0]["ItemCount"].integer() == 2);
  CHECK(described[0]["IndexArn"].string() == "arn:aws:dynamodb:us-east-1:000000000000:table/products/index/cosine");
  CHECK(described[0]["Space"].is_null());
  CHECK(described[3]["SearchSchema"].list().size() == 2);
}

TEST_CASE("an index added later is filled, one at a time, and goes with its attributes") {
  Products kernel;
  const auto update = [&](List updates) {
    return kernel.try_call("dynamodb", "UpdateTable",
                           {{"TableName", "products"}, {"VectorIndexUpdates", std::move(updates)}});
  };
  const Map create = {{"Create", vector_index("later", "EUCLIDEAN", 2, keys_only)}};
  CHECK(update({create, create}).error().code == "LimitExceededException");
  const auto made = update({create});
  REQUIRE(made);
  CHECK((*made)["TableDescription"]["VectorIndexes"][4]["IndexStatus"].string() == "CREATING");
  kernel.clock.advance_ms(1);
  CHECK(kernel.found(kernel.input("later", "-1", "0", 1)) == "p4");
  CHECK(update({Map{{"Delete", Map{{"IndexName", "by-kind"}}}}}));
  const auto table = kernel.call("DescribeTable", {{"TableName", "products"}})["Table"];
  CHECK(table["AttributeDefinitions"] == attribute_definitions({"id:S"}));
  CHECK(table["VectorIndexes"].list().size() == 4);
  CHECK(update({Map{{"Delete", Map{{"IndexName", "by-kind"}}}}}).error().code == "ResourceNotFoundException");

  const auto backup = kernel.call("CreateBackup", {{"TableName", "products"}, {"BackupName", "all"}})["BackupDetails"];
  kernel.call("RestoreTableFromBackup", {{"BackupArn", backup["BackupArn"]}, {"TargetTableName", "copy"}});
  auto search = kernel.input("later", "-1", "0", 1);
  search.set("TableName", "copy");
  CHECK(kernel.found(search) == "p4");
}

TEST_CASE("what is no vector, and what an index cannot search, is refused") {
  Products kernel;
  const std::string invalid = "One or more parameter values were invalid: ";
  for (const auto& wrong : {vector_of({"1"}), vector_of({"1", "2", "3"}), l({s("1"), n("2")}), s("no")})
    CHECK(kernel.error("PutItem", {{"TableName", "products"}, {"Item", Map{{"id", s("x")}, {"v", wrong}}}}).message ==
          invalid + "Vector attribute v must be a list of 2 numbers. IndexName: cosine");
  const auto refused = [&](Map input) {
    const auto error = kernel.error("SearchVectors", std::move(input));
    CHECK(error.code == "ValidationException");
    return error.message;
  };
  auto longer = kernel.input("cosine");
  longer.set("SearchVector", List{n("1"), n("2"), n("3")});
  CHECK(refused(longer) == invalid + "SearchVector must be a list of numbers of the index's dimensions: 2");
  CHECK(refused(kernel.input("other")) == "The table does not have the specified index: other");
  CHECK(refused(kernel.input("by-kind")).find("partition key must be given a value: kind") != std::string::npos);
  const auto condition = [&](const char* text, Map values) {
    return refused(kernel.with("by-kind", text, std::move(values)));
  };
  CHECK(condition("kind <> :k", {{":k", s("a")}}).find("Only the equality operator") != std::string::npos);
  CHECK(condition("kind = :k OR brand = :k", {{":k", s("a")}}).find("combined with AND") != std::string::npos);
  CHECK(condition("kind = :k AND title = :t", {{":k", s("a")}, {":t", s("b")}}).find("search schema: title") !=
        std::string::npos);
  CHECK(condition("kind = :k", {{":k", n("1")}}).find("does not match schema type") != std::string::npos);
  CHECK(kernel
            .error("Query", {{"TableName", "products"},
                             {"IndexName", "by-kind"},
                             {"KeyConditionExpression", "kind = :k"},
                             {"ExpressionAttributeValues", Map{{":k", s("audio")}}}})
            .message == "Query and Scan are not supported on vector indexes: by-kind");
  auto asks = kernel.input("cosine");
  asks.set("ReturnConsumedCapacity", "TOTAL");
  CHECK(kernel.error("SearchVectors", asks).code == "NotImplemented");

  auto metered = Products::definition();
  metered.set("TableName", "metered");
  metered.set("BillingMode", "PROVISIONED");
  metered.set("ProvisionedThroughput", Map{{"ReadCapacityUnits", 1}, {"WriteCapacityUnits", 1}});
  CHECK(kernel.error("CreateTable", metered).message.find("PAY_PER_REQUEST") != std::string::npos);
}
