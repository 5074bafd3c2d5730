// Code that comes from S3.
#include <catch2/catch.hpp>

#include "stack_file.hpp"
#include "support.hpp"

using namespace support;
using moonbase::List;
using moonbase::Map;
using moonbase::Value;
using moonbase::testing::TestKernel;

namespace {

std::string answering(const std::string& text) {
  return zip({{"main.lua", "function handler() return '" + text + "' end"}});
}

struct Platform {
  TestKernel kernel{"lambda", functions_and_storage};
  // Somebody else's, whose buckets are closed to us.
  moonbase::CallContext stranger;

  Platform() {
    stranger.identity.account_id = "111111111111";
    REQUIRE(kernel.try_call("s3", "CreateBucket", {{"Bucket", "code"}}));
    REQUIRE(kernel.try_call("s3", "PutBucketVersioning",
                            {{"Bucket", "code"}, {"VersioningConfiguration", Map{{"Status", "Enabled"}}}}));
    REQUIRE(kernel.try_call_as(stranger, "s3", "CreateBucket", {{"Bucket", "private"}}));
    auto europe = kernel.context;
    europe.region = "eu-west-1";
    REQUIRE(kernel.try_call_as(
        europe, "s3", "CreateBucket",
        {{"Bucket", "code.eu"}, {"CreateBucketConfiguration", Map{{"LocationConstraint", "eu-west-1"}}}}));
  }
  // Answers the version's id, where there are versions.
  std::string put(const std::string& key, const std::string& body, const std::string& bucket = "code") {
    const auto stored = kernel.try_call("s3", "PutObject", {{"Bucket", bucket}, {"Key", key}, {"Body", body}});
    REQUIRE(stored);
    return (*stored)["VersionId"].string_or("");
  }
  // In parts: more than a call from inside takes as one.
  void put_in_parts(const std::string& key, std::string_view body) {
    constexpr std::size_t part_bytes = 32 * 1024 * 1024;
    const auto upload = *kernel.try_call("s3", "CreateMultipartUpload", {{"Bucket", "code"}, {"Key", key}});
    List parts;
    for (int number = 1; !body.empty(); ++number) {
      const auto part = kernel.try_call("s3", "UploadPart",
                                        {{"Bucket", "code"},
                                         {"Key", key},
                                         {"UploadId", upload["UploadId"]},
                                         {"PartNumber", number},
                                         {"Body", body.substr(0, part_bytes)}});
      REQUIRE(part);
      parts.push_back(Map{{"PartNumber", number}, {"ETag", (*part)["ETag"]}});
      body.remove_prefix(std::min(part_bytes, body.size()));
    }
    REQUIRE(kernel.try_call("s3", "CompleteMultipartUpload",
                            {{"Bucket", "code"},
                             {"Key", key},
                             {"UploadId", upload["UploadId"]},
                             {"MultipartUpload", Map{{"Parts", std::move(parts)}}}}));
  }
  static Map from(const std::string& key, const std::string& bucket = "code") {
    return {{"S3Bucket", bucket}, {"S3Key", key}};
  }
  Map creating(const std::string& name, Map code) { return function(name, "", {{"Code", std::move(code)}}); }
  std::string refusal(Map code) { return kernel.error("CreateFunction", creating("no", std::move(code))).message; }
};

}  // namespace

TEST_CASE_METHOD(Platform, "a function's code comes from a bucket, also a version of it") {
  const auto first = put("f.zip", answering("one"));
  put("f.zip", answering("two"));
  const auto made = kernel.call("CreateFunction", creating("f", from("f.zip")));
  CHECK(made["CodeSize"].integer() == static_cast<std::int64_t>(answering("two").size()));
  CHECK(invoke(kernel, "f") == Value("two"));
  kernel.call("UpdateFunctionCode",
              {{"FunctionName", "f"}, {"S3Bucket", "code"}, {"S3Key", "f.zip"}, {"S3ObjectVersion", first}});
  CHECK(invoke(kernel, "f") == Value("one"));
  // What the object becomes later is not the function's.
  put("f.zip", answering("three"));
  CHECK(invoke(kernel, "f") == Value("one"));
  const auto dry = kernel.call("UpdateFunctionCode",
                               {{"FunctionName", "f"}, {"S3Bucket", "code"}, {"S3Key", "f.zip"}, {"DryRun", true}});
  CHECK(dry["CodeSha256"] != made["CodeSha256"]);
  CHECK(invoke(kernel, "f") == Value("one"));
}

TEST_CASE_METHOD(Platform, "a layer's content comes from a bucket") {
  put("layer.zip", zip({{"python/words.py", "x = 1"}}));
  const auto layer = kernel.call("PublishLayerVersion", {{"LayerName", "words"}, {"Content", from("layer.zip")}});
  CHECK(layer["Version"].integer() == 1);
  CHECK(layer["Content"]["CodeSize"].integer() > 0);
  CHECK(
      kernel.error("PublishLayerVersion", {{"LayerName", "words"}, {"Content", from("none.zip")}}).message ==
      "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.");
  CHECK(kernel.error("PublishLayerVersion", {{"LayerName", "words"}, {"Content", Map{}}}).code ==
        "InvalidParameterValueException");
}

TEST_CASE_METHOD(Platform, "what S3 refuses, Lambda refuses with S3's words in its own") {
  put("f.zip", answering("x"));
  put("f.zip", answering("x"), "code.eu");
  put("text.zip", "no zip at all");
  CHECK(
      refusal(from("none.zip")) ==
      "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.");
  CHECK(refusal(from("f.zip", "nowhere")) ==
        "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not "
        "exist");
  auto version = from("f.zip");
  version.set("S3ObjectVersion", put("other.zip", "x"));
  CHECK(refusal(version).starts_with("Error occurred while GetObject. S3 Error Code: NoSuchVersion."));
  CHECK(refusal(from("f.zip", "code.eu")) ==
        "Error occurred while GetObject. S3 Error Code: PermanentRedirect. S3 Error Message: The bucket is in this "
        "region: eu-west-1. Please use this region to retry the request");
  CHECK(kernel.error("CreateFunction", creating("no", from("none.zip"))).code == "InvalidParameterValueException");
  const auto denied = kernel.error("CreateFunction", creating("no", from("f.zip", "private")));
  CHECK(denied.code == "AccessDeniedException");
  CHECK(denied.status == 403);
  CHECK(denied.message ==
        "Your access has been denied by S3, please make sure your request credentials have permission to GetObject for "
        "private/f.zip. S3 Error Code: AccessDenied. S3 Error Message: Access Denied");
  CHECK(refusal(from("text.zip")) ==
        "Could not unzip uploaded file. Please check your file, then try to upload again.");
  CHECK(refusal({{"S3Bucket", "code"}}) == "Please provide a source for function code.");
  auto both = from("f.zip");
  both.set("ZipFile", answering("x"));
  CHECK(refusal(both) == "Please do not provide other FunctionCode parameters when providing a ZipFile.");
  CHECK(kernel.call("ListFunctions")["Functions"].list().empty());
}

TEST_CASE_METHOD(Platform, "a bucket in the caller's region is good in any region") {
  put("f.zip", answering("x"), "code.eu");
  kernel.context.region = "eu-west-1";
  kernel.call("CreateFunction", creating("f", from("f.zip", "code.eu")));
  CHECK(invoke(kernel, "f") == Value("x"));
}

TEST_CASE_METHOD(Platform, "an object may be larger than a request, and holds no more than a function may") {
  // What does not shrink: 70 MB, more than a request brings, and than a call from inside.
  std::string noise(70 * 1024 * 1024, '\0');
  std::uint64_t state = 1;
  for (char& c : noise) c = static_cast<char>((state = state * 6364136223846793005u + 1442695040888963407u) >> 56);
  auto package = zip({{"main.lua", "function handler() return 'large' end"}, {"noise.bin", noise}});
  REQUIRE(package.size() > 64 * 1024 * 1024);
  CHECK(kernel.error("CreateFunction", creating("no", {{"ZipFile", package}})).code ==
        "RequestEntityTooLargeException");
  put_in_parts("large.zip", package);
  kernel.call("CreateFunction", creating("large", from("large.zip")));
  const std::string zeros(251 * 1024 * 1024, '\0');
  put("bomb.zip", zip({{"main.lua", zeros}}));
  CHECK(refusal(from("bomb.zip")) == "Unzipped size must be smaller than 262144000 bytes");
}

TEST_CASE("without S3 code in a bucket is not built") {
  TestKernel kernel{"lambda", functions};
  CHECK(kernel.error("CreateFunction", function("f", "", {{"Code", Map{{"S3Bucket", "code"}, {"S3Key", "f.zip"}}}}))
            .status == 501);
}

TEST_CASE_METHOD(Platform, "a stack names an object, which is read again when another is named") {
  put("v1.zip", answering("one"));
  const auto second = put("v2.zip", answering("two"));
  put("v2.zip", answering("three"));
  const StackFile stack("objects");
  std::string file;
  const auto write = [&](const std::string& code) {
    file = stack.with("s.fn 'f' { runtime = 'lua', handler = 'main.handler', code = " + code + " }");
  };
  const auto apply = [&] {
    const auto applied = kernel.apply(file);
    INFO((applied ? "" : applied.error().message));
    REQUIRE(applied);
  };
  write("{ bucket = 'code', key = 'v1.zip' }");
  apply();
  CHECK(invoke(kernel, "f") == Value("one"));
  const auto revision = kernel.call("GetFunctionConfiguration", {{"FunctionName", "f"}})["RevisionId"];
  apply();
  CHECK(kernel.call("GetFunctionConfiguration", {{"FunctionName", "f"}})["RevisionId"] == revision);
  write("{ bucket = 'code', key = 'v2.zip', version = '" + second + "' }");
  apply();
  CHECK(invoke(kernel, "f") == Value("two"));
  write("{ bucket = 'code', keys = 'v2.zip' }");
  CHECK_FALSE(kernel.plan(file).ok());
  write("{ bucket = 'code', key = 'v2.zip', versions = 'v1' }");
  const auto wrong = kernel.plan(file);
  REQUIRE_FALSE(wrong.ok());
  CHECK(wrong.error().message.find("Did you mean version?") != std::string::npos);
}
