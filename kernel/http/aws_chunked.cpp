#include "http/aws_chunked.hpp"

#include <algorithm>
#include <moonbase/hash.hpp>

#include "http/characters.hpp"
#include "http/gzip.hpp"

namespace moonbase::http {
namespace {

constexpr std::size_t line_bytes_max = 1024;
constexpr std::size_t trailer_bytes_max = 8 * 1024;
constexpr std::size_t trailers_max = 16;
constexpr std::uint64_t chunk_bytes_min = 8 * 1024;  // Of all but the last.
constexpr std::string_view checksum_prefix = "x-amz-checksum-";

Error incomplete_body() {
  return {.code = "IncompleteBody",
          .message = "You did not provide the number of bytes specified by the Content-Length HTTP header",
          .status = 400};
}

Error malformed_trailer() {
  return {.code = "MalformedTrailerError",
          .message =
              "The request contained trailing data that was not well-formed or did not conform to our published "
              "schema.",
          .status = 400};
}

Error malformed_chunk() {
  return {.code = "InvalidRequest", .message = "The chunked request body is malformed.", .status = 400};
}

Error does_not_match() {
  return {.code = "SignatureDoesNotMatch",
          .message =
              "The request signature we calculated does not match the signature you provided. Check your key "
              "and signing method.",
          .status = 403};
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (auto& c : result) c = lower_case(c);
  return result;
}

std::optional<std::uint64_t> number(std::string_view digits, unsigned base) {
  if (digits.empty() || digits.size() > (base == 16 ? 15 : 18)) return std::nullopt;
  std::uint64_t result = 0;
  for (const char c : digits) {
    const char l = lower_case(c);
    unsigned digit = 99;
    if (l >= '0' && l <= '9') digit = static_cast<unsigned>(l - '0');
    if (base == 16 && l >= 'a' && l <= 'f') digit = static_cast<unsigned>(l - 'a') + 10;
    if (digit >= base) return std::nullopt;
    result = result * base + digit;
  }
  return result;
}

bool is_signature(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

class Reader final : public BodyReader {
 public:
  Reader(std::unique_ptr<BodyReader> framed, AwsChunkedOptions options)
      : framed_(std::move(framed)), decoder_(std::move(options)) {}

  Result<std::string> read(std::size_t bytes_max) override {
    if (failed_) return decoder_.error();
    std::string content;
    while (!ended_ && content.empty() && bytes_max > 0) {
      if (at_ == input_.size()) {
        auto more = framed_->read(64 * 1024);
        if (!more) return more;
        if (more->empty()) return fail(decoder_.ended_early());
        input_ = std::move(*more);
        at_ = 0;
      }
      std::size_t used = 0;
      std::string_view data;
      const auto step = decoder_.next(std::string_view(input_).substr(at_, bytes_max), used, data);
      content.append(data);
      at_ += used;
      if (step == AwsChunkedDecoder::Step::refused) return fail(decoder_.error());
      if (step != AwsChunkedDecoder::Step::end) continue;
      if (at_ < input_.size()) return fail(malformed_chunk());
      auto more = framed_->read(1);
      if (!more) return more;
      if (!more->empty()) return fail(malformed_chunk());
      ended_ = true;
    }
    given_ += content.size();
    return content;
  }

  std::optional<std::uint64_t> length() const override {
    const auto& whole = decoder_.options().decoded_length;
    return whole ? std::optional<std::uint64_t>(*whole - std::min(*whole, given_)) : std::nullopt;
  }

  HttpHeaders trailers() const override {
    HttpHeaders headers;
    if (ended_)
      for (const auto& [name, value] : decoder_.trailer()) headers.add(name, value);
    return headers;
  }

 private:
  Error fail(const Error& error) {
    failed_ = true;
    return error;
  }

  const std::unique_ptr<BodyReader> framed_;
  AwsChunkedDecoder decoder_;
  std::string input_;
  std::size_t at_ = 0;
  std::uint64_t given_ = 0;
  bool ended_ = false, failed_ = false;
};

}  // namespace

Result<std::optional<AwsChunkedOptions>> aws_chunked_options(const HttpHeaders& headers) {
  const auto kind = headers.get("x-amz-content-sha256");
  AwsChunkedOptions options;
  if (kind == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD") {
    options.is_signed = true;
  } else if (kind == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER") {
    options.is_signed = options.has_trailer = true;
  } else if (kind == "STREAMING-UNSIGNED-PAYLOAD-TRAILER") {
    options.has_trailer = true;
  } else if (kind.starts_with("STREAMING-")) {
    return Error{.code = "NotImplemented",
                 .message = "The body encoding " + std::string(kind) + " is not implemented.",
                 .status = 501};
  } else {
    return std::optional<AwsChunkedOptions>();
  }
  const auto length = headers.get("x-amz-decoded-content-length");
  if (length.empty()) {
    return Error{
        .code = "MissingContentLength", .message = "You must provide the Content-Length HTTP header.", .status = 411};
  }
  options.decoded_length = number(length, 10);
  if (!options.decoded_length) {
    return Error{.code = "InvalidArgument", .message = "x-amz-decoded-content-length must be a number.", .status = 400};
  }
  if (!options.has_trailer) return std::optional(std::move(options));
  auto names = headers.get("x-amz-trailer");
  while (!names.empty()) {
    const auto end = names.find(',');
    const auto name = lower(trimmed(names.substr(0, end)));
    if (!name.empty()) options.trailers.push_back(name);
    const bool known = name.starts_with(checksum_prefix) && make_digest(name.substr(checksum_prefix.size()));
    if ((!name.empty() && !known) || options.trailers.size() > 5) {
      return Error{.code = "InvalidRequest",
                   .message = "The value specified in the x-amz-trailer header is not supported",
                   .status = 400};
    }
    names.remove_prefix(end == std::string_view::npos ? names.size() : end + 1);
  }
  return std::optional(std::move(options));
}

void decode_aws_chunked(HttpRequest& request, AwsChunkedOptions options) {
  std::string encodings;
  auto list = request.headers.get("content-encoding");
  while (!list.empty()) {
    const auto end = list.find(',');
    const auto encoding = trimmed(list.substr(0, end));
    if (!encoding.empty() && !equals_ignoring_case(encoding, "aws-chunked")) {
      if (!encodings.empty()) encodings += ", ";
      encodings += encoding;
    }
    list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
  }
  request.headers.erase("content-encoding");
  if (!encodings.empty()) request.headers.add("Content-Encoding", std::move(encodings));
  request.reader = std::make_unique<Reader>(take_body(request), std::move(options));
}

AwsChunkedDecoder::AwsChunkedDecoder(AwsChunkedOptions options) : options_(std::move(options)) {
  for (const auto& name : options_.trailers) {
    const auto algorithm = name.substr(std::min(name.size(), checksum_prefix.size()));
    if (auto digest = make_digest(algorithm)) checksums_.push_back({algorithm, std::move(digest)});
  }
}

AwsChunkedDecoder::Step AwsChunkedDecoder::refuse(Error error) {
  error_ = std::move(error);
  return Step::refused;
}

const Error& AwsChunkedDecoder::ended_early() {
  error_ = incomplete_body();
  return error_;
}

// True when `line_` holds a whole line, without its end.
bool AwsChunkedDecoder::take_line(std::string_view bytes, std::size_t& used) {
  const auto rest = bytes.substr(used);
  const auto feed = rest.find('\n');
  const auto part = rest.substr(0, feed == std::string_view::npos ? rest.size() : feed + 1);
  line_.append(part.substr(0, line_bytes_max + 2 - std::min(line_.size(), line_bytes_max + 2)));
  used += part.size();
  if (!line_.ends_with("\r\n")) return false;
  line_.resize(line_.size() - 2);
  return true;
}

AwsChunkedDecoder::Step AwsChunkedDecoder::begin_chunk() {
  const auto semicolon = line_.find(';');
  const auto size = number(std::string_view(line_).substr(0, semicolon), 16);
  if (!size) return refuse(malformed_chunk());
  const auto extension =
      semicolon == std::string::npos ? std::string_view() : std::string_view(line_).substr(semicolon);
  chunk_signature_.clear();
  if (options_.is_signed) {
    constexpr std::string_view name = ";chunk-signature=";
    if (!extension.starts_with(name) || !is_signature(extension.substr(name.size()))) return refuse(malformed_chunk());
    chunk_signature_ = extension.substr(name.size());
    if (options_.verify) chunk_digest_ = make_digest("sha256");
  } else if (!extension.empty()) {
    return refuse(malformed_chunk());
  }
  line_.clear();
  left_ = *size;
  if (left_ == 0) {
    if (!end_chunk()) return refuse(does_not_match());
    if (options_.decoded_length && decoded_ != *options_.decoded_length) return refuse(incomplete_body());
    state_ = State::trailer;
    return Step::need_more;
  }
  if (short_chunk_seen_) {
    return refuse({.code = "InvalidChunkSizeError",
                   .message = "Only the last chunk is allowed to have a size less than 8192 bytes",
                   .status = 403});
  }
  short_chunk_seen_ = left_ < chunk_bytes_min;
  if (options_.decoded_length && left_ > *options_.decoded_length - decoded_) return refuse(incomplete_body());
  state_ = State::data;
  return Step::need_more;
}

bool AwsChunkedDecoder::end_chunk() {
  if (!chunk_digest_) return true;
  const auto digest = std::exchange(chunk_digest_, nullptr)->finish();
  return options_.verify(false, hex(digest), chunk_signature_);
}

AwsChunkedDecoder::Step AwsChunkedDecoder::take_trailer_line() {
  auto line = std::exchange(line_, {});
  if (line.empty()) return finish();
  if (!options_.has_trailer || trailer_.size() >= trailers_max) return refuse(malformed_trailer());
  // Some clients end the last value with a line feed of its own, as the documentation's example does.
  if (line.ends_with('\n')) line.pop_back();
  const auto colon = line.find(':');
  if (colon == std::string::npos || colon == 0) return refuse(malformed_trailer());
  const auto name = lower(std::string_view(line).substr(0, colon));
  const auto value = trimmed(std::string_view(line).substr(colon + 1));
  if (!all_are(name, token_character) || !all_are(value, value_character)) return refuse(malformed_trailer());
  trailer_.emplace_back(name, value);
  return Step::need_more;
}

AwsChunkedDecoder::Step AwsChunkedDecoder::finish() {
  constexpr std::string_view signature_name = "x-amz-trailer-signature";
  std::string canonical;
  const std::string* signature = nullptr;
  std::vector<std::string> given;
  for (const auto& [name, value] : trailer_) {
    if (name == signature_name) {
      signature = &value;
      continue;
    }
    canonical += name + ":" + value + "\n";
    const auto announced = std::find(options_.trailers.begin(), options_.trailers.end(), name);
    const bool twice = std::find(given.begin(), given.end(), name) != given.end();
    if (announced == options_.trailers.end() || twice) return refuse(malformed_trailer());
    given.push_back(name);
  }
  if (given.size() != options_.trailers.size()) return refuse(malformed_trailer());
  if (options_.is_signed && options_.has_trailer && options_.verify) {
    if (!signature || !options_.verify(true, sha256_hex(canonical), *signature)) return refuse(does_not_match());
  }
  for (const auto& checksum : checksums_) {
    const auto name = std::string(checksum_prefix) + checksum.algorithm;
    const auto value =
        std::find_if(trailer_.begin(), trailer_.end(), [&](const auto& line) { return line.first == name; })->second;
    const auto claimed = from_base64(value);
    const auto computed = checksum.digest->finish();
    if (!claimed || claimed->size() != computed.size()) {
      return refuse(
          {.code = "InvalidRequest", .message = "Value for " + name + " trailing header is invalid.", .status = 400});
    }
    if (*claimed != computed) {
      auto algorithm = checksum.algorithm;
      for (auto& c : algorithm) c = c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c;
      return refuse({.code = "BadDigest",
                     .message = "The " + algorithm + " you specified did not match the calculated checksum.",
                     .status = 400});
    }
  }
  return Step::end;
}

AwsChunkedDecoder::Step AwsChunkedDecoder::next(std::string_view bytes, std::size_t& used, std::string_view& data) {
  used = 0;
  while (used < bytes.size()) {
    auto step = Step::need_more;
    switch (state_) {
      case State::size_line:
        if (take_line(bytes, used)) {
          step = begin_chunk();
        } else if (line_.size() > line_bytes_max || line_.ends_with('\n')) {
          step = refuse(malformed_chunk());
        }
        break;
      case State::data:
        data = bytes.substr(used, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - used)));
        used += data.size();
        left_ -= data.size();
        decoded_ += data.size();
        if (chunk_digest_) chunk_digest_->add(data);
        for (const auto& checksum : checksums_) checksum.digest->add(data);
        if (left_ == 0) state_ = State::data_end;
        return Step::data;
      case State::data_end: {
        const char expected = line_.empty() ? '\r' : '\n';
        if (bytes[used++] != expected) return refuse(malformed_chunk());
        line_ += expected;
        if (line_.size() < 2) break;
        line_.clear();
        if (!end_chunk()) return refuse(does_not_match());
        state_ = State::size_line;
        break;
      }
      case State::trailer: {
        const auto before = used;
        const bool whole = take_line(bytes, used);
        trailer_bytes_ += used - before;
        if (trailer_bytes_ > trailer_bytes_max || line_.size() > line_bytes_max) return refuse(malformed_trailer());
        if (whole) step = take_trailer_line();
        break;
      }
    }
    if (step != Step::need_more) return step;
  }
  return Step::need_more;
}

}  // namespace moonbase::http
