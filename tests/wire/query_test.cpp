// Query and ec2Query, to the byte.
#include "helpers.hpp"
#include "models.hpp"

using namespace wire_test;

namespace {

HttpRequest form(std::string body) {
  return request_of("POST", "/", {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}},
                    std::move(body));
}

}  // namespace

TEST_CASE("Query: SQS as older clients send it") {
  const auto service = plugin_model("queues/sqs");
  const auto asked =
      ask(*service, form("Action=SendMessage&Version=2012-11-05&QueueUrl=http%3A%2F%2Fh%2Fq&MessageBody=This+is+a+"
                         "test%21&DelaySeconds=45&MessageAttribute.1.Name=my_name&MessageAttribute.1.Value."
                         "StringValue=v%201&MessageAttribute.1.Value.DataType=String&MessageAttribute.2.Name="
                         "raw&MessageAttribute.2.Value.BinaryValue=AAH%2F&MessageAttribute.2.Value.DataType=Binary"));
  CHECK(asked.protocol == Protocol::query);
  REQUIRE(asked.input);
  CHECK(*asked.input ==
        Value(Map{{"QueueUrl", "http://h/q"},
                  {"MessageBody", "This is a test!"},
                  {"DelaySeconds", 45},
                  {"MessageAttributes",
                   Map{{"my_name", Map{{"StringValue", "v 1"}, {"DataType", "String"}}},
                       {"raw", Map{{"BinaryValue", std::string("\x00\x01\xff", 3)}, {"DataType", "Binary"}}}}}}));

  const auto response = answer(*service, "SendMessage", Protocol::query,
                               Value(Map{{"MD5OfMessageBody", "fafb"}, {"MessageId", "5fea7756"}}));
  CHECK(response.headers.get("content-type") == "text/xml");
  CHECK(response.body ==
        "<SendMessageResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><SendMessageResult>"
        "<MD5OfMessageBody>fafb</MD5OfMessageBody><MessageId>5fea7756</MessageId></SendMessageResult>"
        "<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></SendMessageResponse>");
}

TEST_CASE("Query: flattened lists and maps go in and out as SQS has them") {
  const auto service = plugin_model("queues/sqs");
  const auto create =
      ask(*service, form("Action=CreateQueue&QueueName=q&Attribute.1.Name=DelaySeconds&Attribute.1.Value=5&Attribute."
                         "2.Name=FifoQueue&Attribute.2.Value=true&Tag.1.Key=a&Tag.1.Value=b"));
  REQUIRE(create.input);
  CHECK((*create.input)["Attributes"] == Value(Map{{"DelaySeconds", "5"}, {"FifoQueue", "true"}}));
  CHECK((*create.input)["tags"] == Value(Map{{"a", "b"}}));

  const auto get =
      ask(*service, form("Action=GetQueueAttributes&QueueUrl=u&AttributeName.1=All&AttributeName.2=QueueArn"));
  REQUIRE(get.input);
  CHECK((*get.input)["AttributeNames"] == Value(List{"All", "QueueArn"}));

  CHECK(answer(*service, "ListQueues", Protocol::query, Value(Map{{"QueueUrls", List{"http://a", "http://b"}}})).body ==
        "<ListQueuesResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><ListQueuesResult>"
        "<QueueUrl>http://a</QueueUrl><QueueUrl>http://b</QueueUrl></ListQueuesResult>"
        "<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></ListQueuesResponse>");
  CHECK(answer(*service, "GetQueueAttributes", Protocol::query, Value(Map{{"Attributes", Map{{"DelaySeconds", "5"}}}}))
            .body ==
        "<GetQueueAttributesResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><GetQueueAttributesResult>"
        "<Attribute><Name>DelaySeconds</Name><Value>5</Value></Attribute></GetQueueAttributesResult>"
        "<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></GetQueueAttributesResponse>");
  CHECK(answer(*service, "DeleteQueue", Protocol::query, Value(Map{})).body ==
        "<DeleteQueueResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\">"
        "<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></DeleteQueueResponse>");
}

TEST_CASE("Query: wrapped lists and maps go in and out as SNS has them") {
  const auto service = plugin_model("notifications/sns");
  const auto create =
      ask(*service, form("Action=CreateTopic&Name=t&Attributes.entry.1.key=DisplayName&Attributes.entry.1.value=T&"
                         "Tags.member.1.Key=k&Tags.member.1.Value=v&Tags.member.10.Key=last&Tags.member.10.Value="
                         "x&Tags.member.2.Key=mid&Tags.member.2.Value=y"));
  REQUIRE(create.input);
  CHECK((*create.input)["Attributes"] == Value(Map{{"DisplayName", "T"}}));
  CHECK((*create.input)["Tags"] == Value(List{Map{{"Key", "k"}, {"Value", "v"}}, Map{{"Key", "mid"}, {"Value", "y"}},
                                              Map{{"Key", "last"}, {"Value", "x"}}}));

  CHECK(answer(*service, "ListTopics", Protocol::query,
               Value(Map{{"Topics", List{Map{{"TopicArn", "arn:a"}}, Map{{"TopicArn", "arn:b"}}}}}))
            .body ==
        "<ListTopicsResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><ListTopicsResult><Topics>"
        "<member><TopicArn>arn:a</TopicArn></member><member><TopicArn>arn:b</TopicArn></member></Topics>"
        "</ListTopicsResult><ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></ListTopicsResponse>");
  CHECK(answer(*service, "GetTopicAttributes", Protocol::query, Value(Map{{"Attributes", Map{{"Owner", "1"}}}})).body ==
        "<GetTopicAttributesResponse "
        "xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><GetTopicAttributesResult><Attributes>"
        "<entry><key>Owner</key><value>1</value></entry></Attributes></GetTopicAttributesResult>"
        "<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></GetTopicAttributesResponse>");
}

TEST_CASE("Query: errors are the sender's or the receiver's") {
  const auto service = plugin_model("queues/sqs");
  const auto response =
      answer(*service, "GetQueueUrl", Protocol::query, Error{"QueueDoesNotExist", "No <such> queue."});
  CHECK(response.status == 400);
  CHECK(response.body ==
        "<ErrorResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><Error><Type>Sender</Type>"
        "<Code>AWS.SimpleQueueService.NonExistentQueue</Code><Message>No &lt;such&gt; queue.</Message>"
        "</Error><RequestId>id-1</RequestId></ErrorResponse>");
  CHECK_FALSE(response.headers.contains("x-amzn-query-error"));
  const auto ours = answer(*service, "GetQueueUrl", Protocol::query, Error{"InternalFailure", "", {}, 500});
  CHECK(ours.status == 500);
  CHECK_THAT(ours.body, Catch::Contains("<Type>Receiver</Type><Code>InternalFailure</Code>"));
  const auto iam = plugin_model("auth/iam");
  CHECK(answer(*iam, "GetRole", Protocol::query, Error{"NoSuchEntityException", ""}).status == 404);
  CHECK_THAT(answer(*iam, "GetRole", Protocol::query, Error{"NoSuchEntityException", ""}).body,
             Catch::Contains("<Code>NoSuchEntity</Code>"));
}

TEST_CASE("Query: a GET with its action in the query is one too") {
  const auto service = plugin_model("auth/sts");
  const auto asked = ask(*service, request_of("GET", "/?Action=GetCallerIdentity&Version=2011-06-15", {}));
  CHECK(asked.protocol == Protocol::query);
  REQUIRE(asked.operation);
  CHECK(asked.operation->name == "GetCallerIdentity");
}

TEST_CASE("Query: what has no action, no known one or no number where one must be is refused") {
  const auto service = plugin_model("auth/iam");
  const auto problem = [&](const std::string& body) {
    const auto asked = ask(*service, form(body));
    REQUIRE_FALSE(asked.input);
    return asked.input.error();
  };
  CHECK(problem("Version=2010-05-08").code == "MissingAction");
  CHECK(problem("Action=").code == "MissingAction");
  CHECK(problem("Action=Nope").code == "InvalidAction");
  CHECK(problem("Action=Nope").message == "Could not find operation Nope for version 2010-05-08");
  CHECK(problem("Action=ListUsers&MaxItems=many").code == "MalformedInput");
  CHECK(problem("Action=GetUser&UserName=%ff").code == "MalformedQueryString");
  CHECK(problem("Action=CreateUser").message ==
        "1 validation error detected: Value null at 'userName' failed to satisfy constraint: Member must not be null");
}

TEST_CASE("Query: hostile parameters neither recurse nor multiply") {
  const auto service = model::read_service(everything);
  std::string deep = "Action=Echo&Tree";
  for (int i = 0; i < 5000; ++i) deep += ".Left";
  const auto nested = ask(*service, form(deep + ".Value=1"));
  REQUIRE_FALSE(nested.input);
  CHECK(nested.input.error().code == "MalformedInput");

  std::string sparse =
      "Action=Echo&Names.member.4294967295=last&Names.member.99999999999=x&Names.member.0=zero&Names.member.-1=x";
  const auto gaps = ask(*service, form(sparse));
  REQUIRE(gaps.input);
  CHECK((*gaps.input)["Names"] == Value(List{"zero", "last"}));

  std::string many = "Action=Echo";
  for (int i = 0; i < 100'001; ++i) many += "&a=";
  CHECK(ask(*service, form(many)).input.error().code == "MalformedQueryString");
}

TEST_CASE("ec2Query: lists are flat in requests and wrapped in answers") {
  const auto service = plugin_model("network/ec2");
  const auto asked =
      ask(*service, form("Action=RunInstances&Version=2016-11-15&ImageId=ami-1&MinCount=1&MaxCount=2&SecurityGroupId.1="
                         "sg-1&SecurityGroupId.2=sg-2&NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.SubnetId=s&"
                         "TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=Name&"
                         "TagSpecification.1.Tag.1.Value=a%20b&DryRun=true&ClientToken=t"));
  CHECK(asked.protocol == Protocol::ec2_query);
  REQUIRE(asked.input);
  const auto& input = *asked.input;
  CHECK(input["SecurityGroupIds"] == Value(List{"sg-1", "sg-2"}));
  CHECK(input["NetworkInterfaces"] == Value(List{Map{{"DeviceIndex", 0}, {"SubnetId", "s"}}}));
  CHECK(input["TagSpecifications"][0]["Tags"] == Value(List{Map{{"Key", "Name"}, {"Value", "a b"}}}));
  CHECK(input["DryRun"].boolean());

  CHECK(answer(*service, "DescribeRegions", Protocol::ec2_query,
               Value(Map{{"Regions", List{Map{{"RegionName", "us-east-1"}, {"Endpoint", "e"}}}}}))
            .body ==
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><DescribeRegionsResponse "
        "xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15\">"
        "<requestId>id-1</requestId><regionInfo><item><regionName>us-east-1</regionName><regionEndpoint>e"
        "</regionEndpoint></item></regionInfo></DescribeRegionsResponse>");
  const auto error = answer(*service, "RunInstances", Protocol::ec2_query, Error{"InvalidAMIID.NotFound", "No image."});
  CHECK(error.body ==
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Errors><Error><Code>InvalidAMIID.NotFound</Code>"
        "<Message>No image.</Message></Error></Errors><RequestID>id-1</RequestID></Response>");
  CHECK(ask(*service, form("Action=TerminateInstances")).input.error().message ==
        "The request must contain the parameter InstanceIds.");
  CHECK(ask(*service, form("Action=Nope")).input.error().message ==
        "The action Nope is not valid for this web service.");
}

TEST_CASE("a form is what is posted, and a query with an Action; a file that says so is not") {
  CHECK(wire::read_hints(form("Action=ListQueues")).form);
  CHECK(wire::read_hints(request_of("GET", "/?Action=ListQueues", {}, "")).form);
  auto file = form("a=b");
  file.method = "PUT";
  CHECK_FALSE(wire::read_hints(file).form);
}
