// Resource policies: what they let in, and from where.
#include <catch2/catch.hpp>

#include "support.hpp"

using namespace support;
using moonbase::CallContext;
using moonbase::List;
using moonbase::Map;
using moonbase::Value;
using moonbase::testing::TestKernel;

namespace {

const std::string arn = "arn:aws:lambda:us-east-1:000000000000:function:f";

struct Platform {
  TestKernel kernel{"lambda", {.plugins = {"functions", "storage", "notifications", "gateway"}}};

  Platform() { kernel.call("CreateFunction", function("f", "function handler() return 1 end", {{"Publish", true}})); }

  void permit(const char* principal, Map more = {}) {
    Map input{{"FunctionName", "f"},
              {"StatementId", "s" + std::to_string(++statements_)},
              {"Action", "lambda:InvokeFunction"},
              {"Principal", principal}};
    for (auto& [key, value] : more) input.set(key, value);
    kernel.call("AddPermission", std::move(input));
  }
  // "ok", or the error's code.
  std::string invoked_by(const char* service, const std::string& source, const char* name = "f") {
    auto context = kernel.context;
    context.identity.service = service;
    context.identity.source_arn = source;
    const auto answer = kernel.try_call_as(context, "lambda", "Invoke", {{"FunctionName", name}});
    return answer ? "ok" : answer.error().code;
  }
  std::string put(const Value& document, Map more = {}) {
    Map input{{"ResourceArn", arn}, {"Policy", moonbase::to_json(document)}};
    for (auto& [key, value] : more) input.set(key, value);
    const auto answer = kernel.try_call("lambda", "PutResourcePolicy", std::move(input));
    return answer ? "ok" : answer.error().status == 501 ? "501" : answer.error().code;
  }

 private:
  int statements_ = 0;
};

Map statement(const char* effect, Value principal, Map condition = {}) {
  Map made{
      {"Effect", effect}, {"Principal", std::move(principal)}, {"Action", "lambda:InvokeFunction"}, {"Resource", arn}};
  if (!condition.empty()) made.set("Condition", std::move(condition));
  return made;
}

Value document(List statements) { return Map{{"Version", "2012-10-17"}, {"Statement", std::move(statements)}}; }

}  // namespace

TEST_CASE_METHOD(Platform, "a permission for a source lets in that source alone") {
  permit("events.amazonaws.com", {{"SourceArn", "arn:aws:events:us-east-1:000000000000:rule/order?-*"}});
  CHECK(invoked_by("events.amazonaws.com", "arn:aws:events:us-east-1:000000000000:rule/orders-new") == "ok");
  CHECK(invoked_by("events.amazonaws.com", "arn:aws:events:us-east-1:000000000000:rule/orders") ==
        "AccessDeniedException");
  CHECK(invoked_by("events.amazonaws.com", "arn:aws:events:eu-west-1:000000000000:rule/orders-new") ==
        "AccessDeniedException");
  CHECK(invoked_by("events.amazonaws.com", "") == "AccessDeniedException");
  CHECK(invoked_by("sns.amazonaws.com", "arn:aws:events:us-east-1:000000000000:rule/orders-new") ==
        "AccessDeniedException");
  // A wildcard stays within its part of the ARN.
  permit("sns.amazonaws.com", {{"SourceArn", "arn:aws:sns:us-east-1:000000000000:*"}});
  CHECK(invoked_by("sns.amazonaws.com", "arn:aws:sns:us-east-1:000000000000:t") == "ok");
  CHECK(invoked_by("sns.amazonaws.com", "arn:aws:sns:us-east-1:111122223333:000000000000:t") ==
        "AccessDeniedException");
}

TEST_CASE_METHOD(Platform, "what a permission asks for and nobody brings keeps everybody out") {
  permit("s3.amazonaws.com", {{"SourceAccount", "111122223333"}, {"SourceArn", "arn:aws:s3:::bucket"}});
  CHECK(invoked_by("s3.amazonaws.com", "arn:aws:s3:::bucket") == "AccessDeniedException");
  permit("s3.amazonaws.com", {{"SourceAccount", "000000000000"}, {"SourceArn", "arn:aws:s3:::bucket"}});
  CHECK(invoked_by("s3.amazonaws.com", "arn:aws:s3:::bucket") == "ok");
  permit("alexa-appkit.amazon.com", {{"EventSourceToken", "amzn1.ask.skill.1"}});
  CHECK(invoked_by("alexa-appkit.amazon.com", "") == "AccessDeniedException");
  permit("*", {{"PrincipalOrgID", "o-a1b2c3d4e5"}});
  permit("*", {{"InvokedViaFunctionUrl", true}});
  CHECK(invoked_by("config.amazonaws.com", "") == "AccessDeniedException");
  permit("config.amazonaws.com", {{"InvokedViaFunctionUrl", false}});
  CHECK(invoked_by("config.amazonaws.com", "") == "ok");
}

TEST_CASE_METHOD(Platform, "another account needs the policy's word") {
  CallContext other = kernel.context;
  other.identity.account_id = "111122223333";
  other.identity.arn = "arn:aws:sts::111122223333:assumed-role/worker/session";
  const auto invoke_it = [&] { return kernel.try_call_as(other, "lambda", "Invoke", {{"FunctionName", arn}}); };
  CHECK(invoke_it().error().code == "AccessDeniedException");
  permit("arn:aws:iam::111122223333:role/other");
  CHECK(invoke_it().error().code == "AccessDeniedException");
  permit("arn:aws:iam::111122223333:role/team/worker");
  CHECK(invoke_it());
  other.identity.arn = "arn:aws:iam::111122223333:user/somebody";
  CHECK(invoke_it().error().code == "AccessDeniedException");
  permit("111122223333");
  CHECK(invoke_it());
}

TEST_CASE_METHOD(Platform, "a policy is written, read and deleted as a whole, and a denial wins") {
  permit("events.amazonaws.com");
  CHECK(put(document({statement("Allow", Map{{"Service", List{"sns.amazonaws.com", "sqs.amazonaws.com"}}}),
                      statement("Deny", Map{{"AWS", "*"}},
                                {{"StringLike", Map{{"aws:SourceArn", "arn:aws:sns:*:bad-*"}}}})})) == "ok");
  CHECK(invoked_by("events.amazonaws.com", "") == "AccessDeniedException");
  CHECK(invoked_by("sqs.amazonaws.com", "") == "ok");
  CHECK(invoked_by("sns.amazonaws.com", "arn:aws:sns:us-east-1:000000000000:good") == "ok");
  CHECK(invoked_by("sns.amazonaws.com", "arn:aws:sns:us-east-1:000000000000:bad-1") == "AccessDeniedException");
  CHECK(invoked_by("sns.amazonaws.com", "", "f:1") == "AccessDeniedException");
  CHECK(invoke(kernel, "f").integer() == 1);

  const auto shown = kernel.call("GetResourcePolicy", {{"ResourceArn", arn}});
  CHECK(shown["Policy"] == kernel.call("GetPolicy", {{"FunctionName", "f"}})["Policy"]);
  CHECK((*moonbase::parse_json(shown["Policy"].string()))["Statement"].list().size() == 2);
  CHECK(put(document({statement("Deny", "*")}), {{"RevisionId", "old"}}) == "PreconditionFailedException");
  CHECK(put(document({statement("Deny", "*")}), {{"RevisionId", shown["RevisionId"]}}) == "ok");
  CHECK(kernel.error("Invoke", {{"FunctionName", "f"}}).message.find("explicit deny") != std::string::npos);
  kernel.call("DeleteResourcePolicy", {{"ResourceArn", arn}});
  CHECK(invoke(kernel, "f").integer() == 1);
  CHECK(kernel.error("GetResourcePolicy", {{"ResourceArn", arn}}).code == "ResourceNotFoundException");
  CHECK(kernel.error("DeleteResourcePolicy", {{"ResourceArn", arn}}).code == "ResourceNotFoundException");
  CHECK(kernel.error("GetResourcePolicy", {{"ResourceArn", "f"}}).code == "ValidationException");
}

TEST_CASE_METHOD(Platform, "a policy that cannot be kept to is refused") {
  const auto with = [](const char* element, Value value) {
    auto made = statement("Allow", "*");
    made.set(element, std::move(value));
    return document({std::move(made)});
  };
  CHECK(put(with("NotAction", "lambda:*")) == "501");
  CHECK(put(with("Condition", Map{{"IpAddress", Map{{"aws:SourceIp", "10.0.0.0/8"}}}})) == "501");
  CHECK(put(with("Condition", Map{{"StringEquals", Map{{"aws:UserAgent", "x"}}}})) == "501");
  CHECK(put(with("Principal", Map{{"Federated", "x"}})) == "501");
  for (const char* element : {"Effect", "Principal", "Action", "Resource", "Condition", "Sid"}) {
    INFO(element);
    CHECK(put(with(element, 7)) == "InvalidParameterValueException");
  }
  CHECK(put(with("Resource", arn + "x")) == "InvalidParameterValueException");
  CHECK(put(Map{{"Version", "2012-10-17"}}) == "InvalidParameterValueException");
  CHECK(put("text") == "InvalidParameterValueException");
  CHECK(put(with("Sid", std::string(20'000, 's'))) == "ok");
  CHECK(put(with("Sid", std::string(20'480, 's'))) == "PolicyLengthExceededException");
  CHECK(kernel.error("PutResourcePolicy", {{"ResourceArn", arn}, {"Policy", std::string(20'000, '[')}}).code ==
        "InvalidParameterValueException");
}

TEST_CASE_METHOD(Platform, "services say for which of their resources they call") {
  REQUIRE(create_table(kernel, "got"));
  const auto keeps = [&](const std::string& name) {
    kernel.call("CreateFunction", function(name, R"lua(function handler(_, ctx)
      ctx.call("dynamodb", "PutItem", { TableName = "got", Item = { id = { S = ctx.function_name } } })
      return "ok"
    end)lua"));
    return "arn:aws:lambda:us-east-1:000000000000:function:" + name;
  };
  const auto permit_source = [&](const std::string& name, const char* service, const std::string& source) {
    kernel.call("AddPermission", {{"FunctionName", name},
                                  {"StatementId", "s"},
                                  {"Action", "lambda:InvokeFunction"},
                                  {"Principal", service},
                                  {"SourceArn", source}});
  };
  const auto was_invoked = [&](const char* name) {
    const auto item =
        kernel.try_call("dynamodb", "GetItem", {{"TableName", "got"}, {"Key", Map{{"id", Map{{"S", name}}}}}});
    return !(*item)["Item"].is_null();
  };
  const auto topic = (*kernel.try_call("sns", "CreateTopic", {{"Name", "orders"}}))["TopicArn"].string();
  for (const char* name : {"by-topic", "by-other-topic"}) {
    const auto subscribed = keeps(name);
    permit_source(name, "sns.amazonaws.com", name == std::string("by-topic") ? topic : topic + "2");
    REQUIRE(
        kernel.try_call("sns", "Subscribe", {{"TopicArn", topic}, {"Protocol", "lambda"}, {"Endpoint", subscribed}}));
  }
  REQUIRE(kernel.try_call("sns", "Publish", {{"TopicArn", topic}, {"Message", "x"}}));
  kernel.clock.advance_ms(10);
  CHECK(was_invoked("by-topic"));
  CHECK_FALSE(was_invoked("by-other-topic"));

  const auto rule = *kernel.try_call("events", "PutRule", {{"Name", "all"}, {"EventPattern", R"({"source":["me"]})"}});
  List targets;
  for (const char* name : {"by-rule", "by-other-rule"}) {
    targets.push_back(Map{{"Id", name}, {"Arn", keeps(name)}});
    permit_source(name, "events.amazonaws.com", rule["RuleArn"].string() + (name == std::string("by-rule") ? "" : "2"));
  }
  REQUIRE(kernel.try_call("events", "PutTargets", {{"Rule", "all"}, {"Targets", targets}}));
  REQUIRE(kernel.try_call("events", "PutEvents",
                          {{"Entries", List{Map{{"Source", "me"}, {"DetailType", "t"}, {"Detail", "{}"}}}}}));
  kernel.clock.advance_ms(10);
  CHECK(was_invoked("by-rule"));
  CHECK_FALSE(was_invoked("by-other-rule"));

  const auto api = *kernel.try_call("apigatewayv2", "CreateApi",
                                    {{"Name", "a"}, {"ProtocolType", "HTTP"}, {"Target", keeps("by-route")}});
  const auto ask = [&] {
    moonbase::HttpRequest request;
    request.method = "GET";
    request.path = "/_aws/execute-api/" + api["ApiId"].string() + "/x";
    request.headers.add("Host", "127.0.0.1:4566");
    return kernel.http(std::move(request)).status;
  };
  permit_source("by-route", "apigateway.amazonaws.com", "arn:aws:execute-api:us-east-1:000000000000:other/*/*");
  CHECK(ask() == 500);
  kernel.call("RemovePermission", {{"FunctionName", "by-route"}, {"StatementId", "s"}});
  permit_source("by-route", "apigateway.amazonaws.com",
                "arn:aws:execute-api:us-east-1:000000000000:" + api["ApiId"].string() + "/*/$default");
  CHECK(ask() == 200);
}
