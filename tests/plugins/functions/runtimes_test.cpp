// Node.js and Python between their invocations: the connection that they are handed, and environments that
// several callers take turns in.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include <catch2/catch.hpp>

#include "support.hpp"

using moonbase::CallContext;
using moonbase::Done;
using moonbase::KernelServices;
using moonbase::Map;
using moonbase::Value;
using moonbase::testing::TestKernel;
using support::functions;
using support::zip;

namespace {

// Closes the connection that the runtime was handed.
constexpr auto wrapper = "#!/bin/bash\neval \"exec $_MOONBASE_RUNTIME_FD>&-\"\nexec \"$@\"\n";

Map function_of(const std::string& name, const std::string& runtime, const std::string& file, const std::string& code,
                Map variables = {}) {
  return Map{{"FunctionName", name},
             {"Runtime", runtime},
             {"Handler", "index.handler"},
             {"Role", "arn:aws:iam::000000000000:role/test"},
             {"Timeout", 10},
             {"MemorySize", 256},
             {"Environment", Map{{"Variables", std::move(variables)}}},
             {"Code", Map{{"ZipFile", zip({{file, code}, {.name = "wrapper", .content = wrapper, .mode = 0755}})}}}};
}

constexpr auto node_code = "let calls = 0; exports.handler = async (event) => {"
                           " console.log('call', ++calls); return { n: event.n, text: event.text, calls }; };";
constexpr auto python_code = "calls = 0\n"
                             "def handler(event, context):\n"
                             "  global calls\n"
                             "  calls += 1\n"
                             "  return {'n': event['n'], 'text': event['text'], 'calls': calls}\n";

// What a server on loopback answers, or nothing within a second.
std::string get(std::int64_t port) {
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval patience{1, 0};
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::string answer;
  constexpr std::string_view request = "GET / HTTP/1.0\r\n\r\n";
  if (connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      send(connection, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
    char bytes[1024];
    for (ssize_t got; (got = recv(connection, bytes, sizeof bytes, 0)) > 0;)
      answer.append(bytes, static_cast<std::size_t>(got));
  }
  close(connection);
  return answer;
}

}  // namespace

TEST_CASE("payloads of any size go through the connection of Node.js and Python, and through HTTP without it") {
  const auto [runtime, file, code] = GENERATE(table<std::string, std::string, std::string>(
      {{"nodejs20.x", "index.js", node_code}, {"python3.11", "index.py", python_code}}));
  const bool wrapped = GENERATE(false, true);
  CAPTURE(runtime, wrapped);
  TestKernel kernel{"lambda", functions};
  Map variables;
  if (wrapped) variables.set("AWS_LAMBDA_EXEC_WRAPPER", "/var/task/wrapper");
  kernel.call("CreateFunction", function_of("f", runtime, file, code, std::move(variables)));
  int calls = 0;
  for (const std::size_t bytes : {0UL, 60'000UL, 70'000UL, 3'000'000UL, 1UL}) {
    // A letter of two bytes, and one of four.
    std::string text = "\u00e9\U0001F680" + std::string(bytes, 'x');
    const auto answer = support::invoke(kernel, "f", R"({"n":1,"text":")" + text + R"("})");
    CHECK(answer["text"].string() == text);
    CHECK(answer["calls"].integer() == ++calls);
  }
}

TEST_CASE("a function of Node.js that listens is not held up between its invocations") {
  TestKernel kernel{"lambda", functions};
  constexpr auto server =
      "const http = require('http');"
      "const server = http.createServer((request, response) => response.end('heard')).listen(0, '127.0.0.1');"
      "exports.handler = async () => server.address().port;";
  kernel.call("CreateFunction", function_of("f", "nodejs20.x", "index.js", server));
  std::string heard;
  // On a busy machine it may be frozen before we come.
  for (int tries = 0; tries < 5 && heard.empty(); ++tries) {
    const auto port = support::invoke(kernel, "f").integer();
    kernel.on_fiber([&](KernelServices& services, CallContext&) { services.io.blocking([&] { heard = get(port); }); });
  }
  CHECK(heard.ends_with("heard"));
}

TEST_CASE("callers of a quick function take turns in few environments, and each gets its own answer") {
  TestKernel kernel{"lambda", functions};
  kernel.call("CreateFunction", function_of("f", "nodejs20.x", "index.js", node_code));
  constexpr int callers = 12, rounds = 40;
  int right = 0, left = callers;
  moonbase::Signal over;
  kernel.on_fiber([&](KernelServices& services, CallContext& context) {
    for (int caller = 0; caller < callers; ++caller) {
      services.io.spawn([&, caller, own = context] {
        for (int round = 0; round < rounds; ++round) {
          const auto number = std::to_string(caller * rounds + round);
          const auto answer =
              services.functions.invoke(own, {.function = "f", .payload = R"({"n":)" + number + R"(,"text":""})"});
          if (answer && answer->payload.starts_with(R"({"n":)" + number + ",")) ++right;
        }
        if (--left == 0) over.notify();
      });
    }
    for (auto version = over.version(); left > 0; version = over.version())
      over.wait(version, moonbase::Time{INT64_MAX});
  });
  CHECK(right == callers * rounds);
}
