#include "http/gzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <stdexcept>

#include "http/characters.hpp"

namespace moonbase::http {
namespace {

constexpr int gzip_window = 15 + 16;  // The largest window; +16 means gzip and nothing else.
constexpr int level = 4;              // Most of the gain at a third of the default's time.
constexpr std::size_t step_bytes = 64 * 1024;

Error not_gzip() {
  return {.code = "SerializationException", .message = "The request body is not valid gzip.", .status = 400};
}

Error too_long(std::size_t bytes_max) {
  return {.code = "RequestEntityTooLargeException",
          .message = "The request body must not be longer than " + std::to_string(bytes_max) + " bytes.",
          .status = 413};
}

// The decompressor's state, and when it is done.
class Inflater {
 public:
  Inflater() {
    if (inflateInit2(&stream_, gzip_window) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  void feed(std::string_view bytes) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
  }
  bool hungry() const { return stream_.avail_in == 0; }
  bool finished() const { return finished_; }

  // Appends at most `bytes_max`; false for bytes that are not gzip.
  bool take(std::string& out, std::size_t bytes_max) {
    const auto before = out.size();
    out.resize(before + bytes_max);
    stream_.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream_.avail_out = static_cast<uInt>(bytes_max);
    const int state = inflate(&stream_, Z_NO_FLUSH);
    out.resize(before + bytes_max - stream_.avail_out);
    if (state == Z_STREAM_END) {
      finished_ = true;
      return true;
    }
    return state == Z_OK || state == Z_BUF_ERROR;
  }

 private:
  z_stream stream_{};
  bool finished_ = false;
};

class GunzipReader final : public BodyReader {
 public:
  GunzipReader(std::unique_ptr<BodyReader> compressed, std::size_t bytes_max)
      : compressed_(std::move(compressed)), bytes_max_(bytes_max) {}

  Result<std::string> read(std::size_t bytes_max) override {
    std::string out;
    const auto want = std::clamp<std::size_t>(bytes_max, 1, step_bytes);
    while (out.empty()) {
      if (inflater_.finished()) {
        // Nothing may follow: it would be neither content nor refused.
        if (!inflater_.hungry()) return not_gzip();
        auto more = compressed_->read(1);
        if (!more) return more;
        if (!more->empty()) return not_gzip();
        return out;
      }
      if (inflater_.hungry()) {
        auto more = compressed_->read(step_bytes);
        if (!more) return more;
        if (more->empty()) {
          if (nothing_read_) return out;  // An empty body, whatever it says it is.
          return not_gzip();
        }
        nothing_read_ = false;
        input_ = std::move(*more);
        inflater_.feed(input_);
      }
      if (!inflater_.take(out, want)) return not_gzip();
      given_ += out.size();
      if (given_ > bytes_max_) return too_long(bytes_max_);
    }
    return out;
  }

  std::optional<std::uint64_t> length() const override { return std::nullopt; }

 private:
  const std::unique_ptr<BodyReader> compressed_;
  const std::size_t bytes_max_;
  std::size_t given_ = 0;
  std::string input_;
  Inflater inflater_;
  bool nothing_read_ = true;
};

// What has been read, then the rest.
class WholeBody final : public BodyReader {
 public:
  WholeBody(std::string read_already, std::unique_ptr<BodyReader> rest)
      : text_(std::move(read_already)), rest_(std::move(rest)) {}

  Result<std::string> read(std::size_t bytes_max) override {
    if (at_ < text_.size()) {
      auto part = text_.substr(at_, bytes_max);
      at_ += part.size();
      return part;
    }
    if (rest_) return rest_->read(bytes_max);
    return std::string();
  }

  std::optional<std::uint64_t> length() const override {
    const auto here = text_.size() - at_;
    if (!rest_) return here;
    const auto rest = rest_->length();
    return rest ? std::optional<std::uint64_t>(*rest + here) : std::nullopt;
  }
  HttpHeaders trailers() const override { return rest_ ? rest_->trailers() : HttpHeaders(); }

 private:
  std::string text_;
  std::size_t at_ = 0;
  std::unique_ptr<BodyReader> rest_;
};

}  // namespace

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, level, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int state = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (state != Z_STREAM_END) throw std::runtime_error("deflate did not finish");
  return out;
}

Result<std::string> gunzip(std::string_view bytes, std::size_t bytes_max) {
  Inflater inflater;
  inflater.feed(bytes);
  std::string out;
  while (!inflater.finished()) {
    const auto before = out.size();
    const bool was_hungry = inflater.hungry();
    if (!inflater.take(out, std::min(step_bytes, bytes_max - out.size() + 1))) return not_gzip();
    if (out.size() > bytes_max) return too_long(bytes_max);
    if (was_hungry && out.size() == before && !inflater.finished()) return not_gzip();
  }
  if (!inflater.hungry()) return not_gzip();
  return out;
}

std::unique_ptr<BodyReader> gunzip_reader(std::unique_ptr<BodyReader> compressed, std::size_t bytes_max) {
  return std::make_unique<GunzipReader>(std::move(compressed), bytes_max);
}

std::unique_ptr<BodyReader> take_body(HttpRequest& request) {
  auto body = std::make_unique<WholeBody>(std::move(request.body), std::move(request.reader));
  request.body.clear();
  request.reader.reset();
  return body;
}

void decompress_body(HttpRequest& request, std::size_t bytes_max) {
  if (!equals_ignoring_case(request.headers.get("content-encoding"), "gzip")) return;
  request.headers.erase("content-encoding");
  request.headers.erase("content-length");
  request.reader = gunzip_reader(take_body(request), bytes_max);
}

}  // namespace moonbase::http
