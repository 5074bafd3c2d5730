// HTTP/1 on one connection: request after request, in order.
#include <charconv>
#include <cstring>

#include "http/characters.hpp"
#include "http/connection.hpp"
#include "http/head.hpp"
#include "http/http1_body.hpp"
#include "http/response.hpp"

namespace moonbase::http {
namespace {

constexpr std::string_view http2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::size_t copied_body_bytes_max = 32 * 1024;  // Longer ones are sent from where they are.
constexpr std::size_t spare_outputs_max = 64;
constexpr std::size_t spare_output_bytes_max = 64 * 1024;

void append_number(std::string& out, std::uint64_t number, int base = 10) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number, base).ptr;
  out.append(digits, end);
}

// A string with room, on loan from the loop.
class Output {
 public:
  explicit Output(LoopState& state) : state_(state) {
    if (state_.outputs.empty()) return;
    text = std::move(state_.outputs.back());
    state_.outputs.pop_back();
  }
  ~Output() {
    if (text.capacity() > spare_output_bytes_max || state_.outputs.size() >= spare_outputs_max) return;
    text.clear();
    state_.outputs.push_back(std::move(text));
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  std::string text;

 private:
  LoopState& state_;
};

// A streamed answer. Framed as chunks, by its length, or by the end of the connection.
class Http1Writer final : public BodyWriter {
 public:
  Http1Writer(Transport& transport, std::string& head, bool chunked, std::optional<std::uint64_t> length, bool discard)
      : transport_(transport), head_(head), chunked_(chunked), left_(length), discard_(discard) {}

  bool write(std::string_view bytes) override {
    if (broken_) return false;
    if (discard_ || bytes.empty()) return true;
    if (left_) {
      if (bytes.size() > *left_) {  // More than was announced would become the next answer.
        overrun_ = true;
        bytes = bytes.substr(0, static_cast<std::size_t>(*left_));
      }
      *left_ -= bytes.size();
    }
    // The head leaves with the first bytes, and a chunk's end with the next one's beginning.
    if (chunked_) {
      append_number(head_, bytes.size(), 16);
      head_ += "\r\n";
    }
    broken_ = !transport_.write(head_, bytes);
    head_.assign(chunked_ ? "\r\n" : "");
    return !broken_ && !overrun_;
  }

  // False when the connection cannot go on.
  bool finish() {
    if (broken_ || overrun_) return false;
    if (!discard_ && left_ && *left_ > 0) {
      transport_.write(head_);
      return false;  // Less than was announced: only the connection's end can say so.
    }
    if (chunked_ && !discard_) head_ += "0\r\n\r\n";
    return head_.empty() || transport_.write(head_);
  }

 private:
  Transport& transport_;
  std::string& head_;
  const bool chunked_;
  std::optional<std::uint64_t> left_;
  const bool discard_;
  bool broken_ = false;
  bool overrun_ = false;
};

class Http1 {
 public:
  explicit Http1(Connection& connection) : connection_(connection), transport_(*connection.transport) {}

  // True when it is idle, false when it is done.
  bool serve() {
    bool resumed = connection_.begun;
    while (true) {
      const bool first = !connection_.begun;
      if (connection_.input.empty() && !resumed) {
        if (!begin_idle(first)) return false;
        // Nothing has come yet, and that is known: it goes on without this stack.
        if (!first && transport_.would_wait()) return true;
      }
      resumed = false;
      connection_.begun = true;
      if (!serve_one(first)) return false;
    }
  }

 private:
  // False when the connection is done.
  bool begin_idle(bool first) {
    const auto& limits = connection_.limits();
    connection_.input.release();
    connection_.idle = true;
    connection_.idle_until = connection_.after(first ? limits.first_byte_timeout : limits.idle_timeout);
    return !connection_.draining();
  }

  // False when the connection is done.
  bool serve_one(bool first) {
    HttpRequest request;
    Framing framing;
    if (!read_head(first, request, framing)) return false;

    Http1Body body(connection_, framing);
    if (body.all_here()) {
      body.take_all(request.body);
    } else if (!body.ended()) {
      request.reader = body.reader();
    }

    // Nothing will come; but botocore takes an answer that it did not have to wait for as its connection's last.
    if (framing.expects_continue && !request.reader && request.body.empty() && connection_.input.empty() &&
        !transport_.write("HTTP/1.1 100 Continue\r\n\r\n"))
      return false;

    HttpResponse response;
    run_handler(connection_, request, response);
    if (response.websocket && !framing.wants_upgrade) make_internal_failure(response);
    if (response.websocket) {
      request.reader.reset();
      serve_websocket(connection_, request, response);
      return false;
    }

    // Decided before the answer is written, because the answer says so.
    const bool keep = framing.keep_alive && !connection_.draining() && body.can_be_skipped() &&
                      !list_holds(response.headers.get("connection"), "close");
    if (!respond(request, response, keep)) return false;
    request.reader.reset();
    if (!keep) {
      linger();
      return false;
    }
    if (body.skip()) return true;
    linger();
    return false;
  }

  bool read_head(bool first, HttpRequest& request, Framing& framing) {
    auto& input = connection_.input;
    const auto& limits = connection_.limits();
    if (input.empty() && !transport_.wait_readable(connection_.idle_until)) return false;
    const auto deadline = connection_.after(limits.head_timeout);
    std::size_t searched = 0;
    while (true) {
      // Parsed at once, since nearly always it is all there; else only once its end has come.
      const auto bytes = input.bytes();
      if (!bytes.empty() && (searched == 0 || ends_within(bytes, searched) || bytes.size() >= limits.head_bytes_max)) {
        if (first && is_http2(bytes)) {
          if (bytes.size() >= http2_preface.size()) {
            connection_.idle = false;
            serve_http2(connection_);
            return false;
          }
        } else {
          if (searched > 0) {
            request = HttpRequest{};
            framing = Framing{};
          }
          const auto head = parse_head(bytes, limits, request, framing);
          if (head.state == HeadResult::State::refused) {
            refuse(head.status, head.reason);
            return false;
          }
          if (head.state == HeadResult::State::complete) {
            input.consume(head.bytes);
            connection_.idle = false;
            request.source_ip = connection_.source_ip;
            request.source_port = connection_.source_port;
            request.tls = connection_.tls;
            return true;
          }
          searched = bytes.size();
        }
      } else {
        searched = bytes.size();
      }
      const auto count = input.fill(transport_, limits.head_bytes_max, deadline);
      if (count == Transport::timeout && !input.empty()) refuse(408, "the head did not arrive in time");
      if (count <= 0) return false;
      connection_.idle = false;
    }
  }

  static bool is_http2(std::string_view bytes) {
    // "P" and "PR" may yet become something else.
    return bytes.size() >= 3 && bytes.substr(0, http2_preface.size()) == http2_preface.substr(0, bytes.size());
  }

  // An empty line, part of which may have been there before.
  static bool ends_within(std::string_view bytes, std::size_t searched) {
    const auto from = searched < 3 ? 0 : searched - 3;
    return bytes.find("\r\n\r\n", from) != std::string_view::npos || bytes.find("\n\n", from) != std::string_view::npos;
  }

  void refuse(int status, const char* reason) {
    std::string out = "HTTP/1.1 ";
    append_number(out, static_cast<std::uint64_t>(status));
    out += ' ';
    out += reason_phrase(status);
    out += "\r\n";
    out += http_date_now(connection_);
    out += "Content-Type: text/plain\r\nConnection: close\r\nContent-Length: ";
    append_number(out, std::strlen(reason) + 1);
    out += "\r\n\r\n";
    out += reason;
    out += '\n';
    if (transport_.write(out)) linger();
  }

  void append_head(std::string& out, const HttpRequest& request, const HttpResponse& response, bool keep) {
    out += "HTTP/1.1 ";
    append_number(out, static_cast<std::uint64_t>(response.status));
    out += ' ';
    out += reason_phrase(response.status);
    out += "\r\n";
    bool has_date = false;
    for (const auto& [name, value] : response.headers) {
      if (is_framing_header(name)) continue;
      has_date = has_date || equals_ignoring_case(name, "date");
      out += name;
      out += ": ";
      out += value;
      out += "\r\n";
    }
    if (!has_date) out += http_date_now(connection_);
    if (!keep) {
      out += "Connection: close\r\n";
    } else if (request.http_minor == 0) {
      out += "Connection: keep-alive\r\n";
    }
  }

  // False when the connection cannot go on.
  bool respond(const HttpRequest& request, HttpResponse& response, bool keep_wanted) {
    compress_if_allowed(request, response);
    if (!is_clean(response)) {
      connection_.server.log_exception("an answer was refused", "malformed status or header");
      make_internal_failure(response);
    }
    const bool is_head = request.method == "HEAD";
    const bool may_have = may_have_body(response.status);
    if (response.stream) return respond_with_stream(request, response, keep_wanted, is_head, may_have);

    Output output(connection_.state);
    auto& out = output.text;
    append_head(out, request, response, keep_wanted);
    if (may_have) {
      append_length(out, is_head, response, response.length.value_or(response.body.size()));
    }
    out += "\r\n";
    std::string_view body = is_head || !may_have ? std::string_view() : std::string_view(response.body);
    if (body.size() <= copied_body_bytes_max) {
      out += body;
      body = {};
    }
    return transport_.write(out, body);
  }

  static void append_length(std::string& out, bool is_head, const HttpResponse& response, std::uint64_t length) {
    out += "Content-Length: ";
    // Only an answer to HEAD may speak of a body that is not there.
    const auto claimed = response.headers.get("content-length");
    if (is_head && !claimed.empty() && claimed.find_first_not_of("0123456789") == std::string_view::npos) {
      out += claimed;
    } else if (is_head) {
      append_number(out, length);
    } else {
      append_number(out, response.body.size());
    }
    out += "\r\n";
  }

  bool respond_with_stream(const HttpRequest& request, HttpResponse& response, bool keep, bool is_head, bool may_have) {
    const bool chunked = !response.length && request.http_minor == 1;
    const bool until_close = !response.length && !chunked;
    Output output(connection_.state);
    append_head(output.text, request, response, keep && !until_close);
    if (may_have && response.length) {
      output.text += "Content-Length: ";
      append_number(output.text, *response.length);
      output.text += "\r\n";
    } else if (may_have && chunked) {
      output.text += "Transfer-Encoding: chunked\r\n";
    }
    output.text += "\r\n";
    if (is_head || !may_have) return transport_.write(output.text);
    Http1Writer writer(transport_, output.text, chunked, response.length, false);
    // Too late for another status: an answer without its end is the only honest one.
    if (!run_stream(connection_, response, writer)) return false;
    return writer.finish() && !until_close;
  }

  // Closing with bytes unread would reset the connection, and our last answer might never be seen.
  void linger() {
    transport_.end_writing();
    const auto deadline = connection_.after(connection_.limits().linger_timeout);
    auto& input = connection_.input;
    std::size_t dropped = 0;
    while (dropped < 1024 * 1024) {
      input.consume(input.bytes().size());
      const auto count = input.fill(transport_, Input::input_bytes, deadline);
      if (count <= 0) return;
      dropped += static_cast<std::size_t>(count);
    }
  }

  Connection& connection_;
  Transport& transport_;
};

}  // namespace

bool serve_http1(Connection& connection) { return Http1(connection).serve(); }

}  // namespace moonbase::http
