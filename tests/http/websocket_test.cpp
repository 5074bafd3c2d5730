#include <catch2/catch.hpp>
#include <moonbase/hash.hpp>
#include <thread>

#include "door.hpp"
#include "http/websocket_frames.hpp"
#include "tests_tools.hpp"

using namespace std::chrono_literals;

namespace {

const std::string upgrade =
    "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

struct Frame {
  int first = 0;  // Flags and opcode.
  std::string payload;
  std::uint16_t code() const {
    if (payload.size() < 2) return 0;
    return static_cast<std::uint16_t>(static_cast<unsigned char>(payload[0]) << 8 |
                                      static_cast<unsigned char>(payload[1]));
  }
};

// As a client sends it. `lie`: how many bytes the header claims instead.
std::string masked(int first, const std::string& payload, std::optional<std::uint64_t> lie = {}) {
  std::string frame(1, static_cast<char>(first));
  const auto length = lie.value_or(payload.size());
  if (length < 126) {
    frame += static_cast<char>(0x80 | length);
  } else if (length <= 0xffff) {
    frame += static_cast<char>(0x80 | 126);
    frame += static_cast<char>(length >> 8);
    frame += static_cast<char>(length & 255);
  } else {
    frame += static_cast<char>(0x80 | 127);
    for (int shift = 56; shift >= 0; shift -= 8) frame += static_cast<char>(length >> shift & 255);
  }
  const std::string mask = "\x12\x34\x56\x78";
  frame += mask;
  for (std::size_t i = 0; i < payload.size(); ++i) frame += static_cast<char>(payload[i] ^ mask[i % 4]);
  return frame;
}

struct Socket {
  Client client;
  explicit Socket(const Door& door) : client(door) {
    client.send(upgrade);
    const auto answer = client.answer();
    REQUIRE(answer.status == 101);
    CHECK(answer.header("sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");  // RFC 6455's example.
  }

  // Nothing at the end of the connection.
  std::optional<Frame> frame() {
    const auto head = client.read(2);
    if (head.size() < 2) return std::nullopt;
    Frame frame;
    frame.first = static_cast<unsigned char>(head[0]);
    std::uint64_t length = static_cast<unsigned char>(head[1]);
    CHECK(length < 128);  // Servers do not mask.
    const std::size_t more = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (more > 0) {
      length = 0;
      for (const char c : client.read(more)) length = length << 8 | static_cast<unsigned char>(c);
    }
    frame.payload = client.read(length);
    return frame;
  }

  void expect(int first, const std::string& payload) {
    const auto got = frame();
    REQUIRE(got);
    CHECK(got->first == first);
    CHECK(got->payload == payload);
  }

  void expect_close(std::uint16_t code) {
    const auto got = frame();
    REQUIRE(got);
    CHECK(got->first == 0x88);
    CHECK(got->code() == code);
    CHECK_FALSE(frame());
  }
};

}  // namespace

TEST_CASE("messages go both ways, text and binary, short and long") {
  Door door;
  Socket socket(door);
  for (const std::size_t bytes : {0U, 1U, 125U, 126U, 65535U, 65536U, 300'000U}) {
    const std::string payload(bytes, 'm');
    socket.client.send(masked(0x81, payload));
    socket.expect(0x81, payload);
  }
  socket.client.send(masked(0x82, std::string("\xff\x00\xfe", 3)));
  socket.expect(0x82, std::string("\xff\x00\xfe", 3));
  socket.client.send(masked(0x88,
                            "\x03\xe8"
                            "bye"));
  socket.expect_close(1000);
}

TEST_CASE("fragments are joined, with control frames between them, and bytes may come one by one") {
  Door door;
  Socket socket(door);
  std::string bytes = masked(0x01, "Hel") + masked(0x89, "ping") + masked(0x00, "lo, ") + masked(0x8a, "unasked") +
                      masked(0x80, "\xe2\x82\xac");
  for (const char c : bytes) socket.client.send(std::string(1, c));
  socket.expect(0x8a, "ping");
  socket.expect(0x81, "Hello, \xe2\x82\xac");
}

TEST_CASE("what breaks the protocol closes the connection with its code") {
  using namespace std::string_literals;
  const std::vector<std::pair<std::uint16_t, std::string>> breaches = {
      {1002,
       "\x81\x03"
       "abc"},                      // Not masked.
      {1002, masked(0xc1, "abc")},  // A reserved bit.
      {1002, masked(0x83, "abc")},  // Reserved opcodes.
      {1002, masked(0x8b, "abc")},
      {1002, masked(0x80, "abc")},                    // Nothing to continue.
      {1002, masked(0x01, "a") + masked(0x81, "b")},  // A message inside another.
      {1002, masked(0x09, "a")},                      // A control frame in parts.
      {1002, masked(0x89, std::string(126, 'a'))},    // A long control frame.
      {1002,
       "\x81\xfe\x00\x05\x00\x00\x00\x00"
       "hello"s},  // A length that is not the shortest.
      {1002, "\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x00\x00"s},
      {1002, "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00"s},  // A negative length.
      {1002, masked(0x88, "a")},                                            // Half a code.
      {1002, masked(0x88, "\x03\xed")},                                     // 1005 is never sent.
      {1002, masked(0x88, "\x03\xee")},
      {1002, masked(0x88, "\x00\x00"s)},
      {1002, masked(0x88, "\x07\xd0")},  // 2000 means nothing.
      {1007, masked(0x88, "\x03\xe8\xff")},
      {1007, masked(0x81, "\xff")},
      {1007, masked(0x81, "\xc0\x80")},           // Overlong.
      {1007, masked(0x81, "\xed\xa0\x80")},       // A surrogate.
      {1007, masked(0x81, "\xf4\x90\x80\x80")},   // Beyond Unicode.
      {1007, masked(0x81, "\xe2\x82")},           // Cut short.
      {1009, masked(0x81, "", 1024 * 1024 + 1)},  // Refused by its header alone.
      {1009, masked(0x01, std::string(1024 * 1024, 'a')) + masked(0x80, "b")},
  };
  Door door;
  for (std::size_t i = 0; i < breaches.size(); ++i) {
    CAPTURE(i);
    Socket socket(door);
    socket.client.send(breaches[i].second);
    socket.client.end_sending();
    socket.expect_close(breaches[i].first);
  }
  Socket socket(door);
  const std::string longest(1024 * 1024, 'a');
  socket.client.send(masked(0x81, longest));
  socket.expect(0x81, longest);
}

TEST_CASE("close codes are answered in kind, and a connection may just end") {
  Door door;
  for (const auto& [sent, answered] : std::vector<std::pair<std::string, std::uint16_t>>{
           {"", 1000}, {"\x03\xe9", 1001}, {"\x0b\xb8", 3000}, {"\x13\x87", 4999}}) {
    Socket socket(door);
    socket.client.send(masked(0x88, sent));
    socket.expect_close(answered);
  }
  Socket socket(door);
  socket.client.end_sending();
  CHECK_FALSE(socket.frame());
}

TEST_CASE("a handshake that is none is refused") {
  Door door;
  const auto without = [](const std::string& line) {
    auto request = upgrade;
    request.erase(request.find(line), line.size());
    return request;
  };
  CHECK(ask(door, without("Sec-WebSocket-Version: 13\r\n")).status == 426);
  CHECK(ask(door, without("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")).status == 400);
  CHECK(ask(door, without("Upgrade: websocket\r\n")).status == 400);
  CHECK(ask(door, without("Connection: keep-alive, Upgrade\r\n")).status == 500);
  CHECK(ask(door, without("IHNhbXBsZS")).status == 400);
}

TEST_CASE("any thread may send, and a socket that has ended says so") {
  std::promise<std::shared_ptr<moonbase::WebSocket>> opened;
  Door door(test_limits(), [&](moonbase::HttpRequest&, moonbase::HttpResponse& response) {
    response.headers.add("Sec-WebSocket-Protocol", "chat");
    response.websocket = [&](const std::shared_ptr<moonbase::WebSocket>& socket) {
      opened.set_value(socket);
      while (socket->receive()) {
      }
    };
  });
  auto socket = std::make_unique<Socket>(door);
  const auto server_side = opened.get_future().get();
  std::vector<std::thread> threads;
  std::atomic<int> sent{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 100; ++k) sent += server_side->send("from a thread");
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(sent == 400);
  for (int i = 0; i < 400; ++i) socket->expect(0x81, "from a thread");
  server_side->close(4000, "enough");
  CHECK_FALSE(server_side->send("more"));
  const auto last = socket->frame();
  REQUIRE(last);
  CHECK(last->code() == 4000);
  CHECK(last->payload.substr(2) == "enough");
  socket.reset();
  while (door.server->connections() > 0) std::this_thread::yield();
  CHECK_FALSE(server_side->send("after the end"));
  server_side->close();
}

TEST_CASE("a sender waits for a slow client, up to a limit of memory and of time") {
  auto limits = test_limits();
  limits.write_timeout = 50ms;
  limits.websocket_queue_bytes_max = 1 << 20;
  std::promise<int> gave_up_after;
  Door door(limits, [&](moonbase::HttpRequest&, moonbase::HttpResponse& response) {
    response.websocket = [&](const std::shared_ptr<moonbase::WebSocket>& socket) {
      const std::string block(1 << 20, 'x');
      int sent = 0;
      while (socket->send(block)) ++sent;
      gave_up_after.set_value(sent);
    };
  });
  Socket socket(door);
  const int sent = gave_up_after.get_future().get();
  CHECK(sent < 64);
}

TEST_CASE("draining says goodbye to open sockets") {
  Door door;
  Socket socket(door);
  socket.client.send(masked(0x81, "hello"));
  socket.expect(0x81, "hello");
  CHECK_FALSE(door.server->drain(std::chrono::steady_clock::now()));
  const auto last = socket.frame();
  REQUIRE(last);
  CHECK(last->code() == 1001);
  socket.client.send(masked(0x88, "\x03\xe9"));
  CHECK_FALSE(socket.frame());
  CHECK(door.server->drain(std::chrono::steady_clock::now() + 60s));
}
