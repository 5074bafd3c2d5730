// How the front door treats slow, many, large and departing clients.
#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <thread>

#include "door.hpp"
#include "tests_tools.hpp"

using namespace std::chrono_literals;

TEST_CASE("a head that does not arrive in time is answered with 408, idle connections just close") {
  auto limits = test_limits();
  limits.head_timeout = 30ms;
  limits.idle_timeout = 30ms;
  limits.first_byte_timeout = 30ms;
  Door door(limits);
  {
    Client client(door);
    client.send("GET / HTTP/1.1\r\nHo");
    CHECK(client.answer().status == 408);
    CHECK(client.closed());
  }
  {
    Client client(door);
    CHECK(client.closed());
  }
  {
    Client client(door);
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(client.answer().status == 200);
    CHECK(client.closed());
  }
}

TEST_CASE("a body that stops arriving is an error for its reader, and the connection closes") {
  auto limits = test_limits();
  limits.body_timeout = 30ms;
  Door door(limits);
  Client client(door);
  client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf");
  const auto answer = client.answer();
  CHECK(answer.status == 408);
  CHECK(client.closed());
}

TEST_CASE("a body that ends early is an error for its reader") {
  Door door;
  Client client(door);
  client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf");
  client.end_sending();
  const auto answer = client.answer();
  CHECK(answer.status == 400);
  CHECK(answer.body == "IncompleteBody");
}

TEST_CASE("a client that takes nothing of its answer is cut off") {
  auto limits = test_limits();
  limits.write_timeout = 50ms;
  std::promise<void> noticed;
  Door door(limits, [&](moonbase::HttpRequest&, moonbase::HttpResponse& response) {
    response.stream = [&](moonbase::BodyWriter& writer) {
      const std::string block(1 << 20, 'x');
      while (writer.write(block)) {
      }
      noticed.set_value();
    };
  });
  Client client(door);
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  noticed.get_future().wait();
  SUCCEED("the writer was told");
}

TEST_CASE("slow clients cost little and do not slow others") {
  Door door;
  std::vector<std::unique_ptr<Client>> slow;
  const auto before_kib = resident_kib();
  for (int i = 0; i < 500; ++i) {
    slow.push_back(std::make_unique<Client>(door));
    slow.back()->send("GET /");
  }
  for (int i = 0; i < 100; ++i) CHECK(ask(door, "GET /quick HTTP/1.1\r\nHost: x\r\n\r\n").body == "GET /quick");
  if (!sanitized) CHECK((resident_kib() - before_kib) / 500 < 64);
  for (auto& client : slow) client->send("slow HTTP/1.1\r\nHost: x\r\n\r\n");
  for (auto& client : slow) CHECK(client->answer().body == "GET /slow");
}

TEST_CASE("connections beyond the limit are closed, and room returns") {
  auto limits = test_limits();
  limits.connections_max = 2;
  Door door(limits);
  auto first = std::make_unique<Client>(door), second = std::make_unique<Client>(door);
  for (auto* client : {first.get(), second.get()}) {
    client->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(client->answer().status == 200);
  }
  CHECK(Client(door).closed());
  first.reset();
  while (door.server->connections() > 1) std::this_thread::yield();
  CHECK(ask(door, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").status == 200);
}

TEST_CASE("running out of descriptors stops accepting only for a while") {
  Door door;
  Client before(door);
  before.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(before.answer().status == 200);
  std::vector<int> hogs;
  rlimit limit{}, old{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &old) == 0);
  limit = old;
  limit.rlim_cur = 200;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  Client waiting(door.port());  // Has its own descriptor before the last are gone.
  while (true) {
    const int hog = ::dup(0);
    if (hog < 0) break;
    hogs.push_back(hog);
  }
  before.send("GET /still HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(before.answer().body == "GET /still");
  for (const int hog : hogs) ::close(hog);
  waiting.send("GET /late HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(waiting.answer().body == "GET /late");
  setrlimit(RLIMIT_NOFILE, &old);
}

TEST_CASE("a hundred megabytes stream in and out without being held") {
  constexpr std::uint64_t bytes = 100'000'000;
  std::atomic<std::uint64_t> received{0};
  Door* door_pointer = nullptr;
  Door door(test_limits(), [&](moonbase::HttpRequest& request, moonbase::HttpResponse& response) {
    if (!request.reader) return door_pointer->handle(request, response);
    while (true) {
      auto part = request.reader->read(1 << 20);
      if (!part || part->empty()) break;
      received += part->size();
    }
    response.body = std::to_string(received);
  });
  door_pointer = &door;
  ask(door, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto before_kib = resident_kib();
  for (const bool chunked : {false, true}) {
    received = 0;
    Client client(door);
    client.send("POST / HTTP/1.1\r\nHost: x\r\n" +
                (chunked ? std::string("Transfer-Encoding: chunked") : "Content-Length: " + std::to_string(bytes)) +
                "\r\n\r\n");
    const std::string block(1'000'000, 'x');
    for (std::uint64_t sent = 0; sent < bytes; sent += block.size()) {
      if (chunked) client.send("f4240\r\n");
      client.send(block);
      if (chunked) client.send("\r\n");
    }
    if (chunked) client.send("0\r\n\r\n");
    CHECK(client.answer().body == std::to_string(bytes));
  }
  for (const std::string path : {"/stream?", "/sized?"}) {
    Client client(door);
    client.send("GET " + path + std::to_string(bytes) + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    std::uint64_t count = 0;
    while (true) {
      const auto some = client.read_some();
      if (some.empty()) break;
      count += some.size();
    }
    CHECK(count > bytes);
  }
  if (!sanitized) CHECK(resident_kib() - before_kib < 8 * 1024);
}

TEST_CASE("a streamed answer that breaks off is seen to be incomplete") {
  Door door(test_limits(), [](moonbase::HttpRequest& request, moonbase::HttpResponse& response) {
    if (request.path == "/short") response.length = 10;
    if (request.path == "/long") response.length = 2;
    response.stream = [path = request.path](moonbase::BodyWriter& writer) {
      writer.write("hello");
      if (path == "/throws") throw std::runtime_error("half way");
    };
  });
  Client short_one(door);
  short_one.send("GET /short HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(short_one.read_to_end().ends_with("\r\n\r\nhello"));
  Client long_one(door);
  long_one.send("GET /long HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(long_one.read_to_end().ends_with("\r\n\r\nhe"));
  Client throwing(door);
  throwing.send("GET /throws HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto text = throwing.read_to_end();
  CHECK(text.find("hello") != std::string::npos);
  CHECK(text.find("0\r\n\r\n") == std::string::npos);
}

TEST_CASE("draining answers what has begun and closes the rest") {
  std::promise<void> begun, go_on;
  auto may_go_on = go_on.get_future().share();
  Door* door_pointer = nullptr;
  Door door(test_limits(), [&](moonbase::HttpRequest& request, moonbase::HttpResponse& response) {
    if (request.path != "/slow") return door_pointer->handle(request, response);
    begun.set_value();
    door_pointer->loops->io().blocking([&] { may_go_on.wait(); });
    response.body = "done";
  });
  door_pointer = &door;
  Client idle(door), busy(door);
  idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(idle.answer().status == 200);
  busy.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  begun.get_future().wait();
  CHECK_FALSE(door.server->drain(std::chrono::steady_clock::now()));
  CHECK(idle.closed());
  go_on.set_value();
  const auto answer = busy.answer();
  CHECK(answer.body == "done");
  CHECK(answer.header("connection") == "close");
  CHECK(door.server->drain(std::chrono::steady_clock::now() + 60s));
  CHECK(door.server->connections() == 0);
}

TEST_CASE("a busy port and a wrong address are errors that say what to do") {
  Door door;
  moonbase::http::Options options;
  options.clock = &door.clock;
  options.port = door.port();
  moonbase::http::Server second(*door.loops, options, [](auto&, auto&) {});
  const auto busy = second.listen();
  REQUIRE_FALSE(busy.ok());
  CHECK(busy.error().code == "AddressInUse");
  CHECK(busy.error().message.find(std::to_string(door.port())) != std::string::npos);
  options.address = "example.com";
  moonbase::http::Server third(*door.loops, options, [](auto&, auto&) {});
  CHECK(third.listen().error().code == "InvalidAddress");
}

TEST_CASE("answers are compressed only if the handler allows it, the client takes it and it is worth it") {
  Door door(test_limits(), [](moonbase::HttpRequest& request, moonbase::HttpResponse& response) {
    if (request.path != "/forbidden") response.headers.add(std::string(moonbase::http::allow_gzip_header), "1");
    response.headers.add("Content-Type", request.path == "/image" ? "image/png" : "application/json; charset=utf-8");
    response.body = std::string(request.path == "/short" ? 1023 : 10'240, 'a');
  });
  const auto encoding = [&](const std::string& path, const std::string& accept) {
    const auto answer = ask(door, "GET " + path + " HTTP/1.1\r\nHost: x\r\nAccept-Encoding: " + accept + "\r\n\r\n");
    CHECK(answer.header(moonbase::http::allow_gzip_header).empty());
    return answer.header("content-encoding");
  };
  CHECK(encoding("/", "gzip") == "gzip");
  CHECK(encoding("/", "br, GZIP;q=0.5") == "gzip");
  CHECK(encoding("/", "*") == "gzip");
  CHECK(encoding("/", "gzip;q=0").empty());
  CHECK(encoding("/", "br").empty());
  CHECK(encoding("/short", "gzip").empty());
  CHECK(encoding("/image", "gzip").empty());
  CHECK(encoding("/forbidden", "gzip").empty());
  const auto answer = ask(door, "GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n");
  CHECK(answer.body.size() < 200);
  CHECK(moonbase::http::gunzip(answer.body, 10'240).value() == std::string(10'240, 'a'));
  CHECK(answer.header("vary") == "Accept-Encoding");
}
