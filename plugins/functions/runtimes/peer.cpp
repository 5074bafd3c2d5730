// Who is at the other end of a loopback connection. The kernel (of the machine) knows which socket it is,
// and /proc which process holds that socket: so an environment that guesses another's port gets nothing.
#include <arpa/inet.h>
#include <dirent.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "runtimes/runtime_api.hpp"

namespace moonbase::functions {
namespace {

struct SocketName {
  std::uint64_t cookie = 0;  // Never given twice.
  std::uint32_t inode = 0;
};

// The client's socket of a connection over 127.0.0.1. Nothing where there is none, or nobody may ask.
std::optional<SocketName> client_socket(std::uint16_t client_port, std::uint16_t server_port) {
  const Descriptor netlink(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!netlink) return std::nullopt;
  struct {
    nlmsghdr head;
    inet_diag_req_v2 body;
  } question{};
  question.head.nlmsg_len = sizeof question;
  question.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  question.head.nlmsg_flags = NLM_F_REQUEST;
  question.body.sdiag_family = AF_INET;
  question.body.sdiag_protocol = IPPROTO_TCP;
  question.body.idiag_states = ~0U;
  question.body.id.idiag_sport = htons(client_port);
  question.body.id.idiag_dport = htons(server_port);
  question.body.id.idiag_src[0] = question.body.id.idiag_dst[0] = htonl(INADDR_LOOPBACK);
  question.body.id.idiag_cookie[0] = question.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  if (send(netlink.get(), &question, sizeof question, 0) != sizeof question) return std::nullopt;
  alignas(nlmsghdr) char answer[4096];
  const auto received = recv(netlink.get(), answer, sizeof answer, MSG_DONTWAIT);
  if (received < static_cast<ssize_t>(sizeof(nlmsghdr))) return std::nullopt;
  nlmsghdr head;
  std::memcpy(&head, answer, sizeof head);
  if (head.nlmsg_type != SOCK_DIAG_BY_FAMILY || received < static_cast<ssize_t>(NLMSG_HDRLEN + sizeof(inet_diag_msg)))
    return std::nullopt;
  inet_diag_msg body;
  std::memcpy(&body, answer + NLMSG_HDRLEN, sizeof body);
  return SocketName{static_cast<std::uint64_t>(body.id.idiag_cookie[1]) << 32 | body.id.idiag_cookie[0],
                    body.idiag_inode};
}

bool holds(pid_t pid, const std::string& socket_text) {
  const auto path = "/proc/" + std::to_string(pid) + "/fd";
  DIR* folder = opendir(path.c_str());
  if (!folder) return false;
  bool found = false;
  while (const dirent* entry = readdir(folder)) {
    char target[64];
    const auto length = readlinkat(dirfd(folder), entry->d_name, target, sizeof target);
    if (length > 0 && std::string_view(target, static_cast<std::size_t>(length)) == socket_text) {
      found = true;
      break;
    }
  }
  closedir(folder);
  return found;
}

}  // namespace

bool peers_are_known() {
  const Descriptor netlink(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  return static_cast<bool>(netlink);
}

bool peer_belongs_to(std::uint16_t client_port, std::uint16_t server_port, pid_t root,
                     std::vector<std::uint64_t>& trusted) {
  static const bool known = peers_are_known();
  if (!known) return true;
  const auto name = client_socket(client_port, server_port);
  if (!name) return false;
  if (std::find(trusted.begin(), trusted.end(), name->cookie) != trusted.end()) return true;
  const auto text = "socket:[" + std::to_string(name->inode) + "]";
  for (const pid_t pid : process_tree(root)) {
    if (!holds(pid, text)) continue;
    if (trusted.size() >= 16) trusted.erase(trusted.begin());
    trusted.push_back(name->cookie);
    return true;
  }
  return false;
}

}  // namespace moonbase::functions
