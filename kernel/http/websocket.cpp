// WebSocket by upgrade from HTTP/1.1.
#include <moonbase/hash.hpp>
#include <moonbase/internal/parker.hpp>
#include <mutex>

#include "http/characters.hpp"
#include "http/connection.hpp"
#include "http/response.hpp"
#include "http/websocket_frames.hpp"

namespace moonbase::http {
namespace {

constexpr std::string_view accept_suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 section 1.3.

// Everybody may hold it for as long as they like; the connection it stands for ends before.
class OpenSocket final : public WebSocket {
 public:
  explicit OpenSocket(Connection& connection)
      : connection_(connection),
        decoder_(connection.limits().websocket_message_bytes_max),
        queue_bytes_max_(connection.limits().websocket_queue_bytes_max) {}

  std::optional<Message> receive() override {
    while (!received_last_) {
      std::size_t used = 0;
      const auto step = decoder_.next(connection_.input.bytes(), used);
      connection_.input.consume(used);
      switch (step) {
        case WebSocketDecoder::Step::message:
          return Message{std::move(decoder_.payload()), decoder_.binary()};
        case WebSocketDecoder::Step::ping:
          // Who pings without reading our answers is cut off, not buffered for.
          if (!put(WebSocketOpcode::pong, decoder_.payload(), false)) break_off();
          break;
        case WebSocketDecoder::Step::pong:
          break;
        case WebSocketDecoder::Step::close:
          received_last_ = true;
          close(decoder_.code() == 1005 ? 1000 : decoder_.code(), "");
          break;
        case WebSocketDecoder::Step::refused:
          received_last_ = true;
          close(decoder_.code(), "");
          break;
        case WebSocketDecoder::Step::need_more:
          wait_for_more();
          break;
      }
    }
    return std::nullopt;
  }

  bool send(std::string_view data, bool binary) override {
    return put(binary ? WebSocketOpcode::binary : WebSocketOpcode::text, data, true);
  }

  void close(std::uint16_t code, std::string_view reason) override {
    const std::lock_guard lock(mutex_);
    if (closing_ || broken_) return;
    append_frame(queue_, WebSocketOpcode::close, close_payload(code, reason));
    closing_ = true;
    wake_all();
  }

  // The writer's fiber.
  void write_until_closed() {
    std::string out;
    {
      const std::lock_guard lock(mutex_);
      writer_ = moonbase::internal::Parker::current();
    }
    while (true) {
      {
        std::unique_lock lock(mutex_);
        while (queue_.empty() && !closing_ && !broken_) {
          lock.unlock();
          writer_->park();
          lock.lock();
        }
        if (broken_ || queue_.empty()) return;
        out.clear();
        out.swap(queue_);
        wake_senders();
      }
      if (!connection_.transport->write(out)) return break_off();
    }
  }

  // Nothing more in either direction.
  void break_off() {
    received_last_ = true;
    const std::lock_guard lock(mutex_);
    broken_ = true;
    wake_all();
  }

  // After our close frame: the client's, for a while.
  void wait_for_close() {
    const auto deadline = connection_.after(connection_.limits().linger_timeout);
    while (!received_last_) {
      std::size_t used = 0;
      const auto step = decoder_.next(connection_.input.bytes(), used);
      connection_.input.consume(used);
      if (step == WebSocketDecoder::Step::close || step == WebSocketDecoder::Step::refused) return;
      if (step != WebSocketDecoder::Step::need_more) continue;
      if (connection_.input.fill(*connection_.transport, Input::input_bytes, deadline) <= 0) return;
    }
  }

 private:
  void wait_for_more() {
    auto& input = connection_.input;
    auto& transport = *connection_.transport;
    const auto deadline = connection_.after(connection_.limits().websocket_idle_timeout);
    if (input.empty()) {
      input.release();
      if (!transport.wait_readable(deadline)) {
        received_last_ = true;
        return close(1001, "Going away");  // As API Gateway ends an idle connection.
      }
    }
    if (input.fill(transport, Input::input_bytes, deadline) <= 0) break_off();
  }

  bool put(WebSocketOpcode opcode, std::string_view data, bool may_wait) {
    std::unique_lock lock(mutex_);
    while (!closing_ && !broken_ && !queue_.empty() && queue_.size() + data.size() > queue_bytes_max_) {
      if (!may_wait) return false;
      const auto parker = moonbase::internal::Parker::current();
      senders_.push_back(parker);
      lock.unlock();
      parker->park();
      lock.lock();
    }
    if (closing_ || broken_) return false;
    append_frame(queue_, opcode, data);
    if (writer_) writer_->wake();
    return true;
  }

  void wake_senders() {
    for (const auto& sender : senders_) sender->wake();
    senders_.clear();
  }
  void wake_all() {
    wake_senders();
    if (writer_) writer_->wake();
  }

  Connection& connection_;  // For receive() and the writer, which end before it.
  WebSocketDecoder decoder_;
  const std::size_t queue_bytes_max_;
  bool received_last_ = false;

  std::mutex mutex_;
  std::string queue_;     // Whole frames.
  bool closing_ = false;  // The last of them is a close frame.
  bool broken_ = false;
  std::shared_ptr<moonbase::internal::Parker> writer_;
  std::vector<std::shared_ptr<moonbase::internal::Parker>> senders_;  // Waiting for room.
};

// Null when the request is a proper handshake.
const char* what_is_wrong(const HttpRequest& request, int& status) {
  status = 400;
  if (request.method != "GET" || request.http_major != 1 || request.http_minor != 1) {
    return "a WebSocket begins with GET in HTTP/1.1";
  }
  if (!list_holds(request.headers.get("upgrade"), "websocket")) return "Upgrade must be websocket";
  const auto key = from_base64(request.headers.get("sec-websocket-key"));
  if (!key || key->size() != 16 || request.headers.all("sec-websocket-key").size() != 1) {
    return "Sec-WebSocket-Key must be 16 bytes in base64";
  }
  if (request.headers.get("sec-websocket-version") != "13") {
    status = 426;
    return "Sec-WebSocket-Version must be 13";
  }
  return nullptr;
}

std::string handshake(Connection& connection, const HttpRequest& request, const HttpResponse& response) {
  int refused_status = 0;
  const auto* wrong = what_is_wrong(request, refused_status);
  const int status = wrong ? refused_status : 101;
  std::string out = "HTTP/1.1 " + std::to_string(status) + ' ' + std::string(reason_phrase(status)) + "\r\n";
  out += http_date_now(connection);
  if (wrong) {
    out += "Sec-WebSocket-Version: 13\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: " +
           std::to_string(std::string_view(wrong).size()) + "\r\n\r\n" + wrong;
    return out;
  }
  for (const auto& [name, value] : response.headers) {
    if (!is_framing_header(name)) out += name + ": " + value + "\r\n";
  }
  out += "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ";
  out += base64(sha1(std::string(request.headers.get("sec-websocket-key")).append(accept_suffix)));
  out += "\r\n\r\n";
  return out;
}

}  // namespace

void serve_websocket(Connection& connection, const HttpRequest& request, HttpResponse& response) {
  if (!is_clean(response)) make_internal_failure(response);
  int status = 0;
  const bool good = response.websocket && !what_is_wrong(request, status);
  if (!connection.transport->write(handshake(connection, request, response)) || !good) {
    connection.transport->end_writing();
    return;
  }
  const auto socket = std::make_shared<OpenSocket>(connection);
  // The writer uses the connection: it ends first, however this function ends.
  struct Writer {
    OpenSocket& socket;
    std::shared_ptr<moonbase::internal::Parker> owner = moonbase::internal::Parker::current();
    bool ended = false;
    ~Writer() {
      if (!ended) socket.break_off();
      while (!ended) owner->park();
    }
  } writer{*socket};
  // Also when the loop drops the work because it stops.
  struct Ended {
    Writer& writer;
    explicit Ended(Writer& of) : writer(of) {}
    ~Ended() {
      writer.ended = true;
      writer.owner->wake();
    }
  };
  connection.state.loop.spawn([socket, ended = std::make_shared<Ended>(writer)] { socket->write_until_closed(); });
  connection.end_soon = [socket] { socket->close(1001, "Going away"); };
  response.websocket(socket);
  socket->close(1000, "");
  while (!writer.ended) writer.owner->park();
  connection.end_soon = nullptr;
  socket->wait_for_close();
  connection.transport->end_writing();
}

}  // namespace moonbase::http
