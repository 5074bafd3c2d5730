// Cold starts, warm round trips and overshoot of the deadline, without a kernel around them.
// Prints one line a number: name, value, unit.
#include "functions/running.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

using namespace moonbase::functions;
using namespace moonbase::functions::test;
using Clock = std::chrono::steady_clock;

namespace {

double us(Clock::duration duration) { return std::chrono::duration<double, std::micro>(duration).count(); }

void print(const char* name, std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  std::printf("%s p50 %.1f us, p99 %.1f us, max %.1f us\n", name, values[values.size() / 2],
              values[values.size() * 99 / 100], values.back());
}

double cpu_us(int who) {
  rusage usage{};
  getrusage(who, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

constexpr std::string_view handler = R"lua(
  function handler(event)
    return 200, { message = "hello " .. (event.queryStringParameters.name or "you"), path = event.rawPath }
  end
)lua";

constexpr std::string_view event =
    R"({"version":"2.0","routeKey":"GET /hello","rawPath":"/hello","rawQueryString":"name=moon","headers":{)"
    R"("accept":"*/*","accept-encoding":"gzip, deflate","content-length":"0","host":"abc.execute-api.localhost:4566",)"
    R"("user-agent":"bench/1.0","x-amzn-trace-id":"Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e","x-forwarded-for":"127.0.0.1",)"
    R"("x-forwarded-port":"4566","x-forwarded-proto":"http"},"queryStringParameters":{"name":"moon"},"requestContext":{)"
    R"("accountId":"000000000000","apiId":"abc","domainName":"abc.execute-api.localhost","domainPrefix":"abc","http":{)"
    R"("method":"GET","path":"/hello","protocol":"HTTP/1.1","sourceIp":"127.0.0.1","userAgent":"bench/1.0"},)"
    R"("requestId":"JKJaXmPLvHcESHA=","routeKey":"GET /hello","stage":"$default","time":"10/Mar/2020:05:16:23 +0000",)"
    R"("timeEpoch":1583817383220},"isBase64Encoded":false})";

}  // namespace

int main() {
  auto& platform = Platform::get();
  const auto layers = platform.processes.hello().layers;
  std::printf("sandbox layers: seccomp %d landlock %d network %d namespaces %d\n", (layers & layer_seccomp) != 0,
              (layers & layer_landlock) != 0, (layers & layer_landlock_network) != 0, (layers & layer_namespaces) != 0);
  Function function(lua_package(handler));
  if (!function.broken.empty() || function.report.failed)
    return std::fprintf(stderr, "%s\n", function.report.text.c_str()), 1;

  platform.loops.run_on_loop([&] {
    auto& io = platform.loops.io();
    const auto invoke = [&](EnvironmentProcess& environment, std::string_view text, std::chrono::milliseconds limit) {
      return environment.invoke(io, {text, {}, "8a2b8c1e-0000-4000-8000-000000000001", Clock::now() + limit},
                                function.host);
    };
    const auto start = [&](Function& of) {
      return EnvironmentProcess::start(of.parent, platform.processes.next_id(), "stream");
    };

    std::vector<double> cold;
    for (int i = 0; i < 500; ++i) {
      const auto begun = Clock::now();
      auto environment = start(function);
      const auto answer = invoke(*environment, event, std::chrono::seconds(5));
      if (answer.kind != EnvironmentAnswer::Kind::answer)
        std::printf("cold start failed %s\n", answer.ending.text().c_str());
      cold.push_back(us(Clock::now() - begun));
      environment->close(io);
    }
    print("cold start", cold);

    auto environment = start(function);
    for (int i = 0; i < 2000; ++i) invoke(*environment, event, std::chrono::seconds(5));
    std::vector<double> warm;
    const double self = cpu_us(RUSAGE_SELF);
    const auto begun = Clock::now();
    constexpr int rounds = 50'000;
    double in_handler = 0;
    for (int i = 0; i < rounds; ++i) {
      const auto from = Clock::now();
      in_handler += invoke(*environment, event, std::chrono::seconds(5)).duration_us;
      warm.push_back(us(Clock::now() - from));
    }
    const double wall = us(Clock::now() - begun);
    print("warm round trip", warm);
    std::printf("warm CPU here %.2f us, wall %.2f us, in the handler %.2f us\n", (cpu_us(RUSAGE_SELF) - self) / rounds,
                wall / rounds, in_handler / rounds);
    environment->close(io);
  });

  Function loop(lua_package("function handler() while true do end end"));
  std::vector<double> overshoot;
  platform.loops.run_on_loop([&] {
    auto& io = platform.loops.io();
    for (int i = 0; i < 50; ++i) {
      auto environment = EnvironmentProcess::start(loop.parent, platform.processes.next_id(), "stream");
      const auto deadline = Clock::now() + std::chrono::milliseconds(20);
      const auto answer =
          environment->invoke(io, {"{}", {}, "8a2b8c1e-0000-4000-8000-000000000001", deadline}, loop.host);
      if (answer.kind != EnvironmentAnswer::Kind::timed_out) std::printf("no timeout?\n");
      overshoot.push_back(us(Clock::now() - deadline));
    }
  });
  print("deadline overshoot", overshoot);
  return 0;
}
