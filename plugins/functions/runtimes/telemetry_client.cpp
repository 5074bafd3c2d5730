// How telemetry reaches the listeners of extensions. The platform's own client for requests keeps away from this
// machine's addresses; these are an environment's own.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "runtimes/telemetry.hpp"

namespace moonbase::functions {
namespace {

constexpr std::size_t answer_bytes_max = 16 * 1024;

// A descriptor that no fiber of this loop waits for any more once it is closed.
class Connection {
 public:
  Connection(Io& io, Descriptor descriptor) : io_(io), descriptor_(std::move(descriptor)) {}
  ~Connection() {
    if (descriptor_) io_.forget(descriptor_.get());
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  explicit operator bool() const { return static_cast<bool>(descriptor_); }
  int get() const { return descriptor_.get(); }
  Descriptor release() { return std::move(descriptor_); }

 private:
  Io& io_;
  Descriptor descriptor_;
};

Descriptor connect_to(Io& io, const std::string& address, std::uint16_t port, MachineTime deadline) {
  Connection connection(io, Descriptor(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  if (!connection || inet_pton(AF_INET, address.c_str(), &to.sin_addr) != 1) return {};
  if (connect(connection.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    if (errno != EINPROGRESS || !io.wait_writable(connection.get(), deadline)) return {};
    int reason = 0;
    socklen_t length = sizeof reason;
    if (getsockopt(connection.get(), SOL_SOCKET, SO_ERROR, &reason, &length) != 0 || reason != 0) return {};
  }
  return connection.release();
}

bool write_all(Io& io, int descriptor, std::string_view bytes, MachineTime deadline) {
  while (!bytes.empty()) {
    const auto sent = ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (!io.wait_writable(descriptor, deadline)) return false;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool post_to(Io& io, const std::string& address, const TelemetrySubscription& to, std::string_view body,
             MachineTime deadline) {
  const Connection connection(io, connect_to(io, address, to.port, deadline));
  if (!connection) return false;
  const auto head = std::string(to.put ? "PUT " : "POST ") + to.path +
                    " HTTP/1.1\r\nHost: sandbox.localdomain:" + std::to_string(to.port) +
                    "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
                    "\r\nConnection: close\r\n\r\n";
  if (!write_all(io, connection.get(), head, deadline) || !write_all(io, connection.get(), body, deadline))
    return false;
  // Only the status counts: "HTTP/1.1 200".
  std::string answer;
  while (answer.size() < answer_bytes_max && answer.find("\r\n") == answer.npos) {
    char buffer[1024];
    const auto got = recv(connection.get(), buffer, sizeof buffer, 0);
    if (got > 0) {
      answer.append(buffer, static_cast<std::size_t>(got));
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
      return false;
    } else if (!io.wait_readable(connection.get(), deadline)) {
      return false;
    }
  }
  return answer.starts_with("HTTP/1.") && answer.size() > 9 && answer.substr(8, 2) == " 2";
}

bool write_to(Io& io, Descriptor& connection, const std::string& address, std::uint16_t port, std::string_view lines,
              MachineTime deadline) {
  if (!connection) connection = connect_to(io, address, port, deadline);
  if (connection && write_all(io, connection.get(), lines, deadline)) return true;
  if (connection) io.forget(connection.get());
  connection.reset();
  return false;
}

}  // namespace moonbase::functions
