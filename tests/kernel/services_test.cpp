// What the platform offers plugins beside store and tasks: waits that an advance of the clock meets,
// and requests to the outside.
#include "files.hpp"

#include <moonbase/testing.hpp>

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

using namespace moonbase;
using moonbase::testing::TestKernel;

namespace {
const std::string coupons = EXAMPLES "/coupons-lua";
}

TEST_CASE("advancing the clock stops where a fiber's wait ends, and waits for what it then does") {
  TestKernel kernel{"coupons", {.plugins = {coupons}}};
  const auto begin = kernel.clock.now();
  std::vector<std::int64_t> woken_after_ms;
  kernel.on_fiber([&](KernelServices& services, CallContext&) {
    services.io.spawn([&] {
      Signal never;
      for (int round = 1; round <= 3; ++round) {
        never.wait(never.version(), Time{begin.ms + round * 60'000});
        const Activity::Busy busy(services.activity);
        const auto at = services.clock.now();
        services.io.sleep_until(MachineTime::clock::now() + std::chrono::milliseconds(5));
        woken_after_ms.push_back(at.ms - begin.ms);
      }
    });
  });
  kernel.clock.advance_ms(150'000);
  CHECK(woken_after_ms == std::vector<std::int64_t>{60'000, 120'000});
  kernel.clock.advance_ms(3'600'000);
  CHECK(woken_after_ms == std::vector<std::int64_t>{60'000, 120'000, 180'000});
}

TEST_CASE("the platform's own requests reach private addresses only where a stack allows it") {
  TestKernel kernel{"coupons", {.plugins = {coupons}}};
  const auto code = [&] {
    std::string outcome;
    // Port 1: nobody listens there.
    kernel.on_fiber([&](KernelServices& services, CallContext&) {
      const auto fetched = services.http.fetch({.url = "http://127.0.0.1:1/"});
      outcome = fetched ? "answered" : fetched.error().code;
    });
    return outcome;
  };
  CHECK(code() == "AddressNotAllowed");
  const Files files{
      {"stack.lua", "local s = require \"stack\" { name = \"till\", outbound = { \"127.0.0.1\" } }\nreturn s\n"}};
  REQUIRE(kernel.apply(files.path("stack.lua")));
  CHECK(code() == "ConnectionFailed");
  kernel.restart();
  CHECK(code() == "ConnectionFailed");
  REQUIRE(kernel.down("till"));
  CHECK(code() == "AddressNotAllowed");
}

TEST_CASE("an unknown setting of a stack is named with the nearest one") {
  TestKernel kernel{"coupons", {.plugins = {coupons}}};
  const Files files{{"stack.lua", "local s = require \"stack\" { name = \"till\", outbond = {} }\nreturn s\n"}};
  CHECK(kernel.plan(files.path("stack.lua")).error().message ==
        "stack.lua:1: a stack has no setting outbond. Did you mean outbound?");
}

namespace {

// Sends bytes to a port of this machine and answers all that comes back, until the other side closes.
std::string exchange(std::uint16_t port, std::string_view bytes) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    answer = "refused";
  } else if (::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size())) {
    char buffer[4096];
    for (ssize_t got = 0; (got = ::recv(descriptor, buffer, sizeof buffer, 0)) > 0;)
      answer.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(descriptor);
  return answer;
}

}  // namespace

TEST_CASE("a plugin's own listener answers on its port, with trailers, and closes it when it goes") {
  TestKernel kernel{"coupons", {.plugins = {coupons}}};
  kernel.on_fiber([&](KernelServices& services, CallContext&) {
    auto listener = services.servers.listen([](HttpRequest& request, HttpResponse& response) {
      std::string body = request.body;
      while (request.reader) {
        const auto part = request.reader->read(1024);
        if (!part || part->empty()) break;
        body += *part;
      }
      const auto late = request.reader ? request.reader->trailers() : HttpHeaders{};
      response.body = body + "|" + std::string(late.get("x-late")) + "|" + std::string(request.headers.get("x-late"));
    });
    REQUIRE(listener.ok());
    const auto port = (*listener)->port();
    const auto ask = [&](std::string_view bytes) {
      std::string answer;
      services.io.blocking([&] { answer = exchange(port, bytes); });
      return answer;
    };
    const auto answer = ask(
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
        "X-Late:  yes \r\nX-Other: 1\r\n\r\n");
    CHECK(answer.starts_with("HTTP/1.1 200 "));
    CHECK(answer.ends_with("\r\n\r\nabc|yes|"));
    CHECK(ask("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
              .starts_with("HTTP/1.1 400 "));
    listener->reset();
    services.io.sleep_until(MachineTime::clock::now());  // Its fiber closes it.
    CHECK(ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n") == "refused");
  });
}
