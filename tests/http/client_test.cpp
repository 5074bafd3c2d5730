// The outbound client, against well-behaved and hostile servers.
#include "http/client.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <thread>

#include "door.hpp"
#include "http/outbound.hpp"

using namespace std::chrono_literals;
using moonbase::http::ClientLimits;
using moonbase::http::ClientRequest;
using moonbase::http::OutboundPolicy;
using OutboundClient = moonbase::http::Client;

namespace {

// Answers one connection with fixed bytes.
struct Hostile {
  int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::uint16_t port = 0;
  std::string received;
  std::thread thread;

  explicit Hostile(std::string answer, bool stay = false) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener, 4) == 0);
    socklen_t bytes = sizeof address;
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &bytes);
    port = ntohs(address.sin_port);
    thread = std::thread([this, answer = std::move(answer), stay] {
      const int connection = ::accept(listener, nullptr, nullptr);
      char buffer[4096];
      while (received.find("\r\n\r\n") == std::string::npos) {
        const auto count = ::recv(connection, buffer, sizeof buffer, 0);
        if (count <= 0) break;
        received.append(buffer, static_cast<std::size_t>(count));
      }
      std::string_view left = answer;
      while (!left.empty()) {
        const auto sent = ::send(connection, left.data(), left.size(), MSG_NOSIGNAL);
        if (sent <= 0) break;
        left.remove_prefix(static_cast<std::size_t>(sent));
      }
      if (stay) {
        while (::recv(connection, buffer, sizeof buffer, 0) > 0) {
        }
      }
      ::close(connection);
    });
  }
  ~Hostile() {
    thread.join();
    ::close(listener);
  }
  std::string url(const std::string& path = "/") const { return "http://127.0.0.1:" + std::to_string(port) + path; }
};

struct Fetcher {
  Door door;
  OutboundClient client;
  explicit Fetcher(OutboundPolicy policy = {.allow_private = true}) : client(door.loops->io(), std::move(policy)) {}

  moonbase::Result<moonbase::HttpResponse> fetch(const ClientRequest& request, const ClientLimits& limits = {}) {
    std::optional<moonbase::Result<moonbase::HttpResponse>> result;
    door.loops->run_on_loop([&] { result.emplace(client.fetch(request, limits)); });
    return std::move(*result);
  }
  std::string url(const std::string& path) const { return "http://127.0.0.1:" + std::to_string(door.port()) + path; }
};

bool is_public_address(const std::string& text) {
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    return moonbase::http::is_public(reinterpret_cast<sockaddr&>(v4));
  }
  REQUIRE(inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1);
  v6.sin6_family = AF_INET6;
  return moonbase::http::is_public(reinterpret_cast<sockaddr&>(v6));
}

}  // namespace

TEST_CASE("the client gets answers with a length, in chunks and to the end") {
  Fetcher fetcher;
  const auto plain = fetcher.fetch({.url = fetcher.url("/a?b=c#fragment")});
  REQUIRE(plain.ok());
  CHECK(plain->status == 200);
  CHECK(plain->body == "GET /a?b=c");
  CHECK(plain->headers.get("content-type") == "text/plain");
  CHECK(fetcher.fetch({.url = fetcher.url("/stream?1000000")})->body.size() == 1'000'000);
  CHECK(fetcher.fetch({.method = "HEAD", .url = fetcher.url("/a")})->body.empty());
  const std::string body(500'000, 'b');
  CHECK(fetcher.fetch({.method = "POST", .url = fetcher.url("/echo"), .body = body})->body == body);
  Hostile until_close("HTTP/1.0 203\r\n\r\nto the end");
  CHECK(fetcher.fetch({.url = until_close.url()})->body == "to the end");
  Hostile interim("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
  CHECK(fetcher.fetch({.url = interim.url()})->status == 204);
}

TEST_CASE("redirects are answers, not orders") {
  Fetcher fetcher;
  Hostile redirecting("HTTP/1.1 302 Found\r\nLocation: " + fetcher.url("/elsewhere") + "\r\nContent-Length: 0\r\n\r\n");
  CHECK(fetcher.fetch({.url = redirecting.url()})->status == 302);
  CHECK(fetcher.door.seen().empty());
}

TEST_CASE("malformed answers are errors") {
  const std::vector<std::string> answers = {
      "",
      "HTTP/1.1 200 OK\r\n",
      "hello\r\n\r\n",
      "HTTP/2.0 200 OK\r\n\r\n",
      "HTTP/1.1 20 OK\r\n\r\n",
      "HTTP/1.1 2000 OK\r\n\r\n",
      "HTTP/1.1 999 OK\r\n\r\n",
      "HTTP/1.1 200 " + std::string(200'000, 'a') + "\r\n\r\n",
      "HTTP/1.1 200 OK\r\nA: " + std::string(200'000, 'a') + "\r\n\r\n",
      "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
      "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\n\r\n",
  };
  Fetcher fetcher;
  for (const auto& answer : answers) {
    CAPTURE(answer.substr(0, 80));
    Hostile server(answer);
    const auto result = fetcher.fetch({.url = server.url()});
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == "InvalidResponse");
  }
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 200; ++i) many += "A: b\r\n";
  Hostile with_many(many + "\r\n");
  CHECK(fetcher.fetch({.url = with_many.url()}).error().code == "InvalidResponse");
  std::string interim;
  for (int i = 0; i < 50; ++i) interim += "HTTP/1.1 100 Continue\r\n\r\n";
  Hostile with_interim(interim);
  CHECK(fetcher.fetch({.url = with_interim.url()}).error().code == "InvalidResponse");
}

TEST_CASE("answers are limited in length and time") {
  Fetcher fetcher;
  ClientLimits limits;
  limits.body_bytes_max = 1000;
  CHECK(fetcher.fetch({.url = fetcher.url("/sized?1000")}, limits).ok());
  CHECK(fetcher.fetch({.url = fetcher.url("/sized?1001")}, limits).error().code == "ResponseTooLarge");
  CHECK(fetcher.fetch({.url = fetcher.url("/stream?1000")}, limits).ok());
  CHECK(fetcher.fetch({.url = fetcher.url("/stream?1001")}, limits).error().code == "ResponseTooLarge");
  Hostile endless("HTTP/1.1 200 OK\r\n\r\n" + std::string(2000, 'a'));
  CHECK(fetcher.fetch({.url = endless.url()}, limits).error().code == "ResponseTooLarge");
  limits.timeout = 50ms;
  for (const std::string start : {"", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"}) {
    Hostile silent(start, true);
    CHECK(fetcher.fetch({.url = silent.url()}, limits).error().code == "Timeout");
  }
}

TEST_CASE("nothing of the caller's becomes a second request") {
  Fetcher fetcher;
  const auto code = [&](const ClientRequest& request) {
    const auto result = fetcher.fetch(request);
    return result.ok() ? std::string() : result.error().code;
  };
  const auto with = [&](const std::string& name, const std::string& value) {
    ClientRequest request{.url = fetcher.url("/")};
    request.headers.add(name, value);
    return code(request);
  };
  CHECK(with("A", "b\r\nC: d") == "InvalidHeader");
  CHECK(with("A\r\nC", "d") == "InvalidHeader");
  CHECK(with("", "d") == "InvalidHeader");
  CHECK(with("Transfer-Encoding", "chunked").empty());
  CHECK(with("Content-Length", "100").empty());
  CHECK(code({.method = "GET / HTTP/1.1\r\nA:", .url = fetcher.url("/")}) == "InvalidHeader");
  for (const std::string url : {"", "ftp://x/", "http://", "http:///a", "http://a b/", "http://u:p@127.0.0.1/",
                                "http://127.0.0.1:99999/", "http://127.0.0.1/a\r\nb", "http://127.0.0.1/a b", "//x"}) {
    CAPTURE(url);
    CHECK(code({.url = url}) == "InvalidUrl");
  }
}

TEST_CASE("private networks are out of reach, unless a name is allowed") {
  Fetcher strict(OutboundPolicy{});
  CHECK(strict.fetch({.url = strict.url("/")}).error().code == "AddressNotAllowed");
  for (const std::string host :
       {"localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "0x7f.1", "169.254.169.254", "10.0.0.1"}) {
    CAPTURE(host);
    CHECK(strict.fetch({.url = "http://" + host + ":" + std::to_string(strict.door.port()) + "/"}).error().code ==
          "AddressNotAllowed");
  }
  CHECK(strict.door.seen().empty());
  Fetcher named(OutboundPolicy{.hosts = {"localhost"}});
  CHECK(named.fetch({.url = "http://LOCALHOST:" + std::to_string(named.door.port()) + "/"}).ok());
  CHECK(named.fetch({.url = named.url("/")}).error().code == "AddressNotAllowed");
}

TEST_CASE("which addresses are public") {
  for (const auto* address :
       {"1.1.1.1", "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.1.1", "100.63.0.1",
        "100.128.0.1", "223.255.255.255", "2606:4700::1", "2a00::1", "::ffff:8.8.8.8", "64:ff9b::808:808"}) {
    CAPTURE(address);
    CHECK(is_public_address(address));
  }
  for (const auto* address : {"0.0.0.0",
                              "10.1.2.3",
                              "100.64.0.1",
                              "127.255.0.1",
                              "169.254.169.254",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.168.1.1",
                              "198.18.0.1",
                              "224.0.0.1",
                              "255.255.255.255",
                              "::",
                              "::1",
                              "fe80::1",
                              "fc00::1",
                              "fd00:ec2::254",
                              "ff02::1",
                              "::ffff:10.0.0.1",
                              "64:ff9b::7f00:1",
                              "2002:7f00:1::",
                              "2001:db8::1",
                              "::127.0.0.1"}) {
    CAPTURE(address);
    CHECK_FALSE(is_public_address(address));
  }
}

TEST_CASE("TLS is checked: who signed, and for whom") {
  std::string pattern = (std::filesystem::temp_directory_path() / "moonbase-client-XXXXXX").string();
  REQUIRE(::mkdtemp(pattern.data()));
  const std::string folder = pattern + "/tls";
  {
    Door door(test_limits(), {}, folder);
    const auto fetch = [&](const OutboundClient& client, const std::string& host) {
      std::string outcome;
      door.loops->run_on_loop([&] {
        auto result = const_cast<OutboundClient&>(client).fetch(
            {.url = "https://" + host + ":" + std::to_string(door.port()) + "/tls"});
        outcome = result ? result->body : result.error().code;
      });
      return outcome;
    };
    const OutboundClient trusting(door.loops->io(), {.allow_private = true}, folder + "/tls.crt");
    CHECK(fetch(trusting, "127.0.0.1") == "GET /tls");
    CHECK(fetch(trusting, "localhost") == "GET /tls");
    CHECK(fetch(trusting, "127.1") == "CertificateNotTrusted");  // The same address by a name it does not have.
    const OutboundClient strict(door.loops->io(), {.allow_private = true});
    CHECK(fetch(strict, "localhost") == "CertificateNotTrusted");
  }
  std::filesystem::remove_all(pattern);
}
