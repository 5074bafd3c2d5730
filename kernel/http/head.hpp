// The strict HTTP/1 parser: request heads, and the framing of chunked bodies. Pure functions of
// bytes. Whatever could be read in two ways is refused, because a proxy before us may read it in the
// other.
#pragma once

#include <cstdint>
#include <moonbase/http.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "http/limits.hpp"

namespace moonbase::http {

// What a head says about what follows it.
struct Framing {
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool keep_alive = true;
  bool expects_continue = false;
  bool wants_upgrade = false;  // Connection: upgrade.
};

struct HeadResult {
  enum class State { complete, incomplete, refused };
  State state = State::incomplete;
  std::size_t bytes = 0;  // Of the head, when complete.
  int status = 400;       // When refused.
  const char* reason = "";
};

// Reads a head from the start of `bytes` into `request` (all but reader, body and who sent it).
HeadResult parse_head(std::string_view bytes, const Limits& limits, HttpRequest& request, Framing& framing);

// Is this what a Host header (or :authority) may hold: a name or address, and perhaps a port?
bool is_host(std::string_view host);

// A chunked body, bit by bit.
class ChunkedDecoder {
 public:
  enum class Step { need_more, data, end, refused };
  // Looks at `bytes`, the next of the wire. `used` of them are done with; for Step::data, `data` is
  // the content among them. Once it has said end or refused, it is not asked again.
  Step next(std::string_view bytes, std::size_t& used, std::string_view& data);
  // The trailer's lines once it has said end, each "name:value" and "\n"; well-formed.
  std::string_view trailer() const { return trailer_; }

 private:
  enum class State { size, extension, size_line_feed, data, data_return, data_line_feed, trailer };
  State state_ = State::size;
  std::uint64_t left_ = 0;  // Of the chunk.
  unsigned size_digits_ = 0;
  std::size_t extension_bytes_ = 0;  // In all: not content, so not limited by what limits content.
  std::size_t trailer_bytes_ = 0;
  std::size_t line_bytes_ = 0;  // Of the trailer's present line.
  bool after_return_ = false;
  bool in_name_ = true;
  std::string trailer_;
};

}  // namespace moonbase::http
