// HTTP/2 on one connection, by nghttp2: each stream is handled by a fiber of its own.
#include <nghttp2/nghttp2.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <moonbase/internal/parker.hpp>
#include <new>
#include <stdexcept>

#include "http/characters.hpp"
#include "http/connection.hpp"
#include "http/head.hpp"
#include "http/response.hpp"

namespace moonbase::http {
namespace {

constexpr std::size_t output_bytes = 64 * 1024;            // Frames written together.
constexpr std::size_t streamed_bytes_max = 256 * 1024;     // Waiting for the client, a stream.
constexpr std::int32_t connection_window_bytes = 4 << 20;  // Request bodies under way, all streams.
constexpr auto resets_period = std::chrono::seconds(10);

class Session;

// One request and its answer. Used by its own fiber and the session's; all on one loop.
struct Stream {
  Stream(Session& of_session, std::int32_t with_id) : session(&of_session), id(with_id) {}

  Session* session;  // Null once the stream is closed.
  const std::int32_t id;
  HttpRequest request;
  std::string cookies;
  std::size_t head_bytes = 0;
  int refused_status = 0;

  // The request's body.
  std::string in;
  std::size_t in_at = 0;
  bool in_ended = false;
  std::optional<std::uint64_t> in_length;
  // The answer's.
  std::string out;
  std::size_t out_at = 0;
  bool out_ended = false;
  std::shared_ptr<moonbase::internal::Parker> handler;  // Its fiber.

  void wake() const {
    if (handler) handler->wake();
  }
};
using StreamPointer = std::shared_ptr<Stream>;

class Session : public std::enable_shared_from_this<Session> {
 public:
  explicit Session(Connection& connection) : connection_(connection), transport_(*connection.transport) {}
  ~Session() { nghttp2_session_del(session_); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void serve();

  // For streams' fibers.
  const Limits& limits() const { return connection_.limits(); }
  MachineTime after(std::chrono::milliseconds timeout) const { return connection_.after(timeout); }
  void consumed(const Stream& stream, std::size_t bytes) {
    nghttp2_session_consume(session_, stream.id, bytes);
    wake_writer();
  }
  void more_to_send(const Stream& stream) {
    nghttp2_session_resume_data(session_, stream.id);
    wake_writer();
  }
  void abort(const Stream& stream) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id, NGHTTP2_INTERNAL_ERROR);
    wake_writer();
  }

 private:
  void open();
  void read_until_end();
  void write_until_end();
  void end_soon();
  void wake_writer() {
    if (writer_) writer_->wake();
  }
  void start(const StreamPointer& stream);
  void handle(const StreamPointer& stream);
  void respond(const StreamPointer& stream, HttpResponse& response);
  void finish(const StreamPointer& stream);
  bool finish_head(Stream& stream);
  int take_header(Stream& stream, std::string_view name, std::string_view value);
  Stream* find(std::int32_t id) {
    const auto it = streams_.find(id);
    return it == streams_.end() ? nullptr : it->second.get();
  }

  static Session& of(void* user) { return *static_cast<Session*>(user); }
  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_bytes,
                       const std::uint8_t* value, std::size_t value_bytes, std::uint8_t, void* user);
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t bytes,
                     void* user);
  static int on_stream_close(nghttp2_session*, std::int32_t id, std::uint32_t, void* user);
  static ssize_t read_answer(nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t bytes_max,
                             std::uint32_t* flags, nghttp2_data_source* source, void*);

  Connection& connection_;
  Transport& transport_;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, StreamPointer> streams_;
  std::shared_ptr<moonbase::internal::Parker> owner_, writer_;
  std::size_t fibers_ = 0;  // Of handlers; may outlast their streams.
  bool writer_ended_ = false;
  bool closing_ = false;  // No more reading.
  bool broken_ = false;
  std::size_t resets_ = 0;
  MachineTime resets_since_{};
  MachineTime quiet_since_{};
};

class StreamReader final : public BodyReader {
 public:
  explicit StreamReader(StreamPointer stream) : stream_(std::move(stream)) {}

  Result<std::string> read(std::size_t bytes_max) override {
    auto& stream = *stream_;
    while (stream.in_at == stream.in.size()) {
      if (stream.in_ended) return std::string();
      if (!stream.session) return broken("The request body ended early.", 400);
      if (stream.handler->park_until(stream.session->after(stream.session->limits().body_timeout))) continue;
      return broken("The request body did not arrive in time.", 408);
    }
    auto bytes = stream.in.substr(stream.in_at, bytes_max);
    stream.in_at += bytes.size();
    if (stream.in_at == stream.in.size()) {
      stream.in.clear();
      stream.in_at = 0;
    }
    given_ += bytes.size();
    if (stream.session) stream.session->consumed(stream, bytes.size());
    return bytes;
  }

  std::optional<std::uint64_t> length() const override {
    if (!stream_->in_length) return std::nullopt;
    return *stream_->in_length - std::min(*stream_->in_length, given_);
  }

 private:
  static Error broken(const char* message, int status) {
    return {.code = "IncompleteBody", .message = message, .status = status};
  }

  StreamPointer stream_;
  std::uint64_t given_ = 0;
};

class StreamWriter final : public BodyWriter {
 public:
  StreamWriter(StreamPointer stream, std::optional<std::uint64_t> length) : stream_(std::move(stream)), left_(length) {}

  bool write(std::string_view bytes) override {
    auto& stream = *stream_;
    if (left_) {
      if (bytes.size() > *left_) return false;
      *left_ -= bytes.size();
    }
    // Everything that was sent goes before it is added to: the rest is what the client has not taken.
    while (stream.session && stream.out.size() - stream.out_at > streamed_bytes_max) {
      const auto before = stream.out_at;
      if (!stream.handler->park_until(stream.session->after(stream.session->limits().write_timeout)) &&
          stream.session && stream.out_at == before) {
        stream.session->abort(stream);
        return false;
      }
    }
    if (!stream.session) return false;
    stream.out.erase(0, stream.out_at);
    stream.out_at = 0;
    stream.out += bytes;
    stream.session->more_to_send(stream);
    return true;
  }

  bool complete() const { return !left_ || *left_ == 0; }

 private:
  StreamPointer stream_;
  std::optional<std::uint64_t> left_;
};

int Session::on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  auto& self = of(user);
  // Those that were reset may still be handled: they count as well.
  if (self.closing_ || self.fibers_ >= 2 * self.limits().streams_max) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  auto stream = std::make_shared<Stream>(self, frame->hd.stream_id);
  stream->request.http_major = 2;
  stream->request.http_minor = 0;
  self.streams_.emplace(frame->hd.stream_id, std::move(stream));
  return 0;
}

int Session::take_header(Stream& stream, std::string_view name, std::string_view value) {
  const auto& bounds = limits();
  auto& request = stream.request;
  stream.head_bytes += name.size() + value.size() + 32;
  if (stream.head_bytes > bounds.head_bytes_max || request.headers.size() >= bounds.headers_max) {
    stream.refused_status = 431;
    // Nobody sends that much by mistake twice: more than double and the stream ends here.
    return stream.head_bytes > 2 * bounds.head_bytes_max ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE : 0;
  }
  if (!all_are(value, value_character)) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  if (name == ":method") {
    request.method = value;
    if (!all_are(value, token_character) || value == "CONNECT") stream.refused_status = 501;
  } else if (name == ":path") {
    if (value.size() > bounds.target_bytes_max) stream.refused_status = 414;
    const auto question = std::min(value.find('?'), value.size());
    if (!value.starts_with('/') || !all_are(value, target_character)) stream.refused_status = 400;
    request.path = value.substr(0, question);
    if (question < value.size()) request.query = value.substr(question + 1);
  } else if (name == ":authority" || name == "host") {
    if (!is_host(value)) stream.refused_status = 400;
    const auto* host = request.headers.find("host");
    if (host && *host != value) stream.refused_status = 400;
    if (!host) request.headers.add("Host", std::string(value));
  } else if (name == "cookie") {
    // Split for compression's sake; one header to everybody else.
    if (!stream.cookies.empty()) stream.cookies += "; ";
    stream.cookies += value;
  } else if (!name.starts_with(':')) {
    if (!all_are(name, token_character)) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    request.headers.add(std::string(name), std::string(value));
  }
  return 0;
}

int Session::on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_bytes,
                       const std::uint8_t* value, std::size_t value_bytes, std::uint8_t, void* user) {
  if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;  // A trailer.
  auto& self = of(user);
  auto* stream = self.find(frame->hd.stream_id);
  if (!stream) return 0;
  return self.take_header(*stream, {reinterpret_cast<const char*>(name), name_bytes},
                          {reinterpret_cast<const char*>(value), value_bytes});
}

bool Session::finish_head(Stream& stream) {
  auto& request = stream.request;
  if (!stream.cookies.empty()) request.headers.add("cookie", std::move(stream.cookies));
  // nghttp2 has made sure that it is a number, and that the body will have that length.
  if (const auto length = request.headers.get("content-length"); !length.empty()) {
    std::uint64_t number = 0;
    for (const char c : length.substr(0, 18)) number = number * 10 + static_cast<std::uint64_t>(c - '0');
    stream.in_length = number;
  }
  request.source_ip = connection_.source_ip;
  request.source_port = connection_.source_port;
  request.tls = connection_.tls;
  return stream.refused_status == 0;
}

int Session::on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  auto& self = of(user);
  if (frame->hd.type == NGHTTP2_RST_STREAM) {
    const auto now = self.connection_.state.loop.now();
    if (now - self.resets_since_ > resets_period) {
      self.resets_since_ = now;
      self.resets_ = 0;
    }
    if (++self.resets_ > self.limits().stream_resets_max) {
      nghttp2_session_terminate_session(self.session_, NGHTTP2_ENHANCE_YOUR_CALM);
    }
    return 0;
  }
  if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
  const auto it = self.streams_.find(frame->hd.stream_id);
  if (it == self.streams_.end()) return 0;
  auto& stream = *it->second;
  if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
    stream.in_ended = true;
    stream.wake();
  }
  if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) self.start(it->second);
  return 0;
}

int Session::on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t bytes,
                     void* user) {
  auto& self = of(user);
  auto* stream = self.find(id);
  if (!stream || stream->out_ended) {
    nghttp2_session_consume(self.session_, id, bytes);  // Nobody will read it.
    return 0;
  }
  stream->in.append(reinterpret_cast<const char*>(data), bytes);
  stream->wake();
  return 0;
}

int Session::on_stream_close(nghttp2_session*, std::int32_t id, std::uint32_t, void* user) {
  auto& self = of(user);
  const auto it = self.streams_.find(id);
  if (it == self.streams_.end()) return 0;
  const auto stream = it->second;
  self.streams_.erase(it);
  // What nobody has read still counts against the connection's window.
  const auto unread = stream->in.size() - stream->in_at;
  if (unread > 0) nghttp2_session_consume_connection(self.session_, unread);
  stream->session = nullptr;
  stream->wake();
  self.quiet_since_ = self.connection_.state.loop.now();
  return 0;
}

void Session::start(const StreamPointer& stream) {
  const bool good = finish_head(*stream);
  // Counted as long as the work exists, whether it runs or is dropped because the loop stops.
  struct Counted {
    std::shared_ptr<Session> session;
    explicit Counted(std::shared_ptr<Session> of) : session(std::move(of)) { ++session->fibers_; }
    ~Counted() {
      --session->fibers_;
      session->owner_->wake();
      session->wake_writer();
    }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
  };
  const auto work = [counted = std::make_shared<Counted>(shared_from_this()), stream, good] {
    const auto& self = counted->session;
    stream->handler = moonbase::internal::Parker::current();
    if (good) return self->handle(stream);
    HttpResponse response;
    response.status = stream->refused_status;
    self->respond(stream, response);
  };
  // Called by nghttp2, through which no exception may pass.
  try {
    connection_.state.loop.spawn(work);
  } catch (const std::bad_alloc&) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_REFUSED_STREAM);
  }
}

void Session::handle(const StreamPointer& stream) {
  if (!stream->session) return;
  auto request = std::move(stream->request);
  if (stream->in_ended) {
    request.body = std::move(stream->in);
    stream->in.clear();
    if (!request.body.empty()) consumed(*stream, request.body.size());
  } else {
    request.reader = std::make_unique<StreamReader>(stream);
  }
  HttpResponse response;
  run_handler(connection_, request, response);
  if (response.websocket) make_internal_failure(response);  // Only HTTP/1.1 upgrades.
  compress_if_allowed(request, response);
  if (!is_clean(response)) {
    connection_.server.log_exception("an answer was refused", "malformed status or header");
    make_internal_failure(response);
  }
  const bool has_body = may_have_body(response.status) && request.method != "HEAD";
  if (!has_body && !response.stream && !response.length && may_have_body(response.status)) {
    response.length = response.body.size();
  }
  if (!has_body) {
    // The body's length stays known, as HEAD wants it.
    response.body.clear();
    response.stream = nullptr;
    stream->out_ended = true;
  }
  respond(stream, response);
}

ssize_t Session::read_answer(nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t bytes_max,
                             std::uint32_t* flags, nghttp2_data_source* source, void*) {
  auto& stream = *static_cast<Stream*>(source->ptr);
  const auto count = std::min(bytes_max, stream.out.size() - stream.out_at);
  if (count == 0 && !stream.out_ended) {
    stream.wake();
    return NGHTTP2_ERR_DEFERRED;
  }
  std::memcpy(into, stream.out.data() + stream.out_at, count);
  stream.out_at += count;
  if (stream.out_at == stream.out.size() && stream.out_ended) *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (stream.out.size() - stream.out_at <= streamed_bytes_max / 2) stream.wake();
  return static_cast<ssize_t>(count);
}

void Session::respond(const StreamPointer& stream, HttpResponse& response) {
  if (!stream->session || broken_) return;
  std::vector<std::pair<std::string, std::string>> lines;
  lines.emplace_back(":status", std::to_string(response.status));
  bool has_date = false;
  for (const auto& [name, value] : response.headers) {
    const bool is_length = equals_ignoring_case(name, "content-length");
    // A length is the handler's to say only where there is no body: the answer to HEAD.
    if (is_framing_header(name) && !(is_length && stream->out_ended)) continue;
    if (is_length) response.length.reset();
    std::string lower = name;
    for (auto& c : lower) c = lower_case(c);
    has_date = has_date || lower == "date";
    lines.emplace_back(std::move(lower), value);
  }
  if (!has_date) {
    const auto date = http_date_now(connection_);
    lines.emplace_back("date", date.substr(6, date.size() - 8));
  }
  const bool has_body = !stream->out_ended && (response.stream || !response.body.empty());
  if (!response.stream && !stream->out_ended) response.length = response.body.size();
  if (response.length && may_have_body(response.status)) {
    lines.emplace_back("content-length", std::to_string(*response.length));
  }
  std::vector<nghttp2_nv> fields;
  for (auto& [name, value] : lines) {
    fields.push_back({reinterpret_cast<std::uint8_t*>(name.data()), reinterpret_cast<std::uint8_t*>(value.data()),
                      name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  if (!response.stream) {
    stream->out = std::move(response.body);
    stream->out_ended = true;
  }
  nghttp2_data_provider provider{};
  provider.source.ptr = stream.get();
  provider.read_callback = read_answer;
  if (nghttp2_submit_response(session_, stream->id, fields.data(), fields.size(), has_body ? &provider : nullptr) !=
      0) {
    return abort(*stream);
  }
  wake_writer();
  if (response.stream) {
    StreamWriter writer(stream, response.length);
    const bool whole = run_stream(connection_, response, writer) && writer.complete();
    if (!stream->session) return;
    if (!whole) return abort(*stream);
    stream->out_ended = true;
    more_to_send(*stream);
  }
  finish(stream);
}

// Waits until the client has taken the answer, so that one who takes nothing is noticed.
void Session::finish(const StreamPointer& stream) {
  while (stream->session) {
    const auto before = stream->out_at;
    // An answer before the whole request was read ends both (RFC 9113 section 8.1).
    if (!stream->in_ended && before == stream->out.size()) {
      connection_.state.loop.yield();  // The answer goes first.
      if (!stream->session) return;
      nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_NO_ERROR);
      return wake_writer();
    }
    if (stream->handler->park_until(after(limits().write_timeout)) || !stream->session) continue;
    if (stream->out_at == before) return abort(*stream);
  }
}

void Session::open() {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* option = nullptr;
  if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0) throw std::bad_alloc();
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
  // Windows open again when a handler has read: that is what bounds our memory.
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_max_settings(option, 32);
  const int made = nghttp2_session_server_new2(&session_, callbacks, this, option);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_option_del(option);
  if (made != 0) throw std::bad_alloc();
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, static_cast<std::uint32_t>(limits().streams_max)},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<std::uint32_t>(limits().stream_buffer_bytes_max)},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits().head_bytes_max)},
  };
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, connection_window_bytes);
}

void Session::read_until_end() {
  auto& input = connection_.input;
  quiet_since_ = connection_.state.loop.now();
  while (true) {
    const auto bytes = input.bytes();
    const auto used =
        nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    if (used < 0) {  // Not HTTP/2, or a callback gave up.
      nghttp2_session_terminate_session(session_, NGHTTP2_PROTOCOL_ERROR);
      wake_writer();
      return;
    }
    input.consume(static_cast<std::size_t>(used));
    wake_writer();
    if (nghttp2_session_want_read(session_) == 0 || broken_) return;
    if (connection_.draining()) end_soon();
    if (input.empty()) input.release();
    // Counted from when the last stream ended: pings do not keep a connection alive.
    const bool quiet = streams_.empty() && fibers_ == 0;
    const auto deadline = quiet ? quiet_since_ + limits().idle_timeout : connection_.after(limits().idle_timeout);
    if (!transport_.wait_readable(deadline)) {
      if (!quiet || !streams_.empty() || fibers_ > 0) continue;
      nghttp2_session_terminate_session(session_, NGHTTP2_NO_ERROR);
      wake_writer();
      return;
    }
    if (input.fill(transport_, Input::input_bytes, deadline) <= 0) return;
  }
}

void Session::write_until_end() {
  writer_ = moonbase::internal::Parker::current();
  std::string out;
  while (!broken_) {
    out.clear();
    const std::uint8_t* frame = nullptr;
    while (out.size() < output_bytes) {
      const auto count = nghttp2_session_mem_send(session_, &frame);
      if (count < 0) {
        broken_ = true;
        break;
      }
      if (count == 0) break;
      out.append(reinterpret_cast<const char*>(frame), static_cast<std::size_t>(count));
    }
    if (!out.empty()) {
      if (!transport_.write(out, {})) broken_ = true;
      continue;
    }
    const bool finished = nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
    if (finished || (closing_ && streams_.empty() && fibers_ == 0)) break;
    writer_->park();
  }
  // The reader may wait for a client that has nothing more to say to us.
  ::shutdown(connection_.descriptor, broken_ ? SHUT_RDWR : SHUT_RD);
}

void Session::end_soon() {
  if (closing_) return;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                        NGHTTP2_NO_ERROR, nullptr, 0);
  closing_ = true;
  wake_writer();
}

void Session::serve() {
  open();
  owner_ = moonbase::internal::Parker::current();
  // Whatever happens, nobody uses the connection after this.
  struct Leave {
    Session& session;
    ~Leave() {
      auto& self = session;
      self.connection_.end_soon = nullptr;
      self.closing_ = self.broken_ = true;
      for (auto& [id, stream] : self.streams_) {
        stream->session = nullptr;
        stream->wake();
      }
      self.streams_.clear();
      self.wake_writer();
      while (self.fibers_ > 0 || !self.writer_ended_) self.owner_->park();
    }
  } leave{*this};
  struct Ended {
    std::shared_ptr<Session> session;
    explicit Ended(std::shared_ptr<Session> of) : session(std::move(of)) {}
    ~Ended() {
      session->writer_ended_ = true;
      session->owner_->wake();
    }
  };
  connection_.state.loop.spawn(
      [ended = std::make_shared<Ended>(shared_from_this())] { ended->session->write_until_end(); });
  connection_.end_soon = [this] { end_soon(); };
  read_until_end();
  // The client has said its last. What it asked for before is still answered, as far as that goes
  // without hearing from it.
  closing_ = true;
  const auto deadline = connection_.after(limits().write_timeout);
  while (!writer_ended_ && !broken_) {
    wake_writer();
    if (!owner_->park_until(deadline)) break;
  }
  transport_.end_writing();
}

}  // namespace

void serve_http2(Connection& connection) {
  connection.idle = false;
  std::make_shared<Session>(connection)->serve();
}

}  // namespace moonbase::http
