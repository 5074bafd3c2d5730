// The body of an HTTP/1 request, still on the wire.
#pragma once

#include <memory>
#include <moonbase/http.hpp>
#include <optional>
#include <string>

#include "http/connection.hpp"
#include "http/head.hpp"

namespace moonbase::http {

// Lives while its request is handled; readers only point to it.
class Http1Body {
 public:
  Http1Body(Connection& connection, const Framing& framing);

  // Nothing (more) to read.
  bool ended() const { return ended_; }
  // Announced by length, and already in the connection's input.
  bool all_here() const;
  void take_all(std::string& body);
  std::unique_ptr<BodyReader> reader();

  Result<std::string> read(std::size_t bytes_max);
  std::optional<std::uint64_t> length() const { return chunked_ ? std::nullopt : std::optional(left_); }
  HttpHeaders trailers() const;

  // Would skip() succeed, as far as can be known? If not, the connection must close after the answer.
  bool can_be_skipped() const;
  // Reads and drops the rest, so that it never becomes a request. False when the connection is done.
  bool skip();

 private:
  Result<std::string> read_by_length(std::size_t bytes_max);
  Result<std::string> read_chunk(std::size_t bytes_max);
  Error fail(const char* message, int status);

  Connection& connection_;
  const bool chunked_;
  std::uint64_t left_ = 0;
  ChunkedDecoder decoder_;
  bool ended_ = false;
  bool failed_ = false;
  bool continue_due_ = false;  // The client waits for "100 Continue".
};

}  // namespace moonbase::http
