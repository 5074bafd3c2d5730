// aws-chunked: the framing that AWS clients put around a body, with signatures of its chunks and
// checksums behind it. Beneath it may lie HTTP's own chunks; they have nothing to do with each other.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <moonbase/hash.hpp>
#include <moonbase/http.hpp>
#include <moonbase/result.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>


namespace moonbase::http {

struct AwsChunkedOptions {
  bool is_signed = false;  // Each chunk carries a signature.
  bool has_trailer = false;
  std::optional<std::uint64_t> decoded_length;
  std::vector<std::string> trailers;  // Announced in x-amz-trailer, in lower case.
  // Is this the signature of a chunk (or of the trailer) whose SHA-256, in hexadecimal, is this?
  // Called in order; empty where signatures are not checked.
  std::function<bool(bool is_trailer, std::string_view sha256_hex, std::string_view signature)> verify;
};

// What the headers say. Nothing when the body is not aws-chunked; an Error when they contradict
// themselves. `verify` is left empty.
Result<std::optional<AwsChunkedOptions>> aws_chunked_options(const HttpHeaders& headers);

// Puts a reader into the request that takes the framing away, in place of body and reader. Removes
// "aws-chunked" from Content-Encoding. Errors of the body (BadDigest, IncompleteBody,
// SignatureDoesNotMatch, InvalidChunkSizeError, MalformedTrailerError) come from that reader.
void decode_aws_chunked(HttpRequest& request, AwsChunkedOptions options);

// The framing alone, bit by bit. A pure function of bytes.
class AwsChunkedDecoder {
 public:
  enum class Step { need_more, data, end, refused };

  explicit AwsChunkedDecoder(AwsChunkedOptions options);
  // Looks at `bytes`, the next of the body; `used` of them are done with. For Step::data, `data` is
  // the content among them. Once it has said end or refused (see error()), it is not asked again.
  Step next(std::string_view bytes, std::size_t& used, std::string_view& data);
  // No more bytes will come: what is wrong with that?
  const Error& ended_early();
  const Error& error() const { return error_; }
  const AwsChunkedOptions& options() const { return options_; }
  // What came behind the content, without its signature; checked once next() has said end.
  const std::vector<std::pair<std::string, std::string>>& trailer() const { return trailer_; }

 private:
  enum class State { size_line, data, data_end, trailer };
  struct Checksum {
    std::string algorithm;
    std::unique_ptr<Digest> digest;
  };

  Step refuse(Error error);
  bool take_line(std::string_view bytes, std::size_t& used);
  Step begin_chunk();
  bool end_chunk();
  Step take_trailer_line();
  Step finish();

  AwsChunkedOptions options_;
  Error error_;
  State state_ = State::size_line;
  std::string line_;
  std::uint64_t left_ = 0, decoded_ = 0;
  bool short_chunk_seen_ = false;
  std::unique_ptr<Digest> chunk_digest_;
  std::string chunk_signature_;
  std::vector<Checksum> checksums_;
  std::vector<std::pair<std::string, std::string>> trailer_;
  std::size_t trailer_bytes_ = 0;
};

}  // namespace moonbase::http
