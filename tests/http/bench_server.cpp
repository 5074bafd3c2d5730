// The front door with a handler that does next to nothing. Runs until its standard input closes.
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "http/server.hpp"
#include "loop/loops.hpp"
#include "tasks/clock.hpp"

int main(int argc, char** argv) {
  moonbase::tasks::PlatformClock clock;
  moonbase::loop::Loops loops(argc > 2 ? static_cast<unsigned>(std::atoi(argv[2])) : 0, clock);
  moonbase::http::Options options;
  options.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0);
  options.clock = &clock;
  if (argc > 3) options.certificate_folder = argv[3];
  moonbase::http::Server server(loops, options, [](moonbase::HttpRequest& request, moonbase::HttpResponse& response) {
    if (!request.read_body(10 << 20)) response.status = 413;
    response.headers.add("Content-Type", "application/json");
    response.body = "{\"hello\":\"world\"}";
  });
  if (auto listening = server.listen(); !listening) {
    std::fprintf(stderr, "%s\n", listening.error().message.c_str());
    return 1;
  }
  loops.start();
  server.serve();
  std::printf("%d\n", server.port());
  std::fflush(stdout);
  char byte = 0;
  while (::read(0, &byte, 1) > 0) {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    std::printf("%.6f\n", static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                              1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec));
    std::fflush(stdout);
  }
  const bool clean = server.drain(std::chrono::steady_clock::now() + std::chrono::seconds(2));
  server.stop();
  loops.stop();
  return clean ? 0 : 1;
}
