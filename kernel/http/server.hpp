// Server: the front door. One port for HTTP/1.1, TLS, HTTP/2 and WebSocket, told apart by the first
// bytes. Strict about framing: what reaches the handler has an unambiguous length and clean headers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <moonbase/clock.hpp>
#include <moonbase/http.hpp>
#include <moonbase/http_server.hpp>
#include <moonbase/io.hpp>
#include <moonbase/log.hpp>
#include <moonbase/result.hpp>
#include <string>
#include <vector>

#include "http/limits.hpp"

namespace moonbase::loop {
class Loops;
}

namespace moonbase::http {

// Runs on a fiber of its own while it lasts: it may wait. What it throws is a bug: logged, and
// answered with 500 InternalFailure where nothing was sent yet.
using Handler = std::function<void(HttpRequest&, HttpResponse&)>;

// A response header with this name is not sent; it allows the server to compress the body, if the
// client takes gzip and the body is text of some length.
inline constexpr std::string_view allow_gzip_header = "x-moonbase-allow-gzip";

struct Options {
  std::string address = "127.0.0.1";  // IPv4 or IPv6, numeric.
  std::uint16_t port = 4566;          // 0: any free one.
  Limits limits;
  const Clock* clock = nullptr;  // For Date headers. Required.
  Log* log = nullptr;

  // Where the certificate is kept, or made at first start. Empty: no TLS.
  std::string certificate_folder;
  std::vector<std::string> certificate_names;  // Beside localhost and its kind.
};

// Made, used and destroyed by one thread that is not a loop's.
class Server {
 public:
  Server(loop::Loops& loops, Options options, Handler handler);
  // Destroy it before the loops; stops if nobody has.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Takes the port; clients that connect from now on wait. An Error says what to do about it.
  Result<Done> listen();
  std::uint16_t port() const noexcept;
  // Begins to answer. The loops must be running, or about to.
  void serve();

  std::size_t connections() const noexcept;

  // No new connections; requests that have begun are answered, idle connections close. Blocks until
  // all is done or the deadline has passed: false.
  bool drain(MachineTime deadline);
  // Closes everything. Fibers of handlers that wait for something else end with the loops.
  void stop();

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

// Listeners of single loops, for plugins: made, used and destroyed on fibers of one loop each.
class LocalServers final : public HttpServers {
 public:
  LocalServers(const Clock& clock, Log& log) : clock_(clock), log_(log) {}
  Result<std::unique_ptr<HttpListener>> listen(ListenerHandler handler) override;
  std::string platform_url() const override { return platform_url_; }
  void set_platform_url(std::string url) { platform_url_ = std::move(url); }  // Before the platform starts.

 private:
  const Clock& clock_;
  Log& log_;
  std::string platform_url_;
};

}  // namespace moonbase::http
