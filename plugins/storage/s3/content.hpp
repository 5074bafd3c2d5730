// Contents: the bytes of objects and parts, as lists of segments. Small ones lie in their rows, so that a PUT is one
// commit; larger ones go to blobs while they stream in. Copies and uploads in parts share blobs and move no bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <moonbase/plugin.hpp>
#include <moonbase/store.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "object.hpp"

namespace moonbase::s3 {

// Measured: up to here a row costs less processor time than a file, its syncs and its erasing.
inline constexpr std::size_t inline_bytes_max = 128 * 1024;
inline constexpr std::uint64_t put_bytes_max = 5ull << 30;  // Of one PUT or part.
inline constexpr std::size_t inside_bytes_max = 64u << 20;  // Of a Call from inside, whose body is a Value.
inline constexpr std::string_view erase_task = "s3-erase";

// What a body has become. While `writer` lives nobody erases its blob: give it to write_received().
struct Received {
  std::uint64_t size = 0;
  std::string md5;    // Raw.
  Checksum checksum;  // FULL_OBJECT.
  Checksum claimed;   // The client\'s, if it sent one; true.
  std::string bytes;  // Where there is no blob.
  std::string blob;
  std::unique_ptr<BlobWriter> writer;
};

// Takes the call's body: streams it in, checks Content-MD5 and the checksum that the client sent before or behind it.
// The checksum kept is of `algorithm`, or where it is empty of the client's choice, or S3's. Errors
// MissingContentLength, EntityTooLarge, IncompleteBody, InvalidDigest, BadDigest and those of asked_checksum().
Result<Received> receive_body(Call& call, std::string_view algorithm = {});
// Runs the transaction that is to name what was received. If it refuses, the blob goes.
Result<Value> write_received(Call& call, Received& received, const Store::Body& body);

// ── Segments ────────────────────────────────────────────────────────────────────────────────────
struct Segment {
  std::uint64_t start = 0, size = 0;  // Of the content.
  std::string blob;                   // Empty: in `bytes`.
  std::uint64_t blob_start = 0;
  std::string bytes;
};

void insert_content(const Change& change, std::int64_t content, const Received& received);
// Another content's segments, which begin where the first does.
void insert_segments(const Change& change, std::int64_t content, const std::vector<Segment>& segments);
// Drops the segments; their blobs go, by a task, unless others name them.
void remove_content(const Change& change, std::int64_t content);

// From the first to the last byte, both included. Empty where `size` is 0.
struct Span {
  std::uint64_t first = 0, size = 0;
};
// The segments that cover the span, cut to it: their starts are still those of the content.
std::vector<Segment> read_segments(Transaction& tx, const Bucket& bucket, std::int64_t content, Span span);

// ── Reading ─────────────────────────────────────────────────────────────────────────────────────
// The bytes of segments, in order. Holds their blobs: what is being read stays whole when the object is replaced.
class ContentReader {
 public:
  // Null when a blob went between the segments' read and now: read them again.
  static std::unique_ptr<ContentReader> open(BlobStore& blobs, std::vector<Segment> segments);
  std::uint64_t size() const { return size_; }
  // The next bytes; empty at the end.
  std::string next(std::size_t bytes_max);
  std::string all();

 private:
  ContentReader(BlobStore& blobs, std::vector<Segment> segments) : blobs_(&blobs), segments_(std::move(segments)) {}
  BlobStore* blobs_;
  std::vector<Segment> segments_;
  std::unique_ptr<BlobHold> hold_;
  std::uint64_t size_ = 0;
  std::size_t at_ = 0;
  std::uint64_t offset_ = 0;  // In the segment.
};

// ── Erasing ─────────────────────────────────────────────────────────────────────────────────────
// Erases what no content names any more of the blobs that have lost a name. What is being read goes later.
Result<Done> erase_unnamed(TaskRun& run);
// Of the plugin's ready(): what a crash has left. Opens the store only if it has left something.
void settle_blobs(KernelServices& kernel);
// The blobs of an account (empty: of all), which a reset is about to forget; and what to do with them then.
std::vector<std::string> blobs_of(KernelServices& kernel, std::string_view account);
void erase_unused(KernelServices& kernel, const std::vector<std::string>& blobs);

}  // namespace moonbase::s3
