// What could be read in two ways is refused, and a body never becomes a request.
#include <catch2/catch.hpp>

#include "door.hpp"

TEST_CASE("a plain request is answered, and the connection stays") {
  Door door;
  Client client(door);
  client.send("GET /a/b%20c?d=e HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto first = client.answer();
  CHECK(first.status == 200);
  CHECK(first.body == "GET /a/b%20c?d=e");
  CHECK(first.header("date") == "Sat, 21 Nov 2026 10:00:00 GMT");
  CHECK(first.header("connection").empty());
  client.send("GET /again HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(client.answer().body == "GET /again");
}

TEST_CASE("ambiguous or malformed requests are refused and the connection closes") {
  struct Attack {
    const char* what;
    std::string bytes;
    int status = 400;
  };
  using namespace std::string_literals;
  const std::string start = "POST /echo HTTP/1.1\r\nHost: x\r\n";
  const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::vector<Attack> attacks = {
      {"Content-Length and Transfer-Encoding",
       start + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"Transfer-Encoding, then Content-Length",
       start + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"},
      {"two different lengths", start + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"},
      {"two equal lengths", start + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"},
      {"a list of lengths", start + "Content-Length: 5, 5\r\n\r\nhello"},
      {"a length with a sign", start + "Content-Length: +5\r\n\r\nhello"},
      {"a negative length", start + "Content-Length: -5\r\n\r\nhello"},
      {"a hexadecimal length", start + "Content-Length: 0x5\r\n\r\nhello"},
      {"an empty length", start + "Content-Length: \r\n\r\nhello"},
      {"a length that overflows", start + "Content-Length: 18446744073709551617\r\n\r\nhello"},
      {"two Transfer-Encodings", start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"an unknown Transfer-Encoding", start + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"an obscured Transfer-Encoding", start + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
      {"a vertical tab before chunked", start + "Transfer-Encoding: \x0b"
                                                "chunked\r\n\r\n0\r\n\r\n"},
      {"Transfer-Encoding in HTTP/1.0", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"a space before the colon", start + "Foo : bar\r\n\r\n"},
      {"a tab before the colon", start + "Content-Length\t: 5\r\n\r\nhello"},
      {"an empty name", start + ": bar\r\n\r\n"},
      {"no colon", start + "Foo\r\n\r\n"},
      {"a folded line", start + "Foo: bar\r\n baz\r\n\r\n"},
      {"a space before the first header", "GET / HTTP/1.1\r\n Host: x\r\n\r\n"},
      {"a bare line feed after a header", "GET / HTTP/1.1\r\nHost: x\n\r\n"},
      {"bare line feeds throughout", "GET / HTTP/1.1\nHost: x\n\n"},
      {"a bare carriage return in a value", start + "Foo: a\rb\r\n\r\n"},
      {"NUL in a value", start + "Foo: a\0b\r\n\r\n"s},
      {"NUL in a name", start + "Fo\0o: b\r\n\r\n"s},
      {"a control character in a value", start + "Foo: a\x01"
                                                 "b\r\n\r\n"},
      {"DEL in a value", start + "Foo: a\x7f\r\n\r\n"},
      {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
      {"no Host", "GET / HTTP/1.1\r\nFoo: b\r\n\r\n"},
      {"a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
      {"a Host with user information", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"},
      {"a Host with a bad port", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n"},
      {"a lone space before the target", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"a space in the target", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"a target without a slash", "GET a HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"a fragment", "GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"a byte above ASCII in the target", "GET /\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"a broken escape", "GET /%g1 HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"an escape cut short", "GET /%a HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"an asterisk for GET", "GET * HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"another scheme", "GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"no method", " / HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"a method with a bracket", "GE[T / HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"HTTP/0.9", "GET /\r\n\r\n"},
      {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: x\r\n\r\n", 505},
      {"HTTP/2.0 without its preface", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
      {"a lower-case version", "GET / http/1.1\r\nHost: x\r\n\r\n"},
      {"a version with a tail", "GET / HTTP/1.1 \r\nHost: x\r\n\r\n"},
      {"CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 501},
      {"an unknown expectation", start + "Expect: 200-ok\r\n\r\n", 417},
      {"a long method", std::string(100, 'A') + " / HTTP/1.1\r\nHost: x\r\n\r\n", 501},
  };
  Door door;
  for (const auto& attack : attacks) {
    DYNAMIC_SECTION(attack.what) {
      Client client(door);
      client.send(attack.bytes + smuggled);
      const auto answer = client.answer();
      CHECK(answer.status == attack.status);
      CHECK(answer.header("connection") == "close");
      CHECK(client.closed());
      CHECK(door.seen().empty());
    }
  }
}

TEST_CASE("malformed chunks end the request and what follows is never read as another") {
  const std::vector<std::pair<const char*, std::string>> bodies = {
      {"a negative size", "-2\r\nab\r\n0\r\n\r\n"},
      {"a size with a sign", "+2\r\nab\r\n0\r\n\r\n"},
      {"a size with 0x", "0x2\r\nab\r\n0\r\n\r\n"},
      {"a space before the size", " 2\r\nab\r\n0\r\n\r\n"},
      {"a space after the size", "2 \r\nab\r\n0\r\n\r\n"},
      {"no size", "\r\nab\r\n0\r\n\r\n"},
      {"a size that overflows", "fffffffffffffffff2\r\nab\r\n0\r\n\r\n"},
      {"a size beyond all limits", "ffffffffffffffff\r\nab\r\n0\r\n\r\n"},
      {"a bare line feed after the size", "2\nab\r\n0\r\n\r\n"},
      {"data longer than the size", "2\r\nabc\r\n0\r\n\r\n"},
      {"no line end after the data", "2\r\nab0\r\n\r\n"},
      {"a bare line feed after the data", "2\r\nab\n0\r\n\r\n"},
      {"a control character in an extension", "2;a=\x01\r\nab\r\n0\r\n\r\n"},
      {"a bare line feed in an extension", "2;a\nb\r\nab\r\n0\r\n\r\n"},
      {"a trailer without a colon", "2\r\nab\r\n0\r\nFoo\r\n\r\n"},
      {"a folded trailer", "2\r\nab\r\n0\r\nFoo: a\r\n b\r\n\r\n"},
      {"endless extensions", "2;" + std::string(20'000, 'a') + "\r\nab\r\n0\r\n\r\n"},
      {"endless trailers", "2\r\nab\r\n0\r\nFoo: " + std::string(20'000, 'a') + "\r\n\r\n"},
  };
  Door door;
  for (const auto& [what, body] : bodies) {
    for (const std::string path : {"/echo", "/ignore"}) {
      DYNAMIC_SECTION(what << " to " << path) {
        Client client(door);
        client.send("POST " + path + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body +
                    "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
        const auto answer = client.answer();
        CHECK(answer.status == (path == "/echo" ? 400 : 200));
        CHECK(client.closed());
        CHECK(door.seen().size() == 1);
      }
    }
  }
}

TEST_CASE("chunked bodies are joined, extensions and trailers are borne") {
  Door door;
  Client client(door);
  const std::string head = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  client.send(head + "5\r\nhello\r\n00000A;x=\"y\"\r\n, chunked!\r\n0\r\nFoo: bar\r\n\r\n");
  CHECK(client.answer().body == "hello, chunked!");
  client.send(head + "0\r\n\r\n");
  CHECK(client.answer().body.empty());
  // One byte at a time.
  for (const char c : head + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n") client.send(std::string(1, c));
  CHECK(client.answer().body == "abcde");
}

TEST_CASE("pipelined requests are answered in order, bodies included") {
  Door door;
  Client client(door);
  std::string all;
  for (int i = 0; i < 50; ++i) {
    const auto body = "body " + std::to_string(i);
    all += "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
    all += "POST /ignore HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n0\r\n\r\n";
  }
  client.send(all);
  for (int i = 0; i < 50; ++i) {
    CHECK(client.answer().body == "body " + std::to_string(i));
    CHECK(client.answer().body == "GET /" + std::to_string(i));
    CHECK(client.answer().status == 200);
  }
  CHECK(door.seen().size() == 150);
}

TEST_CASE("a body that the handler leaves unread never becomes a request") {
  Door door;
  const std::string request_in_body = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
  SECTION("a short one is taken from the wire and the connection goes on") {
    Client client(door);
    // Not all at once, so that it is not there yet when the handler runs.
    client.send("POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(request_in_body.size()) +
                "\r\n\r\n");
    CHECK(client.answer().status == 200);
    client.send(request_in_body);
    client.send("GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(client.answer().body == "GET /next");
    CHECK(door.seen() == std::vector<std::string>{"POST /ignore", "GET /next"});
  }
  SECTION("a long one closes the connection, and the answer still arrives") {
    Client client(door);
    std::string body;
    while (body.size() < 400'000) body += request_in_body;
    client.send("POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                body);
    const auto answer = client.answer();
    CHECK(answer.status == 200);
    CHECK(answer.header("connection") == "close");
    CHECK(client.closed());
    CHECK(door.seen().size() == 1);
  }
}

TEST_CASE("100 Continue is sent only when the body is read") {
  Door door;
  SECTION("to a handler that reads") {
    Client client(door);
    client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    CHECK(client.answer().status == 100);
    client.send("hello");
    CHECK(client.answer().body == "hello");
    client.send("GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(client.answer().body == "GET /next");
  }
  SECTION("not to one that does not; then nobody knows whether the body comes, so the connection closes") {
    Client client(door);
    client.send("POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\nExpect: 100-continue\r\n\r\n");
    const auto answer = client.answer();
    CHECK(answer.status == 200);
    CHECK(answer.header("connection") == "close");
    client.send("GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(client.closed());
    CHECK(door.seen().size() == 1);
  }
  SECTION("to who announces an empty body, and waits all the same") {
    Client client(door);
    for (int i = 0; i < 2; ++i) {
      client.send("POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n");
      CHECK(client.answer().status == 100);
      CHECK(client.answer().status == 200);
    }
  }
  SECTION("not when the length alone is too much") {
    Client client(door);
    client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\nExpect: 100-continue\r\n\r\n");
    const auto answer = client.answer();
    CHECK(answer.status == 413);
    CHECK(answer.body == "RequestEntityTooLargeException");
  }
}

TEST_CASE("a body's limit holds from both sides, with a length and without") {
  Door door;
  const std::string fits(1024 * 1024, 'a');
  CHECK(ask(door, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n" + fits).body == fits);
  CHECK(ask(door, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n" + fits + "b").status == 413);
  const std::string chunked = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  CHECK(ask(door, chunked + "100000\r\n" + fits + "\r\n0\r\n\r\n").body == fits);
  CHECK(ask(door, chunked + "100000\r\n" + fits + "\r\n1\r\nb\r\n0\r\n\r\n").status == 413);
}

TEST_CASE("limits on the head hold from both sides") {
  Door door;
  const auto with_headers = [](int count) {
    std::string request = "GET /headers HTTP/1.1\r\nHost: x\r\n";
    for (int i = 1; i < count; ++i) request += "X-" + std::to_string(i) + ": y\r\n";
    return request + "\r\n";
  };
  CHECK(ask(door, with_headers(20)).status == 200);
  CHECK(ask(door, with_headers(21)).status == 431);
  const auto with_target = [](std::size_t bytes) {
    return "GET /" + std::string(bytes - 1, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n";
  };
  CHECK(ask(door, with_target(4096)).status == 200);
  CHECK(ask(door, with_target(4097)).status == 414);
  const auto with_bytes = [](std::size_t bytes) {
    const std::string start = "GET / HTTP/1.1\r\nHost: x\r\nFoo: ";
    return start + std::string(bytes - start.size() - 4, 'a') + "\r\n\r\n";
  };
  CHECK(ask(door, with_bytes(8192)).status == 200);
  CHECK(ask(door, with_bytes(8193)).status == 431);
  CHECK(ask(door, "GET / HTTP/1.1\r\nHost: x\r\nFoo: " + std::string(1'000'000, 'a')).status == 431);
}

TEST_CASE("HTTP/1.0 closes unless asked to stay, and gets no chunks") {
  Door door;
  {
    Client client(door);
    client.send("GET /old HTTP/1.0\r\n\r\n");
    const auto answer = client.answer();
    CHECK(answer.body == "GET /old");
    CHECK(answer.header("connection") == "close");
    CHECK(client.closed());
  }
  {
    Client client(door);
    client.send("GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(client.answer().header("connection") == "keep-alive");
    client.send("GET /stream?100000 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const auto answer = client.answer();
    CHECK(answer.header("transfer-encoding").empty());
    CHECK(answer.header("connection") == "close");
    CHECK(answer.body == std::string(100'000, 'x'));
  }
}

TEST_CASE("the last answer says that the connection closes") {
  Door door;
  Client client(door);
  client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: foo, Close\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(client.answer().header("connection") == "close");
  CHECK(client.closed());
  CHECK(door.seen().size() == 1);
}

TEST_CASE("the target's forms give path, query and host") {
  std::string host;
  Door door(test_limits(), [&](moonbase::HttpRequest& request, moonbase::HttpResponse& response) {
    response.body = request.path + " " + request.query + " " + request.base_url();
  });
  CHECK(ask(door, "GET http://other:81/a?b=c?d HTTP/1.1\r\nHost: x\r\n\r\n").body == "/a b=c?d http://other:81");
  CHECK(ask(door, "GET http://other HTTP/1.1\r\nHost: x\r\n\r\n").body == "/  http://other");
  CHECK(ask(door, "GET http://[::1]:80?q HTTP/1.1\r\nHost: x\r\n\r\n").body == "/ q http://[::1]:80");
  CHECK(ask(door, "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").body == "*  http://x");
  CHECK(ask(door, "GET //a//b/../%2e%2E%00 HTTP/1.1\r\nHost: x\r\n\r\n").body == "//a//b/../%2e%2E%00  http://x");
  CHECK(ask(door, "\r\nGET /after-an-empty-line HTTP/1.1\r\nHost: x\r\n\r\n").body == "/after-an-empty-line  http://x");
  CHECK(ask(door, "\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n").status == 400);
}

TEST_CASE("header values arrive verbatim") {
  Door door(test_limits(), [](moonbase::HttpRequest& request, moonbase::HttpResponse& response) {
    for (const auto value : request.headers.all("x-value")) response.body += "[" + std::string(value) + "]";
  });
  CHECK(
      ask(door, "GET / HTTP/1.1\r\nHost: x\r\nX-Value: \t a%0d%0ab \"c\"  \r\nx-VALUE:\r\nX-Value:\xc3\xa4\tz\r\n\r\n")
          .body == "[a%0d%0ab \"c\"][][\xc3\xa4\tz]");
}

TEST_CASE("a handler's malformed header never reaches the wire") {
  Door door(test_limits(), [](moonbase::HttpRequest& request, moonbase::HttpResponse& response) {
    if (request.path == "/value") response.headers.add("X-A", "b\r\nSet-Cookie: c");
    if (request.path == "/name") response.headers.add("X-A: b\r\nSet-Cookie", "c");
    if (request.path == "/status") response.status = 1000;
    if (request.path == "/informational") response.status = 101;
    if (request.path == "/framing") {
      response.headers.add("Content-Length", "1000");
      response.headers.add("Transfer-Encoding", "chunked");
    }
    response.body = "body";
  });
  for (const std::string path : {"/value", "/name", "/status", "/informational"}) {
    const auto answer = ask(door, "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(answer.status == 500);
    CHECK(answer.header("set-cookie").empty());
    CHECK(answer.header("x-amzn-errortype") == "InternalFailure");
  }
  const auto answer = ask(door, "GET /framing HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(answer.header("content-length") == "4");
  CHECK(answer.header("transfer-encoding").empty());
}

TEST_CASE("an exception in a handler is a 500 without its text, and the server goes on") {
  Door door;
  Client client(door);
  client.send("GET /throw HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto answer = client.answer();
  CHECK(answer.status == 500);
  CHECK(answer.body.find("a bug") == std::string::npos);
  CHECK(answer.head.find("a bug") == std::string::npos);
  client.send("GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(client.answer().body == "GET /next");
}

TEST_CASE("answers without a body have none, and HEAD keeps the length") {
  Door door(test_limits(), [](moonbase::HttpRequest& request, moonbase::HttpResponse& response) {
    response.status = request.path == "/204" ? 204 : request.path == "/304" ? 304 : 200;
    response.body = "body";
    if (request.path == "/object") response.headers.add("Content-Length", "123456789");
  });
  Client client(door);
  client.send(
      "HEAD /a HTTP/1.1\r\nHost: x\r\n\r\nHEAD /object HTTP/1.1\r\nHost: x\r\n\r\n"
      "GET /204 HTTP/1.1\r\nHost: x\r\n\r\nGET /304 HTTP/1.1\r\nHost: x\r\n\r\nGET /end HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(client.answer(true).header("content-length") == "4");
  CHECK(client.answer(true).header("content-length") == "123456789");
  CHECK(client.answer().header("content-length").empty());
  CHECK(client.answer().header("content-length").empty());
  CHECK(client.answer().body == "body");
}
