// HTTP as plugins see it: requests that reach them raw (a gateway's routes), and their answers.
// The front door has already parsed strictly: lengths are unambiguous, header values are verbatim
// and free of control characters, limits hold.
#pragma once

#include <moonbase/result.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moonbase {

// In order of arrival, repeated names kept. Names compare without regard to case.
class HttpHeaders {
 public:
  using Entry = std::pair<std::string, std::string>;

  // The first of that name, or null.
  const std::string* find(std::string_view name) const noexcept;
  std::string_view get(std::string_view name) const noexcept;  // Empty where there is none.
  std::vector<std::string_view> all(std::string_view name) const;
  bool contains(std::string_view name) const noexcept { return find(name) != nullptr; }

  void add(std::string name, std::string value);  // Beside any of that name.
  void set(std::string_view name, std::string value);  // Instead of any of that name.
  void erase(std::string_view name);

  auto begin() const noexcept { return entries_.begin(); }
  auto end() const noexcept { return entries_.end(); }
  std::size_t size() const noexcept { return entries_.size(); }
  void reserve(std::size_t entries) { entries_.reserve(entries); }

 private:
  std::vector<Entry> entries_;
};

// A body that is still arriving. Used by the fiber that got the request, only while it handles it.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  // The next bytes, at most `bytes_max`; empty at the end. Suspends the fiber. An Error is final:
  // the client went away, broke the framing, or sent bytes that do not match their checksum.
  virtual Result<std::string> read(std::size_t bytes_max) = 0;
  // The number of bytes announced, where it is known.
  virtual std::optional<std::uint64_t> length() const = 0;
  // What came behind the end of a chunked body. Never part of the request's headers.
  virtual HttpHeaders trailers() const { return {}; }
};

// Where a streamed answer goes. Suspends the fiber while the client is slow.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  virtual bool write(std::string_view bytes) = 0;  // False when the client has gone.
};

struct HttpRequest {
  std::string method;   // As sent; HTTP methods are case-sensitive.
  std::string path;     // As sent, still percent-encoded, without the query.
  std::string query;    // As sent, without the "?".
  HttpHeaders headers;  // HTTP/2's :authority arrives as Host.
  std::string body;     // What has been read. Whole when `reader` is null.
  std::unique_ptr<BodyReader> reader;  // The rest of the body, or null.
  std::string source_ip;
  std::uint16_t source_port = 0;
  int http_major = 1, http_minor = 1;
  bool tls = false;

  // Reads the whole body into `body`. Error "RequestEntityTooLargeException" (413) beyond the limit.
  Result<Done> read_body(std::size_t bytes_max);
  // "http://127.0.0.1:4566", from Host: what this client can reach us under.
  std::string base_url() const;
};

// An open WebSocket. One fiber reads; any fiber of any thread may send.
class WebSocket {
 public:
  struct Message {
    std::string data;
    bool binary = false;
  };
  virtual ~WebSocket() = default;
  // The next message, joined from its fragments; pings are answered below. Nothing once closed.
  virtual std::optional<Message> receive() = 0;
  virtual bool send(std::string_view data, bool binary = false) = 0;  // False once closed.
  virtual void close(std::uint16_t code = 1000, std::string_view reason = "") = 0;
};

struct HttpResponse {
  int status = 200;
  HttpHeaders headers;
  std::string body;
  // Instead of `body`: writes the body as it comes. Content-Length is sent if `length` is set,
  // else the body is chunked.
  std::function<void(BodyWriter&)> stream;
  std::optional<std::uint64_t> length;
  // Instead of both, in answer to an upgrade request: completes the handshake (with these headers),
  // then owns the connection until it returns.
  std::function<void(std::shared_ptr<WebSocket>)> websocket;
};

// "a=1&b=%20" in order, decoded. "+" is a space.
std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query);
// %XX decoded; malformed escapes stay as they are.
std::string percent_decode(std::string_view text, bool plus_is_space = false);
// All but A-Z a-z 0-9 - . _ ~ encoded; "/" kept if asked.
std::string percent_encode(std::string_view text, bool keep_slash = false);

}  // namespace moonbase
