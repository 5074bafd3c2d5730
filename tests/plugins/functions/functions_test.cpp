#include <atomic>
#include <catch2/catch.hpp>
#include <moonbase/hash.hpp>

#include "support.hpp"

using namespace support;
using moonbase::List;
using moonbase::Map;
using moonbase::Value;
using moonbase::testing::TestKernel;

TEST_CASE("a function is created, described, invoked, changed and deleted") {
  TestKernel kernel{"lambda", functions};
  const auto made =
      kernel.call("CreateFunction", function("hello", "function handler(event) return 'hello ' .. event.name end",
                                             {{"Description", "greets"},
                                              {"Tags", Map{{"team", "moon"}}},
                                              {"Environment", Map{{"Variables", Map{{"STAGE", "prod"}}}}}}));
  CHECK(made["FunctionArn"].string() == "arn:aws:lambda:us-east-1:000000000000:function:hello");
  CHECK(made["Timeout"].integer() == 3);
  CHECK(made["MemorySize"].integer() == 128);
  CHECK(made["State"].string() == "Active");
  CHECK(made["LastModified"].string() == "2027-01-01T00:00:00.000+0000");
  CHECK(made["Environment"]["Variables"]["STAGE"].string() == "prod");

  CHECK(invoke(kernel, "hello", R"({"name":"moon"})").string() == "hello moon");
  CHECK(invoke(kernel, "arn:aws:lambda:us-east-1:000000000000:function:hello:$LATEST", R"({"name":"arn"})").string() ==
        "hello arn");
  CHECK(invoke(kernel, "000000000000:function:hello", R"({"name":"part"})").string() == "hello part");

  const auto updated = kernel.call(
      "UpdateFunctionCode",
      {{"FunctionName", "hello"}, {"ZipFile", zip({{"main.lua", "function handler() return os.getenv 'STAGE' end"}})}});
  CHECK(updated["CodeSha256"].string() != made["CodeSha256"].string());
  CHECK(updated["RevisionId"].string() != made["RevisionId"].string());
  CHECK(invoke(kernel, "hello").string() == "prod");
  kernel.call("UpdateFunctionConfiguration",
              {{"FunctionName", "hello"}, {"Environment", Map{{"Variables", Map{{"STAGE", "test"}}}}}});
  CHECK(invoke(kernel, "hello").string() == "test");
  CHECK(kernel.call("GetFunctionConfiguration", {{"FunctionName", "hello"}})["Description"].string() == "greets");
  CHECK(kernel.call("GetFunction", {{"FunctionName", "hello"}})["Tags"]["team"].string() == "moon");

  kernel.call("DeleteFunction", {{"FunctionName", "hello"}});
  const auto gone = kernel.error("Invoke", {{"FunctionName", "hello"}});
  CHECK(gone.code == "ResourceNotFoundException");
  CHECK(gone.message == "Function not found: arn:aws:lambda:us-east-1:000000000000:function:hello");
  CHECK(kernel.error("GetFunction", {{"FunctionName", "hello"}}).code == "ResourceNotFoundException");
}

TEST_CASE("functions survive a restart, and accounts do not see each other's") {
  TestKernel kernel{"lambda", functions};
  kernel.call("CreateFunction", function("kept", "function handler() return 1 end"));
  kernel.restart();
  CHECK(invoke(kernel, "kept").integer() == 1);
  kernel.context.identity.account_id = "111111111111";
  CHECK(kernel.error("Invoke", {{"FunctionName", "kept"}}).code == "ResourceNotFoundException");
}

TEST_CASE("functions are listed by name, in pages") {
  TestKernel kernel{"lambda", functions};
  for (const char* name : {"c", "a", "b"}) kernel.call("CreateFunction", function(name, "function handler() end"));
  auto page = kernel.call("ListFunctions", {{"MaxItems", 2}});
  REQUIRE(page["Functions"].list().size() == 2);
  CHECK(page["Functions"][0]["FunctionName"].string() == "a");
  page = kernel.call("ListFunctions", {{"MaxItems", 2}, {"Marker", page["NextMarker"]}});
  REQUIRE(page["Functions"].list().size() == 1);
  CHECK(page["Functions"][0]["FunctionName"].string() == "c");
  CHECK(page["NextMarker"].is_null());
}

TEST_CASE("what AWS refuses when a function is created is refused in its words") {
  TestKernel kernel{"lambda", functions};
  kernel.call("CreateFunction", function("taken", "function handler() end"));
  const auto refused = [&](Map more, const std::string& name = "other") {
    return kernel.error("CreateFunction", function(name, "function handler() end", std::move(more)));
  };
  CHECK(refused({}, "taken").code == "ResourceConflictException");
  CHECK(refused({}, "taken").message == "Function already exist: taken");
  CHECK(refused({{"Runtime", "cobol85"}}).code == "InvalidParameterValueException");
  CHECK(refused({{"Runtime", "java21"}}).status == 501);
  CHECK(refused({{"Layers", List{Value("arn:aws:lambda:us-east-1:000000000000:layer:x:1")}}}).message ==
        "Layer version arn:aws:lambda:us-east-1:000000000000:layer:x:1 does not exist.");
  CHECK(refused({{"PackageType", "Image"}}).status == 501);
  CHECK(refused({{"Code", Map{{"S3Bucket", "code"}, {"S3Key", "f.zip"}}}}).status == 501);
  CHECK(refused({{"VpcConfig", Map{{"SubnetIds", List{"subnet-1"}}}}}).code == "InvalidParameterValueException");
  CHECK(refused({{"EphemeralStorage", Map{{"Size", 511}}}}).code == "ValidationException");
  CHECK(refused({{"Architectures", List{"mips"}}}).code == "ValidationException");
  CHECK(refused({{"LoggingConfig", Map{{"SystemLogLevel", "WARN"}}}}).message ==
        "To use ApplicationLogLevel or SystemLogLevel, you must set LogFormat to JSON.");
  CHECK(refused({{"DeadLetterConfig", Map{{"TargetArn", "arn:aws:s3:::bucket"}}}}).code ==
        "InvalidParameterValueException");
  CHECK(refused({}, "function:other:7").code == "InvalidParameterValueException");
  CHECK(refused({{"Environment", Map{{"Variables", Map{{"AWS_REGION", "x"}}}}}})
            .message.find("Reserved keys used in this request: AWS_REGION") != std::string::npos);
  CHECK(refused({{"Environment", Map{{"Variables", Map{{"BIG", std::string(4096, 'x')}}}}}})
            .message.find("exceeded the 4KB limit") != std::string::npos);
  CHECK(refused({{"Handler", "main handler"}}).code == "ValidationException");
  CHECK(refused({{"Timeout", 901}}).code == "ValidationException");
  CHECK(refused({{"MemorySize", 127}}).code == "ValidationException");
}

TEST_CASE("a function's numbers have Lambda's bounds and defaults, its runtimes Lambda's names") {
  TestKernel kernel{"lambda", functions};
  int number = 0;
  const auto made = [&](Map more) {
    return kernel.call("CreateFunction", function("f" + std::to_string(++number), "x = 1", std::move(more)));
  };
  const auto refused = [&](Map more) {
    return kernel.error("CreateFunction", function("no", "x = 1", std::move(more))).code;
  };
  const auto plain = made({});
  CHECK(plain["Timeout"].integer() == 3);
  CHECK(plain["MemorySize"].integer() == 128);
  CHECK(plain["EphemeralStorage"]["Size"].integer() == 512);
  CHECK(plain["State"].string() == "Active");
  for (const auto& [member, least, most] : {std::tuple{"Timeout", 1, 900}, std::tuple{"MemorySize", 128, 10240}}) {
    for (const int good : {least, most}) CHECK(made({{member, good}})[member].integer() == good);
    for (const int bad : {least - 1, most + 1}) CHECK(refused({{member, bad}}) == "ValidationException");
  }
  for (const int good : {512, 10240})
    CHECK(made({{"EphemeralStorage", Map{{"Size", good}}}})["EphemeralStorage"]["Size"].integer() == good);
  for (const int bad : {511, 10241})
    CHECK(refused({{"EphemeralStorage", Map{{"Size", bad}}}}) == "ValidationException");
  for (const char* runtime :
       {"nodejs18.x", "nodejs20.x", "nodejs22.x", "nodejs24.x", "python3.9", "python3.10", "python3.11", "python3.12",
        "python3.13", "python3.14", "provided.al2", "provided.al2023"})
    CHECK(made({{"Runtime", runtime}})["Runtime"].string() == runtime);
}

TEST_CASE("variables that are Lambda's own are nobody's to set, and all together have 4 KB") {
  TestKernel kernel{"lambda", functions};
  const auto with = [](const std::string& name, const std::string& value) {
    return function("f", "x = 1", {{"Environment", Map{{"Variables", Map{{name, value}}}}}});
  };
  for (const char* name : {"AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME",
                           "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
                           "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
                           "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
                           "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"})
    CHECK(kernel.error("CreateFunction", with(name, "x")).message ==
          "Lambda was unable to configure your environment variables because the environment variables you have "
          "provided contains reserved keys that are currently not supported for modification. Reserved keys used in "
          "this request: " +
              std::string(name));
  for (const char* name : {"_HANDLER", "_X_AMZN_TRACE_ID", "1A", "A", "A-B"})
    CHECK(kernel.error("CreateFunction", with(name, "x")).code == "ValidationException");
  // As JSON: {"AB":"…"}
  CHECK(kernel.error("CreateFunction", with("AB", std::string(4088, 'x'))).code == "InvalidParameterValueException");
  kernel.call("CreateFunction", with("AB", std::string(4087, 'x')));
}

TEST_CASE("packages that are broken or lead out of their folder are refused before anything is kept") {
  TestKernel kernel{"lambda", functions};
  const auto refused = [&](const std::string& bytes) {
    return kernel.error("CreateFunction", function("f", "", {{"Code", Map{{"ZipFile", bytes}}}}));
  };
  const std::string could_not = "Could not unzip uploaded file. Please check your file, then try to upload again.";
  CHECK(refused("this is not a zip").message == could_not);
  CHECK(refused(zip({{"main.lua", std::string(10'000, 'x')}}).substr(0, 60)).message == could_not);
  for (const char* name : {"../evil.lua", "/etc/evil.lua", "a/../../evil.lua", "a//b.lua", "./a.lua"}) {
    INFO(name);
    CHECK(refused(zip({{name, "x"}})).message == could_not);
  }
  CHECK(refused(zip({{"link", "", "/etc/passwd"}})).message == could_not);
  CHECK(refused(zip({{"a", "1"}, {"a", "2"}})).message == could_not);
  CHECK(refused(zip({})).code == "InvalidParameterValueException");
  std::vector<Entry> many(65'536);
  for (std::size_t i = 0; i < many.size(); ++i) many[i].name = std::to_string(i);
  CHECK(refused(zip(many)).message == "The zip holds more than 65535 entries.");
  const auto bomb = refused(zip({{"a", std::string(150 << 20, 'x')}, {"b", std::string(150 << 20, 'x')}}));
  CHECK(bomb.message == "Unzipped size must be smaller than 262144000 bytes");
}

TEST_CASE("an archive that is damaged anywhere is refused or read, and nothing else") {
  TestKernel kernel{"lambda", functions};
  const auto good = zip({{"main.lua", "function handler() return 1 end"}, {"folder/other.lua", "return 2"}});
  const auto is_well_behaved = [&](const std::string& bytes) {
    const auto made =
        kernel.try_call("lambda", "CreateFunction", function("f", "", {{"Code", Map{{"ZipFile", bytes}}}}));
    if (made) kernel.call("DeleteFunction", {{"FunctionName", "f"}});
    return made || made.error().code == "InvalidParameterValueException";
  };
  for (std::size_t length = 1; length < good.size(); length += 3) {
    INFO("the first " << length << " bytes");
    CHECK(is_well_behaved(good.substr(0, length)));
  }
  for (std::size_t at = 0; at < good.size(); at += 2) {
    auto damaged = good;
    damaged[at] = static_cast<char>(damaged[at] ^ 0xff);
    INFO("byte " << at);
    CHECK(is_well_behaved(damaged));
  }
  CHECK(is_well_behaved(good));
}

TEST_CASE("a package has the sizes that AWS allows, packed and unpacked") {
  TestKernel kernel{"lambda", functions};
  CHECK(kernel.error("CreateFunction", function("f", "", {{"Code", Map{{"ZipFile", std::string(52'428'801, 'x')}}}}))
            .code == "RequestEntityTooLargeException");
  const auto layer = [&](const char* name) {
    return kernel.call("PublishLayerVersion",
                       {{"LayerName", name},
                        {"Content", Map{{"ZipFile", zip({{name, std::string(140 << 20, 'x')}})}}}})["LayerVersionArn"];
  };
  const auto first = layer("a"), second = layer("b");
  CHECK(kernel.call("CreateFunction", function("f", "function handler() end", {{"Layers", List{first}}}))["State"]
            .string() == "Active");
  CHECK(kernel.error("UpdateFunctionConfiguration", {{"FunctionName", "f"}, {"Layers", List{first, second}}})
            .message.find("exceeds the maximum allowed size of 262144000 bytes") != std::string::npos);
}

TEST_CASE("a package goes with the last that uses it, and at once where nothing came of it") {
  TestKernel kernel{"lambda", functions};
  const auto is_kept = [&](const std::string& package) {
    moonbase::HttpRequest request;
    request.method = "GET";
    request.path = "/_functions/code/" + moonbase::sha256_hex(package);
    request.headers.add("Host", "127.0.0.1:4566");
    return kernel.http(std::move(request)).status == 200;
  };
  const auto one = zip({{"main.lua", "function handler() return 1 end"}});
  const auto two = zip({{"main.lua", "function handler() return 2 end"}});
  const auto create = [&](const char* name, const std::string& package) {
    return function(name, "", {{"Code", Map{{"ZipFile", package}}}});
  };
  kernel.call("CreateFunction", create("f", one));
  CHECK(is_kept(one));
  CHECK(kernel.error("CreateFunction", create("f", two)).code == "ResourceConflictException");
  CHECK_FALSE(is_kept(two));
  kernel.call("UpdateFunctionCode", {{"FunctionName", "f"}, {"ZipFile", two}, {"DryRun", true}});
  CHECK_FALSE(is_kept(two));
  kernel.call("CreateFunction", create("g", one));
  kernel.call("DeleteFunction", {{"FunctionName", "f"}});
  CHECK(is_kept(one));
  kernel.call("PublishLayerVersion", {{"LayerName", "l"}, {"Content", Map{{"ZipFile", one}}}});
  kernel.call("UpdateFunctionCode", {{"FunctionName", "g"}, {"ZipFile", two}});
  CHECK(is_kept(one));
  kernel.call("DeleteLayerVersion", {{"LayerName", "l"}, {"VersionNumber", 1}});
  CHECK_FALSE(is_kept(one));
  CHECK(invoke(kernel, "g").integer() == 2);
}

TEST_CASE("a package stays for what still runs on it") {
  TestKernel kernel{"lambda", {.plugins = {"functions", "test_queue"}}};
  const auto old = zip({{"main.lua", R"(function handler(_, ctx)
    ctx.call("testqueue", "Send", { Body = "begun" })
    ctx.call("testqueue", "Wait", {})
  end)"}});
  const auto is_kept = [&] {
    moonbase::HttpRequest request;
    request.method = "GET";
    request.path = "/_functions/code/" + moonbase::sha256_hex(old);
    request.headers.add("Host", "127.0.0.1:4566");
    return kernel.http(std::move(request)).status == 200;
  };
  kernel.call("CreateFunction", function("f", "", {{"Timeout", 60}, {"Code", Map{{"ZipFile", old}}}}));
  std::atomic<bool> ended{false};
  kernel.on_fiber([&](moonbase::KernelServices& services, moonbase::CallContext& context) {
    services.io.spawn([&, own = context] {
      moonbase::Invocation invocation;
      invocation.function = "f";
      invocation.payload = "{}";
      static_cast<void>(services.functions.invoke(own, std::move(invocation)));
      ended = true;
    });
  });
  while ((*kernel.try_call("testqueue", "Count"))["Messages"].integer() == 0) continue;
  const auto replace = [&](const char* code) {
    kernel.call("UpdateFunctionCode", {{"FunctionName", "f"}, {"ZipFile", zip({{"main.lua", code}})}});
  };
  replace("function handler() return 1 end");
  CHECK(is_kept());
  REQUIRE(kernel.try_call("testqueue", "Release"));
  while (!ended) REQUIRE(kernel.try_call("testqueue", "Count"));
  replace("function handler() return 2 end");
  CHECK_FALSE(is_kept());
}

TEST_CASE("permissions become a policy, as AddPermission describes them") {
  TestKernel kernel{"lambda", functions};
  kernel.call("CreateFunction", function("f", "function handler() end"));
  CHECK(kernel.error("GetPolicy", {{"FunctionName", "f"}}).code == "ResourceNotFoundException");
  const Map permission{{"FunctionName", "f"},
                       {"StatementId", "api"},
                       {"Action", "lambda:InvokeFunction"},
                       {"Principal", "apigateway.amazonaws.com"},
                       {"SourceArn", "arn:aws:execute-api:us-east-1:000000000000:abc/*"}};
  const auto statement = *moonbase::parse_json(kernel.call("AddPermission", permission)["Statement"].string());
  CHECK(statement["Sid"].string() == "api");
  CHECK(statement["Principal"]["Service"].string() == "apigateway.amazonaws.com");
  CHECK(statement["Condition"]["ArnLike"]["AWS:SourceArn"].string() ==
        "arn:aws:execute-api:us-east-1:000000000000:abc/*");
  CHECK(kernel.error("AddPermission", permission).code == "ResourceConflictException");
  const auto policy = *moonbase::parse_json(kernel.call("GetPolicy", {{"FunctionName", "f"}})["Policy"].string());
  CHECK(policy["Statement"].list().size() == 1);
  CHECK(kernel.error("RemovePermission", {{"FunctionName", "f"}, {"StatementId", "other"}}).code ==
        "ResourceNotFoundException");
  kernel.call("RemovePermission", {{"FunctionName", "f"}, {"StatementId", "api"}});
  CHECK(kernel.error("GetPolicy", {{"FunctionName", "f"}}).code == "ResourceNotFoundException");
}

TEST_CASE("tags are added, listed and removed") {
  TestKernel kernel{"lambda", functions};
  const auto arn = kernel.call("CreateFunction", function("f", "function handler() end"))["FunctionArn"];
  kernel.call("TagResource", {{"Resource", arn}, {"Tags", Map{{"a", "1"}, {"b", "2"}}}});
  kernel.call("UntagResource", {{"Resource", arn}, {"TagKeys", List{Value("a")}}});
  const auto tags = kernel.call("ListTags", {{"Resource", arn}})["Tags"];
  CHECK(tags["a"].is_null());
  CHECK(tags["b"].string() == "2");
  CHECK(kernel.error("TagResource", {{"Resource", arn}, {"Tags", Map{{"aws:x", "1"}}}}).code ==
        "InvalidParameterValueException");
  Map many;
  for (int i = 0; i < 50; ++i) many.set("t" + std::to_string(i), "x");
  CHECK(kernel.error("TagResource", {{"Resource", arn}, {"Tags", many}}).message ==
        "Number of tags exceeds resource tag limit.");
  CHECK(kernel.error("TagResource", {{"Resource", arn.string() + ":1"}, {"Tags", Map{{"x", "1"}}}}).message ==
        "Tags on function aliases and versions are not supported. Please specify a function ARN.");
  CHECK(kernel.error("ListTags", {{"Resource", "f"}}).code == "ValidationException");
  CHECK(kernel.error("ListTags", {{"Resource", "arn:aws:lambda:us-east-1:000000000000:code-signing-config:csc-1"}})
            .status == 501);
}

TEST_CASE("a revision that has passed is refused") {
  TestKernel kernel{"lambda", functions};
  const auto made = kernel.call("CreateFunction", function("f", "function handler() end"));
  const auto next = kernel.call("UpdateFunctionConfiguration",
                                {{"FunctionName", "f"}, {"Timeout", 5}, {"RevisionId", made["RevisionId"]}});
  CHECK(next["Timeout"].integer() == 5);
  CHECK(kernel
            .error("UpdateFunctionConfiguration",
                   {{"FunctionName", "f"}, {"Timeout", 6}, {"RevisionId", made["RevisionId"]}})
            .code == "PreconditionFailedException");
}
