// AWS JSON 1.0 and 1.1, to the byte.
#include "helpers.hpp"
#include "models.hpp"

using namespace wire_test;

namespace {

HttpRequest json_request(const std::string& target, std::string body, const std::string& version = "1.0") {
  return request_of("POST", "/", {{"Content-Type", "application/x-amz-json-" + version}, {"X-Amz-Target", target}},
                    std::move(body));
}

}  // namespace

TEST_CASE("JSON: a PutItem arrives as DynamoDB's clients send it") {
  const auto service = plugin_model("storage/dynamodb");
  const auto asked =
      ask(*service, json_request("DynamoDB_20120810.PutItem",
                                 R"({"TableName":"product","Item":{"id":{"S":"42"},"price":{"N":"9.99"},)"
                                 R"("tags":{"SS":["a","b"]},"raw":{"B":"AAH/"},"none":{"NULL":true},)"
                                 R"("deep":{"M":{"list":{"L":[{"S":"x"},{"BOOL":false}]}}}}})"));
  CHECK(asked.protocol == Protocol::json_1_0);
  REQUIRE(asked.operation);
  CHECK(asked.operation->name == "PutItem");
  REQUIRE(asked.input);
  const auto& item = (*asked.input)["Item"];
  CHECK(item["price"]["N"].string() == "9.99");
  CHECK(item["raw"]["B"].string() == std::string("\x00\x01\xff", 3));
  CHECK(item["deep"]["M"]["list"]["L"][1]["BOOL"].boolean() == false);

  const auto response = answer(*service, "GetItem", Protocol::json_1_0, Value(Map{{"Item", item}}));
  CHECK(response.body == R"({"Item":{"id":{"S":"42"},"price":{"N":"9.99"},"tags":{"SS":["a","b"]},"raw":{"B":"AAH/"},)"
                         R"("none":{"NULL":true},"deep":{"M":{"list":{"L":[{"S":"x"},{"BOOL":false}]}}}}})");
  CHECK(response.headers.get("content-type") == "application/x-amz-json-1.0");
}

TEST_CASE("JSON: timestamps are seconds with a fraction, doubles stay doubles") {
  const auto service = plugin_model("storage/dynamodb");
  const auto response = answer(*service, "DescribeTable", Protocol::json_1_0,
                               Value(Map{{"Table", Map{{"CreationDateTime", 1421866952062}, {"ItemCount", 0}}}}));
  CHECK(response.body == R"({"Table":{"CreationDateTime":1421866952.062,"ItemCount":0}})");
  const auto whole = answer(*service, "PutItem", Protocol::json_1_0,
                            Value(Map{{"ConsumedCapacity", Map{{"TableName", "t"}, {"CapacityUnits", 1}}}}));
  CHECK(whole.body == R"({"ConsumedCapacity":{"TableName":"t","CapacityUnits":1.0}})");
}

TEST_CASE("JSON: an error says its type, message and members") {
  const auto service = plugin_model("storage/dynamodb");
  const auto missing =
      answer(*service, "DescribeTable", Protocol::json_1_0,
             Error{"ResourceNotFoundException", "Requested resource not found: Table: nope not found"});
  CHECK(missing.status == 400);
  CHECK(missing.body == R"({"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",)"
                        R"("message":"Requested resource not found: Table: nope not found"})");
  const auto cancelled =
      answer(*service, "TransactWriteItems", Protocol::json_1_0,
             Error{"TransactionCanceledException",
                   "Transaction cancelled",
                   {{"CancellationReasons", List{Map{{"Code", "None"}}, Map{{"Code", "ConditionalCheckFailed"}}}}}});
  CHECK(cancelled.body == R"({"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",)"
                          R"("Message":"Transaction cancelled",)"
                          R"("CancellationReasons":[{"Code":"None"},{"Code":"ConditionalCheckFailed"}]})");
}

TEST_CASE("JSON: a service that spoke Query still says its old error codes") {
  const auto service = plugin_model("queues/sqs");
  for (const auto* code : {"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"}) {
    const auto response =
        answer(*service, "GetQueueUrl", Protocol::json_1_0, Error{code, "The specified queue does not exist."});
    CHECK(response.status == 400);
    CHECK(response.headers.get("x-amzn-query-error") == "AWS.SimpleQueueService.NonExistentQueue;Sender");
    CHECK(response.body ==
          R"({"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."})");
  }
}

TEST_CASE("JSON: both versions are answered in kind") {
  const auto service = plugin_model("queues/kinesis");
  const auto request = json_request("Kinesis_20131202.ListStreams", "{}", "1.1");
  CHECK(wire::detect_protocol(*service, request) == Protocol::json_1_1);
  CHECK(answer(*service, "ListStreams", Protocol::json_1_1,
               Value(Map{{"StreamNames", List{}}, {"HasMoreStreams", false}}))
            .headers.get("content-type") == "application/x-amz-json-1.1");
}

TEST_CASE("JSON: nulls and unknown members are as good as absent") {
  const auto service = plugin_model("queues/sqs");
  const auto asked =
      ask(*service, json_request("AmazonSQS.SendMessage",
                                 R"({"QueueUrl":"u","MessageBody":"b","DelaySeconds":null,"Later":{"x":[1]}})"));
  REQUIRE(asked.input);
  CHECK(*asked.input == Value(Map{{"QueueUrl", "u"}, {"MessageBody", "b"}}));
  CHECK(ask(*service, json_request("AmazonSQS.ListQueues", "")).input->map().empty());
}

TEST_CASE("JSON: a target may have a package before the service, as CloudTrail's has in boto3") {
  const auto service = plugin_model("observability/cloudtrail");
  const auto request = json_request("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents", "{}", "1.1");
  CHECK(wire::read_hints(request).target == "CloudTrail_20131101");
  REQUIRE(ask(*service, request).operation);
  CHECK(ask(*service, request).operation->name == "LookupEvents");
}

TEST_CASE("JSON: an unknown operation or a foreign target is refused") {
  const auto service = plugin_model("storage/dynamodb");
  for (const auto* target : {"DynamoDB_20120810.Nope", "Kinesis_20131202.PutItem", "DynamoDB_20120810."}) {
    const auto found = wire::find_operation(*service, Protocol::json_1_0, json_request(target, "{}"));
    REQUIRE_FALSE(found);
    CHECK(found.error().code == "UnknownOperationException");
  }
  HttpResponse response;
  wire::encode_response(*service, nullptr, Protocol::json_1_0, "id", Error{"UnknownOperationException", ""}, response);
  CHECK(response.status == 400);
  CHECK(response.body == R"({"__type":"com.amazonaws.dynamodb.v20120810#UnknownOperationException"})");
}

TEST_CASE("JSON: values of the wrong type are refused with AWS's words") {
  const auto service = plugin_model("storage/dynamodb");
  const auto problem = [&](const std::string& body) {
    const auto asked = ask(*service, json_request("DynamoDB_20120810.Query", body));
    REQUIRE_FALSE(asked.input);
    CHECK(asked.input.error().code == "SerializationException");
    return asked.input.error().message;
  };
  CHECK(problem(R"({"Limit":"ten"})") == "STRING_VALUE cannot be converted to Integer");
  CHECK(problem(R"({"Limit":1.5})") == "DECIMAL_VALUE cannot be converted to Integer");
  CHECK(problem(R"({"Limit":true})") == "TRUE_VALUE cannot be converted to Integer");
  CHECK(problem(R"({"TableName":5})") == "NUMBER_VALUE cannot be converted to String");
  CHECK(problem(R"({"TableName":{}})") == "Start of structure or map found where not expected.");
  CHECK(problem(R"({"TableName":[]})") == "Unrecognized collection type class java.lang.String");
  CHECK(problem(R"({"ExclusiveStartKey":"x"})") == "Unexpected field type");
  CHECK(problem(R"({"ScanIndexForward":"no"})") == "STRING_VALUE cannot be converted to Boolean");
  CHECK(problem(R"({"ExclusiveStartKey":{"a":{"B":"?"}}})") == "Invalid Base64 in a Blob.");
  CHECK(problem(R"([])") == "Start of list found where not expected");
  CHECK(problem(R"("x")") == "Unexpected field type");
}

TEST_CASE("JSON: malformed text is refused") {
  const auto service = plugin_model("storage/dynamodb");
  std::string deep;
  for (int i = 0; i < 60; ++i) deep += R"({"M":{"a":)";
  for (const std::string& body :
       {std::string("{"), std::string("{\"TableName\":\"a\"} x"), std::string("{\"TableName\":\"\xff\"}"),
        std::string("null"), std::string("{,}"), "{\"Key\":{\"k\":" + deep + "1" + std::string(120, '}') + "}}"}) {
    INFO(body);
    const auto asked = ask(*service, json_request("DynamoDB_20120810.GetItem", body));
    REQUIRE_FALSE(asked.input);
    CHECK(asked.input.error().code == "SerializationException");
  }
}

TEST_CASE("JSON: DynamoDB's 32 levels of nesting fit") {
  const auto service = plugin_model("storage/dynamodb");
  std::string open, close;
  for (int i = 0; i < 32; ++i) {
    open += R"({"M":{"a":)";
    close += "}}";
  }
  const auto asked = ask(*service, json_request("DynamoDB_20120810.PutItem", R"({"TableName":"tab","Item":{"k":)" +
                                                                                 open + R"({"S":"x"})" + close + "}}"));
  REQUIRE(asked.input);
}
