// Every model in plugins/ is read whole: a slip in one would otherwise wait for its first Call.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <model/model.hpp>
#include <string>
#include <vector>

#include "helpers.hpp"

using namespace moonbase;

namespace {

struct Text {
  std::string name, content;
};

std::vector<Text> all_models() {
  std::vector<Text> all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(MOONBASE_PLUGINS_FOLDER)) {
    if (entry.path().filename() != "model.lua") continue;
    std::ifstream file(entry.path());
    all.push_back({entry.path().parent_path().filename(), {std::istreambuf_iterator<char>(file), {}}});
  }
  return all;
}

}  // namespace

TEST_CASE("every model in plugins/ can be read, its header alone too") {
  const auto models = all_models();
  REQUIRE(models.size() >= 41);
  for (const auto& [name, content] : models) {
    INFO(name);
    const auto header = model::read_header(content, name);
    const auto service = model::read_service(content, name);
    CHECK(header.name == service->name);
    CHECK(header.protocols == service->protocols);
    CHECK_FALSE(service->operations.empty());
    for (const auto& operation : service->operations) {
      INFO(operation.name);
      if (service->speaks(model::Protocol::rest_json) || service->speaks(model::Protocol::rest_xml))
        CHECK_FALSE(operation.uri.empty());
    }
  }
}

// Not an assertion on time: what is printed goes into the report.
TEST_CASE("models: how long reading takes", "[.timing]") {
  using Clock = std::chrono::steady_clock;
  const auto models = all_models();
  const auto begin = Clock::now();
  for (const auto& one : models) static_cast<void>(model::read_header(one.content, one.name));
  const auto microseconds = [](auto span) {
    return std::chrono::duration_cast<std::chrono::microseconds>(span).count();
  };
  std::cout << models.size() << " headers: " << microseconds(Clock::now() - begin) << " us\n";
  for (const auto& one : models) {
    const auto start = Clock::now();
    const auto service = model::read_service(one.content, one.name);
    std::cout << one.name << ": " << one.content.size() << " bytes, " << service->shapes.size() << " shapes, "
              << microseconds(Clock::now() - start) << " us\n";
  }
  SUCCEED();
}

TEST_CASE("wire: what a request and its answer cost", "[.timing]") {
  using Clock = std::chrono::steady_clock;
  const auto service = wire_test::plugin_model("storage/dynamodb");
  const auto request = wire_test::request_of(
      "POST", "/", {{"Content-Type", "application/x-amz-json-1.0"}, {"X-Amz-Target", "DynamoDB_20120810.PutItem"}},
      R"({"TableName":"product","Item":{"id":{"S":"42"},"name":{"S":"A lamp that is bright"},"price":{"N":"9.99"},)"
      R"("tags":{"SS":["a","b"]},"stock":{"M":{"north":{"N":"1"},"south":{"N":"2"}}}}})");
  const auto asked = wire_test::ask(*service, request);
  REQUIRE(asked.input);
  constexpr int rounds = 100'000;
  const auto time = [&](const char* what, const auto& work) {
    const auto begin = Clock::now();
    for (int i = 0; i < rounds; ++i) work();
    const auto spent = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - begin).count();
    std::cout << what << ": " << spent / rounds << " ns\n";
  };
  time("find", [&] { static_cast<void>(wire::find_operation(*service, wire_test::Protocol::json_1_0, request)); });
  time("decode", [&] {
    static_cast<void>(wire::decode_request(*service, *asked.operation, wire_test::Protocol::json_1_0, request));
  });
  wire_test::FixedIds ids;
  auto input = *asked.input;
  time("validate", [&] { static_cast<void>(wire::validate(*service, *asked.operation, input, ids)); });
  const Result<Value> output = Value(Map{{"Item", (*asked.input)["Item"]}});
  time("encode", [&] {
    HttpResponse response;
    wire::encode_response(*service, service->operation("GetItem"), wire_test::Protocol::json_1_0, "id", output,
                          response);
  });
  SUCCEED();
}
