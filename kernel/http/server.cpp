#include "http/server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "http/connection.hpp"
#include "http/tls.hpp"
#include "loop/loops.hpp"

namespace moonbase::http {
namespace {

constexpr int backlog = 1024;
constexpr unsigned char tls_handshake_record = 0x16;
constexpr auto out_of_descriptors_pause = std::chrono::milliseconds(50);

struct Address {
  sockaddr_storage bytes{};
  socklen_t length = 0;

  static std::optional<Address> parse(const std::string& text, std::uint16_t port) {
    Address address;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address.bytes);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.bytes);
    if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
      v4->sin_family = AF_INET;
      v4->sin_port = htons(port);
      address.length = sizeof *v4;
    } else if (inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
      v6->sin6_family = AF_INET6;
      v6->sin6_port = htons(port);
      address.length = sizeof *v6;
    } else {
      return std::nullopt;
    }
    return address;
  }

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&bytes); }
  std::uint16_t port() const {
    return ntohs(bytes.ss_family == AF_INET ? reinterpret_cast<const sockaddr_in*>(&bytes)->sin_port
                                            : reinterpret_cast<const sockaddr_in6*>(&bytes)->sin6_port);
  }
  std::string text() const {
    char buffer[INET6_ADDRSTRLEN] = {};
    if (bytes.ss_family == AF_INET) {
      inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&bytes)->sin_addr, buffer, sizeof buffer);
    } else {
      const auto& v6 = reinterpret_cast<const sockaddr_in6*>(&bytes)->sin6_addr;
      if (IN6_IS_ADDR_V4MAPPED(&v6)) {
        inet_ntop(AF_INET, v6.s6_addr + 12, buffer, sizeof buffer);
      } else {
        inet_ntop(AF_INET6, &v6, buffer, sizeof buffer);
      }
    }
    return buffer;
  }
};

Error cannot_listen(const Options& options, int reason) {
  const auto where = options.address + " port " + std::to_string(options.port);
  if (reason == EADDRINUSE) {
    return {
        .code = "AddressInUse",
        .message = "Another program listens on " + where + ". Stop it, or choose another port (0 picks a free one)."};
  }
  if (reason == EACCES) {
    return {.code = "AccessDenied", .message = "Ports below 1024 need privileges: cannot listen on " + where + "."};
  }
  return {.code = "InvalidAddress", .message = "Cannot listen on " + where + ": " + std::strerror(reason) + "."};
}

// A bound socket, or -1 and errno.
int bind_to(Address& address, bool shared) {
  const int family = address.bytes.ss_family;
  const int listener = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener < 0) return -1;
  const int one = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (shared) ::setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
  // Connections inherit the following. A client that has vanished is noticed within a minute.
  const int idle_seconds = 30, interval_seconds = 10, probes = 3;
  const unsigned unacknowledged_ms = 60'000;
  ::setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  ::setsockopt(listener, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
  ::setsockopt(listener, IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof idle_seconds);
  ::setsockopt(listener, IPPROTO_TCP, TCP_KEEPINTVL, &interval_seconds, sizeof interval_seconds);
  ::setsockopt(listener, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  ::setsockopt(listener, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof unacknowledged_ms);
  if (::bind(listener, address.get(), address.length) != 0) {
    const int reason = errno;
    ::close(listener);
    errno = reason;
    return -1;
  }
  return listener;
}

void serve_http1_and_wait(std::shared_ptr<Connection> connection) {
  if (!serve_http1(*connection)) return;
  auto& loop = connection->state.loop;
  const auto descriptor = connection->descriptor;
  const auto until = connection->idle_until;
  loop.go_on_when_readable(descriptor, until, [kept = std::move(connection)] { serve_http1_and_wait(kept); });
}

void serve_connection(std::shared_ptr<Connection> shared) {
  auto& connection = *shared;
  auto& server = connection.server;
  auto& loop = connection.state.loop;
  const auto& limits = connection.limits();
  if (server.tls) {
    // Only looked at: OpenSSL reads the socket itself.
    unsigned char first = 0;
    const auto deadline = connection.after(limits.first_byte_timeout);
    while (true) {
      const auto count = ::recv(connection.descriptor, &first, 1, MSG_PEEK);
      if (count == 1) break;
      if (count == 0 || (errno != EAGAIN && errno != EINTR)) return;
      if (!loop.wait_readable_again(connection.descriptor, deadline)) return;
    }
    if (first == tls_handshake_record) {
      bool http2 = false;
      connection.transport = server.tls->accept(loop, connection.descriptor, limits, http2);
      if (!connection.transport) return;
      connection.tls = true;
      return http2 ? serve_http2(connection) : serve_http1_and_wait(std::move(shared));
    }
  }
  connection.transport = std::make_unique<PlainTransport>(loop, connection.descriptor, limits.write_timeout);
  serve_http1_and_wait(std::move(shared));
}

void start_connection(const std::shared_ptr<ServerCore>& core, LoopState& state, int descriptor, std::string source_ip,
                      std::uint16_t source_port) {
  if (core->connections.fetch_add(1) >= core->options.limits.connections_max) {
    core->connections.fetch_sub(1);
    ::close(descriptor);
    return;
  }
  try {
    state.loop.spawn([core, &state, descriptor, source_ip = std::move(source_ip), source_port] {
      auto connection = std::make_shared<Connection>(core, state, descriptor);
      connection->source_ip = source_ip;
      connection->source_port = source_port;
      serve_connection(std::move(connection));
    });
  } catch (const std::bad_alloc&) {
    // No memory for another stack: this client is turned away, the next may be lucky.
    core->connections.fetch_sub(1);
    ::close(descriptor);
  }
}

void accept_all(const std::shared_ptr<ServerCore>& core, LoopState& state) {
  while (state.listener >= 0 && !core->draining) {
    Address from;
    from.length = sizeof from.bytes;
    const int descriptor = ::accept4(state.listener, from.get(), &from.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0) {
      start_connection(core, state, descriptor, from.text(), from.port());
    } else if (errno == EAGAIN) {
      state.loop.wait_readable_again(state.listener, MachineTime::max());
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      // Until somebody closes something: trying again at once would only burn time.
      const auto until = state.loop.now() + out_of_descriptors_pause;
      while (state.loop.now() < until) state.loop.suspend(until);
    } else if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK) {
      return;  // Closed.
    }
  }
}

void close_listener(LoopState& state) {
  if (state.listener < 0) return;
  state.loop.forget(state.listener);
  ::close(state.listener);
  state.listener = -1;
}

}  // namespace

struct Server::Shared {
  loop::Loops& loops;
  std::shared_ptr<ServerCore> core = std::make_shared<ServerCore>();
  std::uint16_t port = 0;
  bool serving = false, stopped = false;

  // Runs on every loop; does not wait for it.
  template <class Work>
  void on_each_loop(Work work) {
    for (auto& state : core->loops) {
      state->loop.post([core = core, &state = *state, work] { work(core, state); });
    }
  }
};

Server::Server(loop::Loops& loops, Options options, Handler handler) : shared_(new Shared{loops}) {
  auto& core = *shared_->core;
  core.options = std::move(options);
  core.handler = std::move(handler);
  for (std::size_t i = 0; i < loops.count(); ++i) core.loops.push_back(std::make_unique<LoopState>(loops.at(i)));
}

Server::~Server() {
  stop();
  if (shared_->serving) return;  // The loops close the listeners.
  for (auto& state : shared_->core->loops) {
    if (state->listener >= 0) ::close(state->listener);
  }
}

Result<Done> Server::listen() {
  auto& core = *shared_->core;
  auto& options = core.options;
  auto address = Address::parse(options.address, options.port);
  if (!address) {
    return Error{.code = "InvalidAddress", .message = "\"" + options.address + "\" is not an IP address."};
  }
  if (!options.certificate_folder.empty()) {
    auto tls = Tls::open(options.certificate_folder, options.certificate_names);
    if (!tls) return std::move(tls).error();
    core.tls = std::move(*tls);
  }
  if (options.port != 0) {
    // Sharing a port among our loops would also share it with another Moonbase: ask alone first.
    const int alone = bind_to(*address, false);
    if (alone < 0) return cannot_listen(options, errno);
    ::close(alone);
  }
  for (auto& state : core.loops) {
    const int listener = bind_to(*address, true);
    if (listener < 0 || ::listen(listener, backlog) != 0) {
      const int reason = errno;
      if (listener >= 0) ::close(listener);
      return cannot_listen(options, reason);
    }
    state->listener = listener;
    if (address->port() == 0) ::getsockname(listener, address->get(), &address->length);
  }
  shared_->port = address->port();
  return done;
}

std::uint16_t Server::port() const noexcept { return shared_->port; }

void Server::serve() {
  shared_->serving = true;
  shared_->on_each_loop([](const auto& core, LoopState& state) { accept_all(core, state); });
}

std::size_t Server::connections() const noexcept { return shared_->core->connections.load(); }

bool Server::drain(MachineTime deadline) {
  auto& core = *shared_->core;
  shared_->on_each_loop([](const auto& shared_core, LoopState& state) {
    // Who has connected already is served: only then is the door closed.
    while (state.listener >= 0) {
      Address from;
      from.length = sizeof from.bytes;
      const int descriptor = ::accept4(state.listener, from.get(), &from.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (descriptor < 0) break;
      start_connection(shared_core, state, descriptor, from.text(), from.port());
    }
    close_listener(state);
    state.loop.yield();  // The new ones read what they were sent.
    shared_core->draining = true;
    for (auto* connection = state.connections; connection; connection = connection->next) {
      if (connection->end_soon) connection->end_soon();
      // What has arrived can still be read after this, and then comes the end.
      if (connection->idle) ::shutdown(connection->descriptor, SHUT_RD);
    }
    const std::lock_guard lock(shared_core->mutex);
    ++shared_core->closed_doors;
    shared_core->connection_closed.notify_all();
  });
  std::unique_lock lock(core.mutex);
  return core.connection_closed.wait_until(lock, deadline,
                                           [&] { return core.closed_doors >= core.loops.size() && core.connections == 0; });
}

void Server::stop() {
  if (shared_->stopped) return;
  shared_->stopped = true;
  if (!shared_->serving) return;
  shared_->on_each_loop([](const auto& core, LoopState& state) {
    core->draining = true;
    close_listener(state);
    for (auto* connection = state.connections; connection; connection = connection->next) {
      ::shutdown(connection->descriptor, SHUT_RDWR);
    }
  });
}

namespace {

class LocalListener final : public HttpListener {
 public:
  LocalListener(std::shared_ptr<ServerCore> core, std::uint16_t port) : core_(std::move(core)), port_(port) {}
  ~LocalListener() override {
    auto& state = *core_->loops.front();
    core_->draining = true;
    if (state.listener >= 0) ::shutdown(state.listener, SHUT_RDWR);  // Its fiber wakes and closes it.
    for (auto* connection = state.connections; connection; connection = connection->next)
      ::shutdown(connection->descriptor, SHUT_RDWR);
  }
  std::uint16_t port() const override { return port_; }
  void serve(int descriptor) override {
    ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    start_connection(core_, *core_->loops.front(), descriptor, {}, 0);
  }

 private:
  const std::shared_ptr<ServerCore> core_;
  const std::uint16_t port_;
};

// A runtime keeps its connection while it works, which may take the longest timeout of a function.
constexpr auto as_long_as_it_lasts = std::chrono::hours(24);
constexpr std::size_t local_connections_max = 64;

}  // namespace

Result<std::unique_ptr<HttpListener>> LocalServers::listen(ListenerHandler handler) {
  auto core = std::make_shared<ServerCore>();
  core->options.port = 0;
  core->options.clock = &clock_;
  core->options.log = &log_;
  core->options.limits.connections_max = local_connections_max;
  core->options.limits.first_byte_timeout = as_long_as_it_lasts;
  core->options.limits.idle_timeout = as_long_as_it_lasts;
  core->options.limits.body_timeout = as_long_as_it_lasts;
  core->handler = std::move(handler);
  core->loops.push_back(std::make_unique<LoopState>(*loop::Loop::current()));
  auto& state = *core->loops.front();
  auto address = Address::parse(core->options.address, 0);
  const int listener = bind_to(*address, false);
  if (listener < 0 || ::listen(listener, backlog) != 0) {
    const int reason = errno;
    if (listener >= 0) ::close(listener);
    return cannot_listen(core->options, reason);
  }
  state.listener = listener;
  ::getsockname(listener, address->get(), &address->length);
  state.loop.spawn([core, &state] {
    struct Close {
      LoopState& state;
      ~Close() { close_listener(state); }
    } close{state};
    accept_all(core, state);
  });
  return std::unique_ptr<HttpListener>(std::make_unique<LocalListener>(core, address->port()));
}

}  // namespace moonbase::http
