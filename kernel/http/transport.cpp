#include "http/transport.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>

namespace moonbase::http {

std::ptrdiff_t PlainTransport::read(char* into, std::size_t bytes_max, MachineTime deadline) {
  while (true) {
    if (drained_ && !wait_readable(deadline)) return timeout;
    const auto count = ::recv(descriptor_, into, bytes_max, 0);
    if (count > 0) {
      drained_ = static_cast<std::size_t>(count) < bytes_max;
      return count;
    }
    if (count == 0) return ended;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      drained_ = true;
    } else if (errno != EINTR) {
      return broken;
    }
  }
}

bool PlainTransport::wait_readable(MachineTime deadline) {
  if (!drained_) return true;
  if (!loop_.wait_readable_again(descriptor_, deadline)) return false;
  drained_ = false;
  return true;
}

bool PlainTransport::write(std::string_view first, std::string_view second) {
  while (true) {
    ssize_t count = 0;
    if (second.empty()) {
      count = ::send(descriptor_, first.data(), first.size(), MSG_NOSIGNAL);
    } else {
      iovec parts[2] = {{const_cast<char*>(first.data()), first.size()},
                        {const_cast<char*>(second.data()), second.size()}};
      msghdr message{};
      message.msg_iov = parts;
      message.msg_iovlen = 2;
      count = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
    }
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return false;
      count = 0;
    }
    auto sent = static_cast<std::size_t>(count);
    if (sent >= first.size()) {
      sent -= first.size();
      if (sent == second.size()) return true;
      first = second.substr(sent);
      second = {};
    } else {
      first.remove_prefix(sent);
    }
    if (!loop_.wait_writable_again(descriptor_, loop_.now() + write_timeout_)) return false;
  }
}

void PlainTransport::end_writing() { ::shutdown(descriptor_, SHUT_WR); }

}  // namespace moonbase::http
