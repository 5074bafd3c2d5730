// What must hold in every protocol that a model lists: what one side encodes, the other decodes.
#include "helpers.hpp"
#include "models.hpp"

using namespace wire_test;

namespace {

const Value full_bag = Map{
    {"Text", "a <b> & \"c\" é😀 = + %20\n"},
    {"Count", -42},
    {"Long", 9007199254740993},
    {"Rate", 0.1},
    {"Any", 2.5},
    {"On", false},
    {"Bytes", std::string("\x00\xff\x10", 3)},
    {"At", 1795255200123},
    {"Epoch", 1795255200500},
    {"Day", 1795255200000},
    {"Names", List{"x", "", "z"}},
    {"Flat", List{"one", "two"}},
    {"Named", List{1, 2, 3}},
    {"Tags", Map{{"k1", "v1"}, {"k.2", "v 2"}}},
    {"FlatTags", Map{{"a", 1}, {"b", 2}}},
    {"Inner", Map{{"Deep", List{Map{{"Word", "w"}, {"More", Map{{"Value", 5}}}}, Map{{"Word", "v"}}}}}},
    {"Choice", Map{{"C", Map{{"X", true}}}}},
    {"Tree", Map{{"Value", 1}, {"Left", Map{{"Value", 2}, {"Right", Map{{"Value", 3}}}}}}},
    {"Lists", List{List{1, 2}, List{3}}},
};

HttpRequest arrived(const model::Service& service, const std::string& operation, Protocol protocol,
                    const Value& input) {
  auto request = wire::encode_request(service, *service.operation(operation), protocol, input);
  REQUIRE(request);
  return std::move(*request);
}

}  // namespace

TEST_CASE("requests arrive as they were sent, in every protocol") {
  const auto service = model::read_service(wire_test::everything);
  for (const auto protocol : service->protocols) {
    INFO(model::name_of(protocol));
    const auto request = arrived(*service, "Echo", protocol, full_bag);
    INFO(request.body);
    const auto found = wire::find_operation(*service, protocol, request);
    REQUIRE(found);
    CHECK((*found)->name == "Echo");
    auto input = wire::decode_request(*service, **found, protocol, request);
    REQUIRE(input);
    for (const auto& [name, value] : full_bag.map()) {
      INFO(name << ": " << text_of((*input)[name]));
      CHECK((*input)[name] == value);
    }
    FixedIds ids;
    CHECK(wire::validate(*service, **found, *input, ids));
  }
}

TEST_CASE("answers arrive as they were given, in every protocol") {
  const auto service = model::read_service(wire_test::everything);
  for (const auto protocol : service->protocols) {
    INFO(model::name_of(protocol));
    const auto response = answer(*service, "Echo", protocol, full_bag);
    INFO(response.body);
    CHECK(response.status == 200);
    CHECK(response.headers.get("x-amzn-requestid") == "id-1");
    const auto output = wire::decode_response(*service, *service->operation("Echo"), protocol, response);
    REQUIRE(output);
    for (const auto& [name, value] : full_bag.map()) {
      INFO(name << ": " << text_of((*output)[name]));
      CHECK((*output)[name] == value);
    }
  }
}

TEST_CASE("errors arrive with code, message, members and status, in every protocol") {
  const auto service = model::read_service(wire_test::everything);
  const Error gone{"Gone", "It is <gone>.", {{"Left", List{"a", "b"}}, {"Size", 7}}};
  for (const auto protocol : service->protocols) {
    INFO(model::name_of(protocol));
    const auto response = answer(*service, "Echo", protocol, gone);
    INFO(response.body);
    CHECK(response.status == 410);
    CHECK(response.headers.get("x-amzn-requestid") == "id-1");
    const auto output = wire::decode_response(*service, *service->operation("Echo"), protocol, response);
    REQUIRE_FALSE(output);
    CHECK(output.error().code == "Gone");
    CHECK(output.error().message == "It is <gone>.");
    CHECK(output.error().status == 410);
    if (protocol == Protocol::ec2_query) continue;  // Its errors have no members.
    CHECK(Value(output.error().members) == Value(gone.members));
  }
}

TEST_CASE("what is not built answers 501 in every protocol") {
  const auto service = model::read_service(wire_test::everything);
  for (const auto protocol : service->protocols) {
    INFO(model::name_of(protocol));
    const auto response = answer(*service, "Echo", protocol, not_implemented("everything Echo"));
    CHECK(response.status == 501);
    const auto output = wire::decode_response(*service, *service->operation("Echo"), protocol, response);
    REQUIRE_FALSE(output);
    CHECK(output.error().code == "NotImplemented");
    CHECK_THAT(output.error().message, Catch::Contains("everything Echo"));
  }
}

TEST_CASE("an error discards what the operation had begun to answer, in every protocol") {
  const auto service = model::read_service(wire_test::everything);
  for (const auto protocol : service->protocols) {
    HttpResponse response;
    response.body = "half";
    response.length = 4;
    response.stream = [](BodyWriter&) {};
    wire::encode_response(*service, service->operation("Pour"), protocol, "id-1", Error{"Broken", "No."}, response);
    CHECK(response.status == 503);
    CHECK_FALSE(response.stream);
    CHECK_FALSE(response.length);
    CHECK_THAT(response.body, !Catch::Contains("half") && Catch::Contains("No."));
  }
}

TEST_CASE("an operation without input and output is called with nothing, in every protocol") {
  const auto service = model::read_service(wire_test::everything);
  for (const auto protocol : service->protocols) {
    INFO(model::name_of(protocol));
    const auto request = arrived(*service, "Nothing", protocol, Map{});
    const auto found = wire::find_operation(*service, protocol, request);
    REQUIRE(found);
    CHECK((*found)->name == "Nothing");
    CHECK(wire::decode_request(*service, **found, protocol, request)->map().empty());
    const auto response = answer(*service, "Nothing", protocol, Value(Map{}));
    CHECK(wire::decode_response(*service, **found, protocol, response)->map().empty());
  }
}

TEST_CASE("an operation that the model does not know is refused in every protocol") {
  const auto service = model::read_service(wire_test::everything);
  for (const auto protocol : service->protocols) {
    INFO(model::name_of(protocol));
    auto request = arrived(*service, "Nothing", protocol, Map{});
    for (auto* text : {&request.path, &request.body})
      if (const auto at = text->find("othing"); at != std::string::npos) text->replace(at, 6, "obody");
    request.headers.set("X-Amz-Target", "Every_2026.Nobody");
    const auto found = wire::find_operation(*service, protocol, request);
    REQUIRE_FALSE(found);
    const bool query = protocol == Protocol::query || protocol == Protocol::ec2_query;
    CHECK(found.error().code == (query ? "InvalidAction" : "UnknownOperationException"));
  }
}

TEST_CASE("any service can be called with AWS JSON by the names of its members") {
  const auto service = model::read_service(wire_test::everything);
  const auto& place = *service->operation("Place");
  const auto input = wire::decode_json_input(*service, place, R"({"Id":5,"Path":"a/b","Note":"n","Days":[1,2.5]})");
  REQUIRE(input);
  CHECK(*input == Value(Map{{"Id", 5}, {"Path", "a/b"}, {"Note", "n"}, {"Days", List{1000, 2500}}}));
  CHECK(wire::encode_json_output(*service, place, Map{{"Code", 7}, {"Note", "n"}}) == R"({"Code":7,"Note":"n"})");
  const auto bad = wire::decode_json_input(*service, place, R"({"Id":"5"})");
  REQUIRE_FALSE(bad);
  CHECK(bad.error().code == "SerializationException");
}
