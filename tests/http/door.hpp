// A front door to test against, and a client that says exactly what it is told to.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "http/server.hpp"
#include "loop/loops.hpp"

// Stands still at a known moment.
class StoppedClock final : public moonbase::Clock, public moonbase::loop::ClockSource {
 public:
  moonbase::Time now() const override { return {1'795'255'200'123}; }  // 2026-11-21T10:00:00.123Z.
  moonbase::MachineTime machine_time(moonbase::Time time) const override {
    return time <= now() ? moonbase::MachineTime::min() : moonbase::MachineTime::max();
  }
};

// Limits small enough to meet, and deadlines that no test waits out by accident.
moonbase::http::Limits test_limits();

struct Door {
  explicit Door(moonbase::http::Limits limits = test_limits(), moonbase::http::Handler handler = {},
                std::string certificate_folder = {});
  ~Door();

  // The default handler: /echo answers the body, /ignore does not read it, /stream?N answers N bytes
  // as they come, /sized?N the same with its length, /throw throws, /ws echoes messages, and
  // everything else tells what was asked. Every request is noted.
  void handle(moonbase::HttpRequest& request, moonbase::HttpResponse& response);
  std::vector<std::string> seen();  // "GET /path?query"
  std::uint16_t port() const { return server->port(); }

  StoppedClock clock;
  std::unique_ptr<moonbase::loop::Loops> loops;
  std::unique_ptr<moonbase::http::Server> server;

 private:
  std::mutex mutex_;
  std::vector<std::string> seen_;
};

struct Answer {
  int status = 0;  // 0: the connection closed without one.
  std::string head, body;
  std::string header(std::string_view name) const;  // Of that name in lower case.
};

// One connection. Blocks; fails the test when nothing comes for a long time.
class Client {
 public:
  explicit Client(std::uint16_t port);
  explicit Client(const Door& door) : Client(door.port()) {}
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(std::string_view bytes);
  void end_sending();
  std::string read_some();  // Empty at the end.
  std::string read(std::size_t bytes);
  std::string read_to_end();
  // The next answer; `to_head`: it has no body whatever its length says.
  Answer answer(bool to_head = false);
  bool closed() { return read_to_end().empty(); }  // Nothing more came, then the end.

 private:
  int socket_ = -1;
  std::string buffer_;
};

Answer ask(const Door& door, std::string_view request);
