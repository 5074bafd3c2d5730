// What it costs to give a parsed head to handlers: as our HttpRequest, or as httplib::Request. Both
// times hold the same strict parser; the difference is the containers.
#include <httplib.h>

#include <cstdio>
#include <ctime>

#include "http/head.hpp"

namespace {

const std::string head =
    "POST /2015-03-31/functions/productFunction/invocations?Qualifier=prod HTTP/1.1\r\n"
    "Host: 127.0.0.1:4566\r\nAccept-Encoding: identity\r\nUser-Agent: aws-sdk-js/3.1162.0 ua/2.1 os/linux#6.1 "
    "lang/js\r\n"
    "X-Amz-Date: 20261121T100000Z\r\nX-Amz-Content-Sha256: "
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n"
    "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261121/us-east-1/lambda/aws4_request, "
    "SignedHeaders="
    "host;x-amz-content-sha256;x-amz-date, "
    "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41\r\n"
    "amz-sdk-invocation-id: 3b6b2f3e-0a4d-4a55-9d58-3f4bff2cb7f7\r\namz-sdk-request: attempt=1; max=3\r\n"
    "Content-Type: application/json\r\nContent-Length: 17\r\n\r\n";

// Of the processor, so that neighbours do not count.
double cpu_nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

template <class Work>
double nanoseconds(Work work) {
  constexpr int rounds = 200'000;
  double best = 1e9;
  for (int repeat = 0; repeat < 5; ++repeat) {
    const auto start = cpu_nanoseconds();
    for (int i = 0; i < rounds; ++i) work();
    best = std::min(best, (cpu_nanoseconds() - start) / rounds);
  }
  return best;
}

std::size_t sink = 0;

}  // namespace

int main() {
  const moonbase::http::Limits limits;
  const auto flat = nanoseconds([&] {
    moonbase::HttpRequest request;
    moonbase::http::Framing framing;
    moonbase::http::parse_head(head, limits, request, framing);
    sink += request.headers.get("content-type").size() + request.headers.get("authorization").size();
  });
  const auto httplibs = nanoseconds([&] {
    moonbase::HttpRequest parsed;
    moonbase::http::Framing framing;
    moonbase::http::parse_head(head, limits, parsed, framing);
    httplib::Request request;
    request.method = std::move(parsed.method);
    request.path = std::move(parsed.path);
    request.target = head.substr(5, 60);
    httplib::detail::parse_query_text(parsed.query, request.params);
    for (auto& [name, value] : parsed.headers) request.headers.emplace(name, value);
    sink += request.get_header_value("content-type").size() + request.get_header_value("authorization").size();
  });
  std::printf("HttpRequest       %6.0f ns\nhttplib::Request  %6.0f ns\n", flat, httplibs);
  return sink == 0;
}
