#include <algorithm>
#include <catch2/catch.hpp>
#include <moonbase/json.hpp>

#include "support.hpp"

using namespace moonbase;
using moonbase::s3::testing::Platform;
using Words = std::vector<std::string>;

namespace {

Value json(const std::string& text) { return parse_json(text).value(); }

// A bucket and a queue.
struct Told : Platform {
  Told() : Platform("photos", {"storage", "queues", "notifications"}) { url = make_queue("events"); }

  std::string make_queue(const std::string& name) {
    return try_call("sqs", "CreateQueue", {{"QueueName", name}}).value()["QueueUrl"].string();
  }
  static std::string arn(const std::string& queue) { return "arn:aws:sqs:us-east-1:000000000000:" + queue; }
  static Value to_queue(List events, List rules = {}, const std::string& queue = "events") {
    Map one{{"QueueArn", arn(queue)}, {"Events", std::move(events)}, {"Id", queue + std::to_string(rules.size())}};
    if (!rules.empty()) one.set("Filter", Map{{"Key", Map{{"FilterRules", std::move(rules)}}}});
    return one;
  }
  static Value rule(const char* name, const char* value) { return Map{{"Name", name}, {"Value", value}}; }
  static Map configured(List queues) {
    return {{"Bucket", "photos"}, {"NotificationConfiguration", Map{{"QueueConfigurations", std::move(queues)}}}};
  }
  void tell(List queues) {
    call("PutBucketNotificationConfiguration", configured(std::move(queues)));
    messages();
  }
  Error refused(List queues) { return error("PutBucketNotificationConfiguration", configured(std::move(queues))); }
  // All that is in the queue, taken out.
  std::vector<Value> messages() {
    clock.advance_ms(1);
    std::vector<Value> all;
    for (;;) {
      const auto received =
          try_call("sqs", "ReceiveMessage", {{"QueueUrl", url}, {"MaxNumberOfMessages", 10}}).value()["Messages"];
      if (!received.is_list() || received.list().empty()) return all;
      for (const auto& message : received.list()) {
        all.push_back(json(message["Body"].string()));
        (void)try_call("sqs", "DeleteMessage", {{"QueueUrl", url}, {"ReceiptHandle", message["ReceiptHandle"]}});
      }
    }
  }
  std::vector<Value> records() {
    std::vector<Value> records;
    for (const auto& message : messages())
      for (const auto& record : message["Records"].list()) records.push_back(record);
    return records;
  }
  Words names() {
    Words names;
    for (const auto& record : records())
      names.push_back(record["eventName"].string() + " " + record["s3"]["object"]["key"].string());
    return names;
  }
  void remove(const char* key) { call("DeleteObject", {{"Bucket", "photos"}, {"Key", key}}); }

  std::string url;
};

}  // namespace

TEST_CASE("a queue is told of an object as S3 tells it") {
  Told kernel;
  kernel.tell({Told::to_queue({"s3:ObjectCreated:*"})});
  const auto answer = kernel.send("PUT", "/photos/a%20dir/red%20flower%2B.jpg", "petals");
  const auto records = kernel.records();
  REQUIRE(records.size() == 1);
  const auto& record = records.front();
  CHECK(record["eventVersion"].string() == "2.1");
  CHECK(record["eventSource"].string() == "aws:s3");
  CHECK(record["awsRegion"].string() == "us-east-1");
  CHECK(record["eventTime"].string() == "2027-01-01T00:00:00.001Z");
  CHECK(record["eventName"].string() == "ObjectCreated:Put");
  CHECK(record["userIdentity"]["principalId"].string() == "AWS:000000000000");
  CHECK(record["requestParameters"]["sourceIPAddress"].is_string());
  CHECK(record["responseElements"]["x-amz-request-id"].string() == answer.headers.get("x-amz-request-id"));
  CHECK(record["responseElements"]["x-amz-id-2"].string() == answer.headers.get("x-amz-id-2"));
  const auto& s3 = record["s3"];
  CHECK(s3["s3SchemaVersion"].string() == "1.0");
  CHECK(s3["configurationId"].string() == "events0");
  CHECK(s3["bucket"]["name"].string() == "photos");
  CHECK(s3["bucket"]["arn"].string() == "arn:aws:s3:::photos");
  CHECK(s3["bucket"]["ownerIdentity"]["principalId"].string() == "000000000000");
  CHECK(s3["object"]["key"].string() == "a+dir/red+flower%2B.jpg");
  CHECK(s3["object"]["size"].integer() == 6);
  CHECK('"' + s3["object"]["eTag"].string() + '"' == answer.headers.get("ETag"));
  CHECK(s3["object"]["versionId"].is_null());
  CHECK(s3["object"]["sequencer"].string().size() == 18);
}

TEST_CASE("only what the filter lets through is told") {
  Told kernel;
  kernel.tell({Told::to_queue({"s3:ObjectCreated:Put", "s3:ObjectRemoved:*"},
                              {Told::rule("prefix", "in/"), Told::rule("SUFFIX", ".jpg")})});
  const auto kept = kernel.call("GetBucketNotificationConfiguration", {{"Bucket", "photos"}});
  CHECK(kept["QueueConfigurations"][0]["Filter"]["Key"]["FilterRules"][1]["Name"].string() == "Suffix");
  kernel.put("in/cat.jpg", "1");
  kernel.put("in/cat.png", "1");
  kernel.put("out/cat.jpg", "1");
  CHECK(kernel.names() == Words{"ObjectCreated:Put in/cat.jpg"});
  kernel.remove("in/cat.jpg");
  kernel.remove("in/cat.jpg");
  kernel.remove("out/cat.jpg");
  CHECK(kernel.names() == Words{"ObjectRemoved:Delete in/cat.jpg"});
}

TEST_CASE("sequencers of a key grow, and versions are named") {
  Told kernel;
  kernel.call("PutBucketVersioning", {{"Bucket", "photos"}, {"VersioningConfiguration", Map{{"Status", "Enabled"}}}});
  kernel.tell({Told::to_queue({"s3:ObjectCreated:*", "s3:ObjectRemoved:DeleteMarkerCreated"})});
  const auto one = kernel.put("cat", "1")["VersionId"].string(), two = kernel.put("cat", "2")["VersionId"].string();
  kernel.remove("cat");
  auto records = kernel.records();
  REQUIRE(records.size() == 3);
  std::sort(records.begin(), records.end(), [](const Value& a, const Value& b) {
    return a["s3"]["object"]["sequencer"].string() < b["s3"]["object"]["sequencer"].string();
  });
  CHECK(records[0]["s3"]["object"]["versionId"].string() == one);
  CHECK(records[1]["s3"]["object"]["versionId"].string() == two);
  CHECK(records[2]["eventName"].string() == "ObjectRemoved:DeleteMarkerCreated");
  CHECK(records[2]["s3"]["object"]["size"].is_null());
}

TEST_CASE("an upload in parts is told of once, when it is whole") {
  Told kernel;
  kernel.tell({Told::to_queue({"s3:ObjectCreated:*"})});
  const auto id = kernel.call("CreateMultipartUpload", {{"Bucket", "photos"}, {"Key", "film"}})["UploadId"].string();
  Map part{{"Bucket", "photos"}, {"Key", "film"}, {"UploadId", id}, {"PartNumber", 1}, {"Body", "frames"}};
  const auto etag = kernel.call("UploadPart", part)["ETag"];
  CHECK(kernel.names().empty());
  Map end{{"Bucket", "photos"}, {"Key", "film"}, {"UploadId", id}};
  end.set("MultipartUpload", Map{{"Parts", List{Map{{"PartNumber", 1}, {"ETag", etag}}}}});
  kernel.call("CompleteMultipartUpload", end);
  CHECK(kernel.names() == Words{"ObjectCreated:CompleteMultipartUpload film"});
}

TEST_CASE("copies, tags and deletions in bulk are told as such") {
  Told kernel;
  kernel.tell({Told::to_queue({"s3:ObjectCreated:Copy", "s3:ObjectTagging:*", "s3:ObjectRemoved:*"})});
  kernel.put("cat", "1");
  kernel.call("CopyObject", {{"Bucket", "photos"}, {"Key", "dog"}, {"CopySource", "photos/cat"}});
  CHECK(kernel.names() == Words{"ObjectCreated:Copy dog"});
  Map tags{{"Bucket", "photos"}, {"Key", "cat"}};
  tags.set("Tagging", Map{{"TagSet", List{Map{{"Key", "k"}, {"Value", "v"}}}}});
  kernel.call("PutObjectTagging", tags);
  const auto tagged = kernel.records();
  REQUIRE(tagged.size() == 1);
  CHECK(tagged[0]["eventName"].string() == "ObjectTagging:Put");
  CHECK(tagged[0]["eventVersion"].string() == "2.3");
  kernel.call("DeleteObjectTagging", {{"Bucket", "photos"}, {"Key", "cat"}});
  CHECK(kernel.names() == Words{"ObjectTagging:Delete cat"});
  const List both{Map{{"Key", "cat"}}, Map{{"Key", "none"}}};
  kernel.call("DeleteObjects", {{"Bucket", "photos"}, {"Delete", Map{{"Objects", both}}}});
  CHECK(kernel.names() == Words{"ObjectRemoved:Delete cat"});
}

TEST_CASE("a destination is asked before it is written down") {
  Told kernel;
  kernel.call("PutBucketNotificationConfiguration", Told::configured({Told::to_queue({"s3:ObjectCreated:*"})}));
  const auto test = kernel.messages();
  REQUIRE(test.size() == 1);
  CHECK(test[0]["Event"].string() == "s3:TestEvent");
  CHECK(test[0]["Bucket"].string() == "photos");
  CHECK(test[0]["Service"].string() == "Amazon S3");

  const auto refused = kernel.refused({Told::to_queue({"s3:ObjectCreated:*"}, {}, "nowhere")});
  CHECK(refused.code == "InvalidArgument");
  CHECK(refused.message == "Unable to validate the following destination configurations");
  CHECK(refused.members.find("ArgumentName1")->string() == Told::arn("nowhere") + ", null");
  auto unchecked = Told::configured({Told::to_queue({"s3:ObjectCreated:*"}, {}, "nowhere")});
  unchecked.set("SkipDestinationValidation", true);
  CHECK_NOTHROW(kernel.call("PutBucketNotificationConfiguration", unchecked));
  CHECK_NOTHROW(kernel.put("cat", "1"));
  // It is told as soon as it is there.
  (void)kernel.make_queue("nowhere");
  kernel.clock.advance_ms(60'000);
  CHECK(kernel.try_call("sqs", "ReceiveMessage", {{"QueueUrl", kernel.make_queue("nowhere")}})
            .value()["Messages"]
            .list()
            .size() == 1);
  kernel.call("PutBucketNotificationConfiguration", Told::configured({}));
  kernel.call("PutBucketNotificationConfiguration", {{"Bucket", "photos"}, {"NotificationConfiguration", Map{}}});
  CHECK(kernel.call("GetBucketNotificationConfiguration", {{"Bucket", "photos"}}).map().empty());
}

TEST_CASE("notifications that make no sense are refused") {
  Told kernel;
  const auto any = List{"s3:ObjectCreated:*"}, puts = List{"s3:ObjectCreated:Put"};
  CHECK(kernel.refused({Told::to_queue({"s3:ObjectEaten:*"})}).message ==
        "The event is not supported for notifications");
  CHECK(kernel.refused({Told::to_queue({"s3:ObjectRestore:Post"})}).code == "NotImplemented");
  CHECK(kernel.refused({Told::to_queue(any, {Told::rule("infix", "x")})}).message ==
        "filter rule name must be either prefix or suffix");
  CHECK(kernel.refused({Told::to_queue(any, {Told::rule("prefix", "x"), Told::rule("prefix", "y")})}).message ==
        "Cannot specify more than one prefix rule in a filter.");
  CHECK(kernel.refused({Told::to_queue(any), Told::to_queue(puts, {}, "others")}).message ==
        "Configurations overlap. Configurations on the same bucket cannot share a common event type.");
  CHECK(kernel
            .refused({Told::to_queue(any, {Told::rule("prefix", "in/")}),
                      Told::to_queue(puts, {Told::rule("prefix", "in/a")}, "others")})
            .message ==
        "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are "
        "overlapping for the same event type.");
  CHECK(kernel.refused({Told::to_queue(any, {}, "events.fifo")}).message == "FIFO destinations are not supported");
  (void)kernel.make_queue("others");
  CHECK_NOTHROW(kernel.call("PutBucketNotificationConfiguration",
                            Told::configured({Told::to_queue(any, {Told::rule("suffix", ".jpg")}),
                                              Told::to_queue(puts, {Told::rule("suffix", ".png")}, "others")})));
}

TEST_CASE("the event bus is told in its own words") {
  Told kernel;
  kernel.call("PutBucketNotificationConfiguration",
              {{"Bucket", "photos"}, {"NotificationConfiguration", Map{{"EventBridgeConfiguration", Map{}}}}});
  CHECK(kernel.try_call("events", "PutRule", {{"Name", "all"}, {"EventPattern", R"({"source":["aws.s3"]})"}}).ok());
  CHECK(kernel
            .try_call("events", "PutTargets",
                      {{"Rule", "all"}, {"Targets", List{Map{{"Id", "1"}, {"Arn", Told::arn("events")}}}}})
            .ok());
  kernel.put("red flower", "1");
  const auto told = kernel.messages();
  REQUIRE(told.size() == 1);
  CHECK(told[0]["detail-type"].string() == "Object Created");
  CHECK(told[0]["resources"][0].string() == "arn:aws:s3:::photos");
  const auto& detail = told[0]["detail"];
  CHECK(detail["bucket"]["name"].string() == "photos");
  CHECK(detail["object"]["key"].string() == "red flower");
  CHECK(detail["object"]["size"].integer() == 1);
  CHECK(detail["reason"].string() == "PutObject");
  kernel.remove("red flower");
  const auto gone = kernel.messages();
  REQUIRE(gone.size() == 1);
  CHECK(gone[0]["detail-type"].string() == "Object Deleted");
  CHECK(gone[0]["detail"]["deletion-type"].string() == "Permanently Deleted");
}
