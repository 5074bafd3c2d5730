#include <cstdio>
#include <wire/event_stream.hpp>

#include "helpers.hpp"

using namespace wire_test;
using namespace moonbase::wire;
using Type = EventHeader::Type;

TEST_CASE("an event without headers and payload is the published sixteen bytes") {
  std::string out;
  append_event(out, EventMessage{});
  CHECK(hex(out) == "000000100000000005c248eb7d98c8ff");
}

TEST_CASE("an event is framed as published and read back") {
  std::string out;
  append_event(out, EventMessage{{{"content-type", Type::string, "application/json"}}, "{'foo':'bar'}"});
  CHECK(hex(out) ==
        "0000003d0000002007fd83960c636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e"
        "7b27666f6f273a27626172277d8d9c08b1");
  const std::string frame = out;
  append_event(out, "Records", "application/octet-stream", "a,b\n");
  std::string_view rest = out;
  const auto first = take_event(rest);
  REQUIRE(first);
  CHECK(first->complete);
  CHECK(first->message.payload == "{'foo':'bar'}");
  CHECK(first->message.header("content-type") == "application/json");
  const auto second = take_event(rest);
  REQUIRE(second);
  CHECK(second->message.header(":message-type") == "event");
  CHECK(second->message.header(":event-type") == "Records");
  CHECK(rest.empty());
  CHECK_FALSE(take_event(rest)->complete);
}

TEST_CASE("headers of every type survive") {
  EventMessage message;
  message.headers = {{"t", Type::boolean_true},        {"f", Type::boolean_false},
                     {"b", Type::byte, "", -5},        {"s", Type::int16, "", -300},
                     {"i", Type::int32, "", -70000},   {"l", Type::int64, "", -5'000'000'000},
                     {"x", Type::bytes, "\x01\xff"},   {"z", Type::string, ""},
                     {"m", Type::timestamp, "", 1234}, {"u", Type::uuid, std::string(16, 'u')}};
  message.payload = std::string("some bytes");
  std::string out;
  append_event(out, message);
  std::string_view rest = out;
  const auto taken = take_event(rest);
  REQUIRE(taken);
  REQUIRE(taken->message.headers.size() == message.headers.size());
  for (std::size_t i = 0; i < message.headers.size(); ++i) {
    CHECK(taken->message.headers[i].name == message.headers[i].name);
    CHECK(taken->message.headers[i].type == message.headers[i].type);
    CHECK(taken->message.headers[i].text == message.headers[i].text);
    CHECK(taken->message.headers[i].integer == message.headers[i].integer);
  }
}

TEST_CASE("an event that is not all there is waited for, one that is wrong is refused") {
  std::string out;
  append_event(out, "Progress", "text/xml", "<x/>");
  for (std::size_t size = 0; size < out.size(); ++size) {
    std::string_view part(out.data(), size);
    const auto taken = take_event(part);
    REQUIRE(taken);
    CHECK_FALSE(taken->complete);
    CHECK(part.size() == size);
  }
  for (std::size_t at = 0; at < out.size(); ++at) {
    INFO(at);
    auto broken = out;
    broken[at] = static_cast<char>(broken[at] ^ 0x40);
    std::string_view bytes = broken;
    CHECK_FALSE(take_event(bytes));
  }
  const auto prelude = *from_hex("7fffffff00000000");
  std::string digits = "00000000";
  std::snprintf(digits.data(), digits.size() + 1, "%08x", crc32(prelude));
  const auto huge = *from_hex(hex(prelude).append(digits));
  std::string_view bytes = huge;
  CHECK_FALSE(take_event(bytes));
  CHECK_THROWS_AS(append_event(out, EventMessage{{{"", Type::string, "x"}}, ""}), std::logic_error);
}

TEST_CASE("an error ends an event stream") {
  std::string out;
  append_event_error(out, Error{"InternalServerError", "Broken."});
  std::string_view rest = out;
  const auto taken = take_event(rest);
  REQUIRE(taken);
  CHECK(taken->message.header(":message-type") == "error");
  CHECK(taken->message.header(":error-code") == "InternalServerError");
  CHECK(taken->message.header(":error-message") == "Broken.");
}
