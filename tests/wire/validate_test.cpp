// What the model itself refuses, in AWS's words.
#include "helpers.hpp"
#include "models.hpp"

using namespace wire_test;

namespace {

Result<Value> checked(const model::Service& service, const std::string& operation, Value input) {
  FixedIds ids;
  const auto valid = wire::validate(service, *service.operation(operation), input, ids);
  if (!valid) return valid.error();
  return input;
}

std::string refusal(const model::Service& service, const std::string& operation, const Value& input) {
  const auto result = checked(service, operation, input);
  return result ? "accepted" : result.error().code + ": " + result.error().message;
}

// Small, with every rule.
constexpr const char* rules = R"lua(
local shape = require "moonbase.shape"
return shape.service { name = "rules", version = "1", protocols = { "json-1.0" },
  shapes = {
    Choice = shape.union { A = shape.string, B = shape.integer },
    Item = { Name = shape.string { length = { 2, 3 } }, Inner = { Deep = shape.required(shape.string) } },
  },
  operations = { Do = { input = {
    Name = shape.string { length = { 2, 4 }, pattern = "[a-z]+" }, Exact = shape.string { length = 3 },
    Count = shape.integer { range = { 1, 10 } }, Rate = shape.double { range = { 0.5 } },
    Kind = shape.enum { "A", "B" }, Data = shape.blob { length = { nil, 2 } },
    Names = shape.list { shape.string { length = { 1, 2 } }, length = { nil, 2 } },
    Items = shape.list { "Item" }, ByName = shape.map { "Item" },
    Tags = shape.map { shape.string { length = { 1, 2 } }, shape.string { length = { nil, 3 } } },
    Sparse = shape.list { shape.string, sparse = true },
    Choice = "Choice", Secret = shape.string { sensitive = true, length = { 8 } },
    Token = shape.string { idempotency_token = true }, Mode = shape.string { default = "FAST" },
    At = shape.timestamp, Any = shape.document, On = shape.boolean } },
    Need = { input = { One = shape.required(shape.string), Two = shape.required(shape.integer) } } } }
)lua";

}  // namespace

TEST_CASE("each rule is refused with its own sentence, on both sides of its edge") {
  const auto service = model::read_service(rules);
  const auto one = [&](const std::string& name, Value value) {
    return refusal(*service, "Do", Map{{name, std::move(value)}});
  };
  const std::string head = "ValidationException: 1 validation error detected: Value ";
  const std::string constraint = " failed to satisfy constraint: ";
  CHECK(one("Name", "ab") == "accepted");
  CHECK(one("Name", "abcd") == "accepted");
  CHECK(one("Name", "a") == head + "'a' at 'name'" + constraint + "Member must have length greater than or equal to 2");
  CHECK(one("Name", "abcde") ==
        head + "'abcde' at 'name'" + constraint + "Member must have length less than or equal to 4");
  CHECK(one("Name", "AB") ==
        head + "'AB' at 'name'" + constraint + "Member must satisfy regular expression pattern: [a-z]+");
  CHECK(one("Name", "A") == "ValidationException: 2 validation errors detected: Value 'A' at 'name'" + constraint +
                                "Member must have length greater than or equal to 2; Value 'A' at 'name'" + constraint +
                                "Member must satisfy regular expression pattern: [a-z]+");
  CHECK(one("Exact", "é€😀").find("accepted") == std::string::npos);  // Java counts four.
  CHECK(one("Exact", "é€a") == "accepted");
  CHECK(one("Count", 1) == "accepted");
  CHECK(one("Count", 10) == "accepted");
  CHECK(one("Count", 0) == head + "'0' at 'count'" + constraint + "Member must have value greater than or equal to 1");
  CHECK(one("Count", 11) == head + "'11' at 'count'" + constraint + "Member must have value less than or equal to 10");
  CHECK(one("Rate", 0.4) ==
        head + "'0.4' at 'rate'" + constraint + "Member must have value greater than or equal to 0.5");
  CHECK(one("Kind", "A") == "accepted");
  CHECK(one("Kind", "C") == head + "'C' at 'kind'" + constraint + "Member must satisfy enum value set: [A, B]");
  CHECK(one("Data", "abc") == head + "'java.nio.HeapByteBuffer[pos=0 lim=3 cap=3]' at 'data'" + constraint +
                                  "Member must have length less than or equal to 2");
  CHECK(one("Secret", "short") == head + "'***Sensitive Data Redacted***' at 'secret'" + constraint +
                                      "Member must have length greater than or equal to 8");
}

TEST_CASE("rules inside lists and maps name the place") {
  const auto service = model::read_service(rules);
  const auto one = [&](const std::string& name, Value value) {
    return refusal(*service, "Do", Map{{name, std::move(value)}});
  };
  const std::string head = "ValidationException: 1 validation error detected: Value ";
  const std::string constraint = " failed to satisfy constraint: ";
  CHECK(one("Names", List{"a", "bb"}) == "accepted");
  CHECK(one("Names", List{"a", "b", "c"}) ==
        head + "'[a, b, c]' at 'names'" + constraint + "Member must have length less than or equal to 2");
  CHECK(one("Names", List{"ok", "bad"}) ==
        head + "'[ok, bad]' at 'names'" + constraint +
            "Member must satisfy constraint: [Member must have length less than or equal to 2, "
            "Member must have length greater than or equal to 1]");
  CHECK(one("Names", List{nullptr}) ==
        "ValidationException: 1 validation error detected: Value null at 'names.1.member'" + constraint +
            "Member must not be null");
  CHECK(one("Sparse", List{nullptr, "x"}) == "accepted");
  CHECK(one("Items", List{Map{{"Name", "ab"}}, Map{{"Name", "a"}}}) ==
        head + "'a' at 'items.2.member.name'" + constraint + "Member must have length greater than or equal to 2");
  CHECK(one("Items", List{Map{{"Inner", Map{}}}}) ==
        "ValidationException: 1 validation error detected: Value null at "
        "'items.1.member.inner.deep'" +
            constraint + "Member must not be null");
  CHECK(one("ByName", Map{{"k", Map{{"Name", "a"}}}}) ==
        head + "'a' at 'byName.k.member.name'" + constraint + "Member must have length greater than or equal to 2");
  CHECK(one("Tags", Map{{"key", "v"}}) ==
        head + "'{key=v}' at 'tags'" + constraint +
            "Map keys must satisfy constraint: [Member must have length less than or equal to 2, "
            "Member must have length greater than or equal to 1]");
  CHECK(one("Tags", Map{{"k", "value"}}) ==
        head + "'{k=value}' at 'tags'" + constraint +
            "Map value must satisfy constraint: [Member must have length less than or equal to 3]");
}

TEST_CASE("what is missing is named, all of it at once") {
  const auto service = model::read_service(rules);
  CHECK(refusal(*service, "Need", Map{}) ==
        "ValidationException: 2 validation errors detected: Value null at 'one' failed to satisfy constraint: Member "
        "must not be null; "
        "Value null at 'two' failed to satisfy constraint: Member must not be null");
  CHECK(refusal(*service, "Need", Map{{"One", ""}, {"Two", 0}}) == "accepted");
}

TEST_CASE("a union has exactly one member") {
  const auto service = model::read_service(rules);
  CHECK(refusal(*service, "Do", Map{{"Choice", Map{{"A", "x"}}}}) == "accepted");
  CHECK(refusal(*service, "Do", Map{{"Choice", Map{{"A", "x"}, {"B", nullptr}, {"__type", "t"}}}}) == "accepted");
  CHECK(refusal(*service, "Do", Map{{"Choice", Map{}}}) ==
        "ValidationException: The union at 'choice' must have exactly one member set.");
  CHECK(refusal(*service, "Do", Map{{"Choice", Map{{"A", "x"}, {"B", 1}}}}) ==
        "ValidationException: The union at 'choice' must have exactly one member set.");
  // A service that says more about it checks its unions itself.
  const auto dynamodb = plugin_model("storage/dynamodb");
  CHECK(refusal(*dynamodb, "PutItem", Map{{"TableName", "tab"}, {"Item", Map{{"a", Map{}}}}}) == "accepted");
}

TEST_CASE("defaults and tokens are filled in, unknown members and nulls are taken out") {
  const auto service = model::read_service(rules);
  const auto filled = checked(*service, "Do", Map{{"Kind", nullptr}, {"Strange", 1}, {"On", true}});
  REQUIRE(filled);
  CHECK(*filled == Value(Map{{"On", true}, {"Mode", "FAST"}, {"Token", "11111111-1111-4111-9111-111111111111"}}));
  CHECK((*checked(*service, "Do", Map{{"Mode", "SLOW"}, {"Token", "t"}}))["Token"].string() == "t");
  CHECK((*checked(*service, "Do", Value()))["Mode"].string() == "FAST");
}

TEST_CASE("kinds are checked for callers from inside too") {
  const auto service = model::read_service(rules);
  const auto one = [&](const std::string& name, Value value) {
    return refusal(*service, "Do", Map{{name, std::move(value)}});
  };
  CHECK(one("Count", 5.0) == "accepted");
  CHECK((*checked(*service, "Do", Map{{"Count", 5.0}}))["Count"].is_integer());
  CHECK(one("Count", 5.5) == "SerializationException: DECIMAL_VALUE cannot be converted to Integer");
  CHECK(one("Count", "5") == "SerializationException: STRING_VALUE cannot be converted to Integer");
  CHECK(one("Rate", 1) == "accepted");
  CHECK(one("Name", 5) == "SerializationException: NUMBER_VALUE cannot be converted to String");
  CHECK(one("On", "true") == "SerializationException: STRING_VALUE cannot be converted to Boolean");
  CHECK(one("Names", "a") == "SerializationException: Unexpected field type");
  CHECK(one("Names", Map{}) == "SerializationException: Start of structure or map found where not expected.");
  CHECK(one("Items", List{"a"}) == "SerializationException: Unexpected field type");
  CHECK(one("At", List{}) == "SerializationException: Start of list found where not expected");
  CHECK(one("Any", List{Map{{"x", 1}}}) == "accepted");
  CHECK(refusal(*service, "Do", List{}) == "SerializationException: Start of list found where not expected");
}

TEST_CASE("services word their refusals in their own way") {
  const auto sqs = plugin_model("queues/sqs");
  CHECK(refusal(*sqs, "SendMessage", Map{{"MessageBody", "b"}}) ==
        "MissingParameter: The request must contain the parameter QueueUrl.");
  CHECK(refusal(*sqs, "ReceiveMessage", Map{{"QueueUrl", "u"}, {"MaxNumberOfMessages", 11}}) ==
        "InvalidParameterValue: Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and "
        "10, if provided.");
  const auto dynamodb = plugin_model("storage/dynamodb");
  CHECK(refusal(*dynamodb, "CreateTable",
                Map{{"TableName", "ab"},
                    {"KeySchema", List{Map{{"AttributeName", "a"}, {"KeyType", "HASH"}}}},
                    {"AttributeDefinitions", List{}}}) ==
        "ValidationException: 1 validation error detected: Value 'ab' at 'tableName' failed to satisfy constraint: "
        "Member must have length greater than or equal to 3");
  const auto gateway = plugin_model("gateway/apigateway");
  CHECK(refusal(*gateway, "CreateRestApi", Map{})
            .starts_with("BadRequestException: 1 validation error detected: Value null at 'name'"));
  const auto lambda = plugin_model("functions/lambda");
  CHECK(refusal(*lambda, "GetFunction", Map{{"FunctionName", "a b"}})
            .starts_with("ValidationException: 1 validation error detected: "
                         "Value 'a b' at 'functionName' failed to satisfy"));
}

TEST_CASE("hostile inputs make neither huge messages nor long work") {
  const auto service = model::read_service(rules);
  List many;
  for (int i = 0; i < 100'000; ++i) many.push_back(Map{{"Name", std::string(100, 'x')}});
  const auto result = checked(*service, "Do", Map{{"Items", std::move(many)}});
  REQUIRE_FALSE(result);
  CHECK(result.error().message.size() < 100'000);
  Map unknown;
  for (int i = 0; i < 100'000; ++i) unknown.set("unknown" + std::to_string(i), i);
  CHECK(checked(*service, "Do", std::move(unknown)));
}
