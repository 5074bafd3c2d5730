// HttpServers: further listeners on loopback, for what must be a host and a port of its own (the API
// that a function's runtime talks to). The same strict server as the front door, without TLS.
#pragma once

#include <moonbase/http.hpp>
#include <moonbase/result.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace moonbase {

// Belongs to the loop of the fiber that asked for it: used and destroyed there.
class HttpListener {
 public:
  // Closes the port and all connections. Handlers that wait end by themselves.
  virtual ~HttpListener() = default;
  virtual std::uint16_t port() const = 0;
  // Serves a connection that is open already, such as one end of a socket pair. Takes the descriptor. Its
  // requests have no source_ip, which no other connection's lack.
  virtual void serve(int descriptor) = 0;
};

// Runs on a fiber of the listener's loop: it may wait. The listener may go while it does.
using ListenerHandler = std::function<void(HttpRequest&, HttpResponse&)>;

// Any fiber may use it.
class HttpServers {
 public:
  virtual ~HttpServers() = default;
  // A free port of 127.0.0.1. An Error says why there is none.
  virtual Result<std::unique_ptr<HttpListener>> listen(ListenerHandler handler) = 0;
  // "http://127.0.0.1:4566": where processes of this machine reach the platform; empty where it has no door.
  virtual std::string platform_url() const = 0;
};

}  // namespace moonbase
