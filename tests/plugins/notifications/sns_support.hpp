// What the tests of SNS share: topics in a few words, and an HTTP endpoint of the test's own.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include "support.hpp"

namespace moonbase::notifications::testing {

inline std::string topic_arn(const std::string& name) { return "arn:aws:sns:us-east-1:000000000000:" + name; }

// A topic "news" and whoever subscribes to it; deliveries end in the recorder.
struct Topics : TestKernel {
  explicit Topics(TestOptions options = with_recorder()) : TestKernel("sns", std::move(options)) {}

  std::string topic(const std::string& name = "news", Map attributes = {}) {
    return call("CreateTopic", {{"Name", name}, {"Attributes", std::move(attributes)}})["TopicArn"].string();
  }
  std::string fifo(const std::string& name = "steps.fifo", Map attributes = {}) {
    attributes.set("FifoTopic", "true");
    return topic(name, std::move(attributes));
  }
  std::string subscribe(const std::string& endpoint, Map attributes = {}, const std::string& protocol = "sqs",
                        const std::string& name = "news") {
    return call("Subscribe", {{"TopicArn", topic_arn(name)},
                              {"Protocol", protocol},
                              {"Endpoint", endpoint},
                              {"Attributes", std::move(attributes)},
                              {"ReturnSubscriptionArn", true}})["SubscriptionArn"]
        .string();
  }
  std::string refused_subscribe(Map attributes, const std::string& protocol = "sqs",
                                const std::string& endpoint = queue_arn("q"), const std::string& name = "news") {
    return error("Subscribe", {{"TopicArn", topic_arn(name)},
                               {"Protocol", protocol},
                               {"Endpoint", endpoint},
                               {"Attributes", std::move(attributes)}})
        .message;
  }
  Value publish(const std::string& message, Map more = {}, const std::string& name = "news") {
    more.set("Message", message);
    more.set("TopicArn", topic_arn(name));
    return call("Publish", std::move(more));
  }
  Value attribute(const std::string& subscription, const char* name) {
    return call("GetSubscriptionAttributes", {{"SubscriptionArn", subscription}})["Attributes"][name];
  }
  Value get(const std::string& path, const std::string& query = "") {
    HttpRequest request;
    request.method = "GET";
    request.path = path;
    request.query = query;
    request.headers.set("Host", "127.0.0.1:4566");
    const auto response = http(std::move(request));
    auto parsed = parse_json(response.body);
    return Map{{"status", response.status}, {"text", response.body}, {"json", parsed ? *parsed : Value()}};
  }
};

inline Map text_attribute(const std::string& value, const std::string& type = "String") {
  return {{"DataType", type}, {"StringValue", value}};
}

// Accepts POSTs on a port of its own and answers them with `status`.
class Endpoint {
 public:
  struct Request {
    std::map<std::string, std::string> headers;  // Names in lower case.
    std::string body;
    Value json() const { return parse_json(body).value(); }
  };

  Endpoint() {
    socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(socket_, 16) != 0)
      throw std::runtime_error("no socket to listen at");
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/hook";
    thread_ = std::thread([this] { serve(); });
  }
  ~Endpoint() {
    stopping_ = true;
    thread_.join();
    ::close(socket_);
  }
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  std::vector<Request> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(requests_, {});
  }

  std::string url;
  std::atomic<int> status = 200;

 private:
  void serve() {
    while (!stopping_) {
      pollfd ready = {socket_, POLLIN, 0};
      if (::poll(&ready, 1, 20) <= 0) continue;
      const int connection = ::accept(socket_, nullptr, nullptr);
      if (connection < 0) continue;
      answer(connection);
      ::close(connection);
    }
  }
  void answer(int connection) {
    std::string text;
    char bytes[16384];
    std::size_t head = std::string::npos, length = 0;
    while (head == std::string::npos || text.size() < head + 4 + length) {
      const auto count = ::read(connection, bytes, sizeof bytes);
      if (count <= 0) return;
      text.append(bytes, static_cast<std::size_t>(count));
      if (head == std::string::npos && (head = text.find("\r\n\r\n")) != std::string::npos) {
        const auto headers = headers_of(text.substr(0, head));
        if (const auto found = headers.find("content-length"); found != headers.end())
          length = std::stoul(found->second);
      }
    }
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back({headers_of(text.substr(0, head)), text.substr(head + 4)});
    }
    const auto response =
        "HTTP/1.1 " + std::to_string(status.load()) + " X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    if (::write(connection, response.data(), response.size()) < 0) return;
  }
  static std::map<std::string, std::string> headers_of(const std::string& head) {
    std::map<std::string, std::string> headers;
    for (std::size_t begin = head.find("\r\n"); begin != std::string::npos;) {
      const auto end = head.find("\r\n", begin + 2);
      const auto line = head.substr(begin + 2, end == std::string::npos ? end : end - begin - 2);
      auto name = line.substr(0, line.find(':'));
      for (auto& c : name) c = static_cast<char>(std::tolower(c));
      headers[name] = line.substr(std::min(line.size(), line.find(':') + 2));
      begin = end;
    }
    return headers;
  }

  int socket_ = -1;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::vector<Request> requests_;
  std::thread thread_;
};

// Lets the platform reach the test's endpoints.
inline void allow_loopback(TestKernel& kernel) {
  const auto folder = std::filesystem::temp_directory_path() / ("moonbase-sns-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  const auto file = folder / "stack.lua";
  std::ofstream(file)
      << "local s = require \"stack\" { name = \"loopback\", outbound = { \"127.0.0.1\" } }\nreturn s\n";
  const auto applied = kernel.apply(file.string());
  std::filesystem::remove_all(folder);
  if (!applied) throw std::runtime_error(applied.error().message);
}

}  // namespace moonbase::notifications::testing
