// What the protocols of one connection share. Private to kernel/http.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "http/server.hpp"
#include "http/transport.hpp"
#include "loop/loop.hpp"

namespace moonbase::http {

class Tls;
struct Connection;

// One for each loop; only its thread uses it, while fibers take turns.
struct LoopState {
  explicit LoopState(loop::Loop& on_loop) : loop(on_loop) {}

  loop::Loop& loop;
  int listener = -1;
  Connection* connections = nullptr;
  std::vector<std::unique_ptr<char[]>> buffers;  // Spare ones, of input_bytes each.
  std::vector<std::string> outputs;              // Spare ones, empty but with room.
  std::int64_t date_second = -1;
  std::string date;
};

// Outlives the Server while a fiber still uses it.
struct ServerCore {
  Options options;
  Handler handler;
  std::unique_ptr<Tls> tls;
  std::vector<std::unique_ptr<LoopState>> loops;
  std::atomic<bool> draining{false};
  std::atomic<std::size_t> closed_doors = 0;  // Loops that accept no more.
  std::atomic<std::size_t> connections{0};
  std::mutex mutex;
  std::condition_variable connection_closed;

  void log_exception(const char* where, const char* what) const;
};

// The bytes that have arrived and wait to be understood. Holds memory only while there are some.
class Input {
 public:
  static constexpr std::size_t input_bytes = 16 * 1024;

  explicit Input(LoopState& state) : state_(state) {}
  ~Input() { release(); }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  std::string_view bytes() const { return {data_.get() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }
  void consume(std::size_t count) { begin_ += count; }
  // Gives the memory back; for when it is empty.
  void release();
  // Reads once more, behind what is there. At most `bytes_max` are ever held.
  std::ptrdiff_t fill(Transport& transport, std::size_t bytes_max, MachineTime deadline);

 private:
  LoopState& state_;
  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
};

struct Connection {
  Connection(std::shared_ptr<ServerCore> on_server, LoopState& on_state, int on_descriptor);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  const std::shared_ptr<ServerCore> owner;
  ServerCore& server;
  LoopState& state;
  const int descriptor;
  std::unique_ptr<Transport> transport;
  Input input;
  std::string source_ip;
  std::uint16_t source_port = 0;
  bool tls = false;
  bool begun = false;  // The first byte has come.
  MachineTime idle_until;
  bool idle = true;  // Between requests: may be closed when the server drains.
  Connection *next = nullptr, *previous = nullptr;
  // What is asked to end when the server drains; null where idle connections are simply closed.
  std::function<void()> end_soon;

  const Limits& limits() const { return server.options.limits; }
  MachineTime after(std::chrono::milliseconds timeout) const { return state.loop.now() + timeout; }
  bool draining() const { return server.draining.load(std::memory_order_relaxed); }
};

// Each serves the connection until it ends. What has arrived already is in `connection.input`.
// serve_http1 answers true where it has not ended: nothing more has come until now, and whoever calls
// it again once something has needs no stack in between.
bool serve_http1(Connection& connection);
void serve_http2(Connection& connection);
// Takes the connection over after an upgrade request; `response.websocket` is set.
void serve_websocket(Connection& connection, const HttpRequest& request, HttpResponse& response);

// The Date header's line at this moment of the platform's clock.
std::string_view http_date_now(Connection& connection);

// Runs the handler; an exception becomes a 500.
void run_handler(Connection& connection, HttpRequest& request, HttpResponse& response);
// Writes `response.stream`; false where it threw, which is logged.
bool run_stream(Connection& connection, const HttpResponse& response, BodyWriter& writer);

}  // namespace moonbase::http
