#include "door.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>

using namespace std::chrono_literals;

moonbase::http::Limits test_limits() {
  moonbase::http::Limits limits;
  limits.head_bytes_max = 8 * 1024;
  limits.target_bytes_max = 4 * 1024;
  limits.headers_max = 20;
  limits.linger_timeout = 200ms;
  return limits;
}

Door::Door(moonbase::http::Limits limits, moonbase::http::Handler handler, std::string certificate_folder)
    : loops(std::make_unique<moonbase::loop::Loops>(2, clock)) {
  moonbase::http::Options options;
  options.port = 0;
  options.limits = limits;
  options.clock = &clock;
  options.certificate_folder = std::move(certificate_folder);
  if (!handler) {
    handler = [this](moonbase::HttpRequest& request, moonbase::HttpResponse& response) { handle(request, response); };
  }
  server = std::make_unique<moonbase::http::Server>(*loops, options, std::move(handler));
  const auto listening = server->listen();
  if (!listening) FAIL(listening.error().message);
  loops->start();
  server->serve();
}

Door::~Door() {
  server->stop();
  loops->stop();
}

void Door::handle(moonbase::HttpRequest& request, moonbase::HttpResponse& response) {
  const auto what = request.method + " " + request.path + (request.query.empty() ? "" : "?" + request.query);
  {
    const std::lock_guard lock(mutex_);
    seen_.push_back(what);
  }
  response.headers.add("Content-Type", "text/plain");
  if (request.path == "/echo") {
    if (auto read = request.read_body(1024 * 1024); !read) {
      response.status = read.error().status;
      response.body = read.error().code;
    } else {
      response.body = request.body;
    }
  } else if (request.path == "/stream" || request.path == "/sized") {
    const auto bytes = std::stoull(request.query);
    if (request.path == "/sized") response.length = bytes;
    response.stream = [bytes](moonbase::BodyWriter& writer) {
      std::string block(64 * 1024, 'x');
      for (auto left = bytes; left > 0;) {
        const auto part = std::min<unsigned long long>(left, block.size());
        if (!writer.write(std::string_view(block).substr(0, part))) return;
        left -= part;
      }
    };
  } else if (request.path == "/throw") {
    throw std::runtime_error("a bug");
  } else if (request.path == "/ws") {
    response.websocket = [](const std::shared_ptr<moonbase::WebSocket>& socket) {
      while (auto message = socket->receive()) socket->send(message->data, message->binary);
    };
  } else if (request.path != "/ignore") {
    response.body = what;
  }
}

std::vector<std::string> Door::seen() {
  const std::lock_guard lock(mutex_);
  return seen_;
}

std::string Answer::header(std::string_view name) const {
  std::size_t at = 0;
  while ((at = head.find("\r\n", at)) != std::string::npos) {
    at += 2;
    const auto colon = head.find(':', at);
    if (colon == std::string::npos) break;
    auto key = head.substr(at, colon - at);
    for (auto& c : key) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (key == name) return head.substr(colon + 2, head.find("\r\n", colon) - colon - 2);
  }
  return {};
}

Client::Client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  REQUIRE(socket_ >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval patience{30, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  REQUIRE(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
}

Client::~Client() { ::close(socket_); }

void Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // The server has closed: what it said tells why.
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void Client::end_sending() { ::shutdown(socket_, SHUT_WR); }

std::string Client::read_some() {
  if (!buffer_.empty()) return std::exchange(buffer_, {});
  std::string bytes(64 * 1024, '\0');
  const auto count = ::recv(socket_, bytes.data(), bytes.size(), 0);
  if (count < 0) INFO("recv: " << std::strerror(errno));
  REQUIRE((count >= 0 || errno == ECONNRESET));
  bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return bytes;
}

std::string Client::read(std::size_t bytes) {
  std::string all;
  while (all.size() < bytes) {
    auto some = read_some();
    if (some.empty()) break;
    all += some;
  }
  if (all.size() > bytes) {
    buffer_ = all.substr(bytes) + buffer_;
    all.resize(bytes);
  }
  return all;
}

std::string Client::read_to_end() {
  std::string all;
  while (true) {
    auto some = read_some();
    if (some.empty()) return all;
    all += some;
  }
}

Answer Client::answer(bool to_head) {
  Answer answer;
  std::string all;
  std::size_t end = 0;
  while ((end = all.find("\r\n\r\n")) == std::string::npos) {
    auto some = read_some();
    if (some.empty()) return answer;
    all += some;
  }
  answer.head = all.substr(0, end + 2);
  buffer_ = all.substr(end + 4) + buffer_;
  answer.status = std::stoi(answer.head.substr(9, 3));
  if (to_head || answer.status < 200 || answer.status == 204 || answer.status == 304) return answer;
  if (const auto length = answer.header("content-length"); !length.empty()) {
    answer.body = read(std::stoul(length));
  } else if (answer.header("transfer-encoding") == "chunked") {
    while (true) {
      std::string line;
      while (!line.ends_with("\r\n")) {
        const auto byte = read(1);
        if (byte.empty()) return answer;
        line += byte;
      }
      const auto size = std::stoul(line, nullptr, 16);
      answer.body += read(size);
      CHECK(read(2) == "\r\n");
      if (size == 0) break;
    }
  } else {
    answer.body = read_to_end();
  }
  return answer;
}

Answer ask(const Door& door, std::string_view request) {
  Client client(door);
  client.send(request);
  return client.answer();
}
