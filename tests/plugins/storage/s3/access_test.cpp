#include "s3/access.hpp"

#include <catch2/catch.hpp>
#include <moonbase/json.hpp>

#include "support.hpp"

using namespace moonbase;
using moonbase::s3::testing::Platform;

namespace {

Map statement(const char* effect, Value principal, Value action, const char* resource, Map condition = {}) {
  Map made{
      {"Effect", effect}, {"Principal", std::move(principal)}, {"Action", std::move(action)}, {"Resource", resource}};
  if (!condition.empty()) made.set("Condition", std::move(condition));
  return made;
}
constexpr auto bucket = "arn:aws:s3:::photos", objects = "arn:aws:s3:::photos/*";

struct Guarded : Platform {
  Guarded() {
    put("open/cat", "1");
    put("closed/cat", "2");
  }
  Map policy(List statements) {
    return {{"Bucket", "photos"},
            {"Policy", to_json(Map{{"Version", "2012-10-17"}, {"Statement", std::move(statements)}})}};
  }
  void allow(List statements) { call("PutBucketPolicy", policy(std::move(statements))); }
  void let_public_in() { call("DeletePublicAccessBlock", {{"Bucket", "photos"}}); }
  std::string as(const char* account, const char* operation, Map input, const char* service = "") {
    auto other = context;
    other.identity.account_id = account;
    other.identity.arn = "arn:aws:iam::" + std::string(account) + ":root";
    other.identity.service = service;
    input.set("Bucket", "photos");
    const auto answer = try_call_as(other, "s3", operation, std::move(input));
    return answer ? "ok" : answer.error().code;
  }
  // Without a signature.
  int anonymously(const std::string& method, const std::string& target, std::string body = {}) {
    HttpRequest request;
    request.method = method;
    request.path = target.substr(0, target.find('?'));
    if (request.path.size() < target.size()) request.query = target.substr(request.path.size() + 1);
    request.headers.add("Host", "s3.localhost:4566");
    request.headers.add("Content-Length", std::to_string(body.size()));
    request.body = std::move(body);
    return http(std::move(request)).status;
  }
};
constexpr auto other = "111122223333";

}  // namespace

TEST_CASE("another account may do what the policy lets it, and no more") {
  Guarded kernel;
  const Map open{{"Key", "open/cat"}}, closed{{"Key", "closed/cat"}};
  CHECK(kernel.as(other, "GetObject", open) == "AccessDenied");
  kernel.allow(
      {statement("Allow", Map{{"AWS", other}}, List{"s3:GetObject", "s3:PutObject"}, "arn:aws:s3:::photos/open/*"),
       statement("Allow", Map{{"AWS", other}}, "s3:ListBucket", bucket,
                 Map{{"StringLike", Map{{"s3:prefix", "open/*"}}}})});
  CHECK(kernel.as(other, "GetObject", open) == "ok");
  CHECK(kernel.as(other, "HeadObject", open) == "ok");
  CHECK(kernel.as(other, "GetObject", closed) == "AccessDenied");
  CHECK(kernel.as(other, "GetObject", {{"Key", "open/cat"}, {"VersionId", "null"}}) == "AccessDenied");
  CHECK(kernel.as(other, "PutObject", {{"Key", "open/dog"}, {"Body", "3"}}) == "ok");
  CHECK(kernel.as(other, "CreateMultipartUpload", {{"Key", "open/dog"}}) == "ok");
  CHECK(kernel.as(other, "DeleteObject", open) == "AccessDenied");
  CHECK(kernel.as(other, "CopyObject", {{"Key", "open/new"}, {"CopySource", "photos/open/cat"}}) == "ok");
  CHECK(kernel.as(other, "CopyObject", {{"Key", "open/new"}, {"CopySource", "photos/closed/cat"}}) == "AccessDenied");
  CHECK(kernel.as(other, "CopyObject", {{"Key", "closed/new"}, {"CopySource", "photos/open/cat"}}) == "AccessDenied");
  CHECK(kernel.as(other, "ListObjectsV2", {{"Prefix", "open/a"}}) == "ok");
  CHECK(kernel.as(other, "ListObjectsV2", {}) == "AccessDenied");
  CHECK(kernel.as("444455556666", "GetObject", open) == "AccessDenied");
  CHECK(kernel.as(other, "PutBucketPolicy", {{"Policy", "{}"}}) == "AccessDenied");
  kernel.call("DeleteBucketPolicy", {{"Bucket", "photos"}});
  CHECK(kernel.as(other, "GetObject", open) == "AccessDenied");
}

TEST_CASE("a denial counts for the owner too, but never locks out who can mend it") {
  Guarded kernel;
  kernel.allow({statement("Deny", Map{{"AWS", "000000000000"}}, "s3:*", objects),
                statement("Deny", Map{{"AWS", "000000000000"}}, "s3:*", bucket)});
  CHECK(kernel.error("GetObject", {{"Bucket", "photos"}, {"Key", "open/cat"}}).code == "AccessDenied");
  CHECK(kernel.error("ListObjectsV2", {{"Bucket", "photos"}}).code == "AccessDenied");
  CHECK_NOTHROW(kernel.call("DeleteBucketPolicy", {{"Bucket", "photos"}}));
  CHECK(kernel.body_of("open/cat") == "1");
}

TEST_CASE("nobody in particular may read what is public, once that is not blocked") {
  Guarded kernel;
  const List open{statement("Allow", "*", "s3:GetObject", "arn:aws:s3:::photos/open/*")};
  kernel.allow({statement("Allow", Map{{"AWS", other}}, "s3:GetObject", objects)});
  CHECK(kernel.anonymously("GET", "/photos/open/cat") == 403);
  const auto blocked = kernel.error("PutBucketPolicy", kernel.policy(open));
  CHECK(blocked.code == "AccessDenied");
  CHECK_THAT(blocked.message, Catch::Contains("BlockPublicPolicy"));
  kernel.let_public_in();
  kernel.allow(open);
  CHECK(kernel.anonymously("GET", "/photos/open/cat") == 200);
  CHECK(kernel.anonymously("GET", "/photos/closed/cat") == 403);
  CHECK(kernel.anonymously("PUT", "/photos/open/dog", "1") == 403);
  const auto is_public = [&] {
    return kernel.call("GetBucketPolicyStatus", {{"Bucket", "photos"}})["PolicyStatus"]["IsPublic"].boolean();
  };
  CHECK(is_public());
  // Blocked afterwards.
  kernel.call("PutPublicAccessBlock",
              {{"Bucket", "photos"}, {"PublicAccessBlockConfiguration", Map{{"RestrictPublicBuckets", true}}}});
  CHECK(kernel.anonymously("GET", "/photos/open/cat") == 403);
  CHECK(kernel.body_of("open/cat") == "1");
  kernel.allow(
      {statement("Allow", "*", "s3:GetObject", objects, Map{{"StringEquals", Map{{"aws:PrincipalAccount", other}}}})});
  CHECK_FALSE(is_public());
  CHECK(kernel.as(other, "GetObject", {{"Key", "open/cat"}}) == "ok");
}

TEST_CASE("a service acts for its source alone") {
  Guarded kernel;
  kernel.allow({statement("Allow", Map{{"Service", "logs.amazonaws.com"}}, "s3:PutObject", objects)});
  CHECK(kernel.as("000000000000", "PutObject", {{"Key", "log"}, {"Body", "1"}}, "logs.amazonaws.com") == "ok");
  CHECK(kernel.as("000000000000", "PutObject", {{"Key", "log"}, {"Body", "1"}}, "events.amazonaws.com") ==
        "AccessDenied");
}

TEST_CASE("deletions in bulk ask for each key") {
  Guarded kernel;
  kernel.allow({statement("Allow", Map{{"AWS", other}}, "s3:DeleteObject", "arn:aws:s3:::photos/open/*")});
  const auto remove = [&](List keys) {
    return kernel.as(other, "DeleteObjects", {{"Delete", Map{{"Objects", std::move(keys)}}}});
  };
  CHECK(remove({Map{{"Key", "open/cat"}}, Map{{"Key", "closed/cat"}}}) == "AccessDenied");
  CHECK(kernel.body_of("open/cat") == "1");
  CHECK(remove({Map{{"Key", "open/cat"}}}) == "ok");
}

TEST_CASE("policies that make no sense are refused, and those that say more than is evaluated") {
  Guarded kernel;
  const auto refused = [&](const std::string& text) {
    return kernel.error("PutBucketPolicy", {{"Bucket", "photos"}, {"Policy", text}});
  };
  const auto message = [&](Map one) { return refused(to_json(Map{{"Statement", List{std::move(one)}}})).message; };
  CHECK(refused("rubbish").code == "MalformedPolicy");
  CHECK(refused("{}").message == "Missing required field Statement");
  CHECK(refused(std::string(30'000, ' ')).message == "Policy exceeds the maximum allowed document size.");
  CHECK(message({{"Effect", "Allow"}, {"Action", "s3:*"}, {"Resource", objects}}) ==
        "Missing required field Principal");
  CHECK(message(statement("Allow", Map{{"AWS", other}}, "sqs:SendMessage", objects)) == "Policy has invalid action");
  CHECK(message(statement("Allow", Map{{"AWS", other}}, "s3:GetObject", "arn:aws:s3:::films/*")) ==
        "Policy has invalid resource");
  CHECK(message(statement("Allow", List{}, "s3:GetObject", objects)) == "Invalid principal in policy");
  const auto unbuilt = statement("Allow", Map{{"AWS", other}}, "s3:GetObject", objects,
                                 Map{{"IpAddress", Map{{"aws:SourceIp", "10.0.0.0/8"}}}});
  CHECK(refused(to_json(Map{{"Statement", List{unbuilt}}})).code == "NotImplemented");
  CHECK(kernel.error("GetBucketPolicy", {{"Bucket", "photos"}}).code == "NoSuchBucketPolicy");
  CHECK(kernel.error("GetBucketPolicyStatus", {{"Bucket", "photos"}}).code == "NoSuchBucketPolicy");
  const auto kept = kernel.policy({statement("Allow", Map{{"AWS", other}}, "s3:GetObject", objects)});
  kernel.call("PutBucketPolicy", kept);
  CHECK(kernel.call("GetBucketPolicy", {{"Bucket", "photos"}})["Policy"] == *kept.find("Policy"));
}

TEST_CASE("operations go by their actions' names") {
  CHECK(s3::action_of("HeadObject", false) == "s3:GetObject");
  CHECK(s3::action_of("GetObject", true) == "s3:GetObjectVersion");
  CHECK(s3::action_of("GetObjectTagging", true) == "s3:GetObjectVersionTagging");
  CHECK(s3::action_of("DeleteObjects", true) == "s3:DeleteObjectVersion");
  CHECK(s3::action_of("ListObjectsV2", false) == "s3:ListBucket");
  CHECK(s3::action_of("PutBucketVersioning", false) == "s3:PutBucketVersioning");
}
