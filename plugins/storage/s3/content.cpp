#include "content.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

#include "checksum.hpp"
#include "errors.hpp"

namespace moonbase::s3 {
namespace {

constexpr std::size_t piece_bytes = 256 * 1024;
constexpr std::size_t unnamed_a_step = 500;
constexpr std::int64_t held_retry_ms = 10'000;  // A blob that is being read is asked for again.

Error too_large(std::uint64_t size, std::uint64_t most = put_bytes_max) {
  return {"EntityTooLarge",
          "Your proposed upload exceeds the maximum allowed size",
          {{"ProposedSize", std::to_string(size)}, {"MaxSizeAllowed", std::to_string(most)}},
          400};
}

// Where a body's bytes go, and what is computed of them on the way.
class Receiver {
 public:
  Receiver(KernelServices& kernel, const Algorithm& kept, const Algorithm* claimed)
      : kernel_(kernel), kept_(kept), md5_(make_digest("md5")), checksum_(make_digest(kept.digest)) {
    if (claimed && claimed != &kept) claimed_ = make_digest(claimed->digest);
  }

  void add(std::string_view bytes) {
    md5_->add(bytes);
    checksum_->add(bytes);
    if (claimed_) claimed_->add(bytes);
    received_.size += bytes.size();
    if (!received_.writer && received_.bytes.size() + bytes.size() <= inline_bytes_max) {
      received_.bytes.append(bytes);
      return;
    }
    if (!received_.writer) {
      received_.writer = kernel_.blobs.create();
      received_.writer->append(received_.bytes);
      received_.bytes = {};
    }
    received_.writer->append(bytes);
  }

  // What has come, without its blob.
  Received& digested() {
    received_.md5 = md5_->finish();
    received_.checksum = {std::string(kept_.name), "FULL_OBJECT", base64(checksum_->finish())};
    received_.claimed = {"", "FULL_OBJECT", claimed_ ? base64(claimed_->finish()) : received_.checksum.value};
    return received_;
  }
  Received stored() {
    if (received_.writer) kernel_.io.blocking([&] { received_.blob = received_.writer->finish(); });
    return std::move(received_);
  }

  std::uint64_t size() const { return received_.size; }

 private:
  KernelServices& kernel_;
  const Algorithm& kept_;
  const std::unique_ptr<Digest> md5_, checksum_;
  std::unique_ptr<Digest> claimed_;
  Received received_;
};

// What the client says of its body, before it comes.
struct Claims {
  std::optional<std::string> md5;  // Raw.
  Checksum checksum;
};

Result<Claims> claims_of(const Value& input) {
  Claims claims;
  if (const auto& md5 = input["ContentMD5"]; md5.is_string()) {
    claims.md5 = from_base64(md5.string());
    if (!claims.md5 || claims.md5->size() != 16)
      return Error{"InvalidDigest", "The Content-MD5 you specified was invalid.", {{"Content-MD5", md5}}, 400};
  }
  auto checksum = asked_checksum(input);
  if (!checksum) return checksum.error();
  claims.checksum = std::move(*checksum);
  return claims;
}

// What came behind the body; it has been checked by who read the body.
Checksum trailing_checksum(const BodyReader& body) {
  const auto trailers = body.trailers();
  for (const auto& algorithm : all_algorithms()) {
    const auto value = trailers.get("x-amz-checksum-" + std::string(algorithm.digest));
    if (!algorithm.digest.empty() && !value.empty())
      return {std::string(algorithm.name), "FULL_OBJECT", std::string(value)};
  }
  return {};
}

Result<Done> read_all(BodyReader& body, Receiver& receiver) {
  const auto announced = body.length();
  if (!announced) return Error{"MissingContentLength", "You must provide the Content-Length HTTP header.", {}, 411};
  if (*announced > put_bytes_max) return too_large(*announced);
  for (;;) {
    auto piece = body.read(piece_bytes);
    if (!piece) return piece.error();
    if (piece->empty()) return done;
    receiver.add(*piece);
    if (receiver.size() > put_bytes_max) return too_large(receiver.size());
  }
}

Result<Done> check(const Claims& claims, const Received& received) {
  if (claims.md5 && *claims.md5 != received.md5)
    return Error{"BadDigest",
                 "The Content-MD5 you specified did not match what we received.",
                 {{"ExpectedDigest", base64(*claims.md5)}, {"CalculatedDigest", base64(received.md5)}},
                 400};
  if (!claims.checksum.value.empty() && claims.checksum.value != received.claimed.value)
    return bad_digest("The " + claims.checksum.algorithm + " you specified did not match the calculated checksum.");
  return done;
}

// Whether any content names the blob; true also where nobody can tell.
bool is_used(Store& store, const std::string& blob) {
  const auto used = store.read([&](Transaction& tx) -> Result<Value> {
    return Value(!tx.query("SELECT content FROM s3_segment WHERE blob = ? LIMIT 1", blob).empty());
  });
  return !used || used->boolean();
}

// Whether a blob was ever stored. To ask the store would make one where there is none yet.
bool any_blobs(const BlobStore& blobs) {
  const std::filesystem::path place = blobs.path(std::string(64, '0'));
  return std::filesystem::exists(place.parent_path().parent_path());
}

struct Unnamed {
  std::string blob;
  std::int64_t times;
};

std::vector<Unnamed> read_unnamed(Store& store, const std::string& after) {
  std::vector<Unnamed> unnamed;
  const auto read = store.read([&](Transaction& tx) -> Result<Value> {
    for (const auto& row :
         tx.query("SELECT blob, times FROM s3_unnamed WHERE blob > ? ORDER BY blob LIMIT ?", after, unnamed_a_step))
      unnamed.push_back({row[0].string(), row[1].integer()});
    return Value();
  });
  if (!read) throw std::runtime_error(read.error().message);
  return unnamed;
}

// False when some are held: they stay in the table.
bool erase_all_unnamed(KernelServices& kernel) {
  const auto used = [&](const std::string& blob) { return is_used(kernel.store, blob); };
  bool all = true;
  std::string after;
  for (auto step = read_unnamed(kernel.store, after); !step.empty(); step = read_unnamed(kernel.store, after)) {
    after = step.back().blob;
    const auto looked_at = std::partition(
        step.begin(), step.end(), [&](const Unnamed& one) { return kernel.blobs.erase_unused(one.blob, used); });
    all = all && looked_at == step.end();
    const auto forgotten = kernel.store.write([&](Transaction& tx) -> Result<Value> {
      for (auto one = step.begin(); one != looked_at; ++one)
        tx.query("DELETE FROM s3_unnamed WHERE blob = ? AND times = ?", one->blob, one->times);
      return Value();
    });
    if (!forgotten) throw std::runtime_error(forgotten.error().message);
  }
  return all;
}

}  // namespace

Result<Received> receive_body(Call& call, std::string_view algorithm) {
  const auto claims = claims_of(call.input);
  if (!claims) return claims.error();
  const auto* claimed = find_algorithm(claims->checksum.algorithm);
  const auto* kept = algorithm.empty() ? claimed : find_algorithm(algorithm);
  Receiver receiver(call.kernel, kept ? *kept : default_algorithm(), claimed);
  if (call.body) {
    if (auto read = read_all(*call.body, receiver); !read) return read.error();
  } else if (const auto& body = call.input["Body"]; body.is_string()) {
    if (body.string().size() > inside_bytes_max) return too_large(body.string().size(), inside_bytes_max);
    receiver.add(body.string());
  }
  auto& received = receiver.digested();
  if (auto checked = check(*claims, received); !checked) return checked.error();
  received.claimed.algorithm = claims->checksum.algorithm;
  if (auto trailing = call.body ? trailing_checksum(*call.body) : Checksum(); !trailing.value.empty()) {
    received.claimed = trailing;
    if (algorithm.empty()) received.checksum = std::move(trailing);
  }
  return receiver.stored();
}

Result<Value> write_received(Call& call, Received& received, const Store::Body& body) {
  auto result = call.kernel.store.write(body);
  received.writer.reset();
  if (!result && !received.blob.empty()) erase_unused(call.kernel, {received.blob});
  return result;
}

void insert_content(const Change& change, std::int64_t content, const Received& received) {
  if (received.size > 0) insert_segments(change, content, {{0, received.size, received.blob, 0, received.bytes}});
}

void insert_segments(const Change& change, std::int64_t content, const std::vector<Segment>& segments) {
  for (const auto& segment : segments) {
    const bool in_blob = !segment.blob.empty();
    change.tx.query(
        "INSERT INTO s3_segment (account, bucket, content, start, size, blob, blob_start, bytes) VALUES (?, ?, ?, ?, "
        "?, ?, ?, ?)",
        change.bucket.account, change.bucket.number, content, segment.start - segments.front().start, segment.size,
        in_blob ? Parameter(segment.blob) : Parameter(nullptr), segment.blob_start,
        in_blob ? Parameter(nullptr) : Parameter(Blob{segment.bytes}));
  }
}

void remove_content(const Change& change, std::int64_t content) {
  std::set<std::string> blobs;
  for (const auto& row :
       change.tx.query("DELETE FROM s3_segment WHERE account = ? AND bucket = ? AND content = ? RETURNING blob",
                       change.bucket.account, change.bucket.number, content))
    if (row[0].is_string()) blobs.insert(row[0].string());
  for (const auto& blob : blobs)
    change.tx.query(
        "INSERT INTO s3_unnamed (blob, times) VALUES (?, 1) ON CONFLICT (blob) DO UPDATE SET times = s3_unnamed.times "
        "+ "
        "1",
        blob);
  if (!blobs.empty()) change.tx.schedule(change.now, erase_task, Map{}, "now");
}

std::vector<Segment> read_segments(Transaction& tx, const Bucket& bucket, std::int64_t content, Span span) {
  std::vector<Segment> segments;
  if (span.size == 0) return segments;
  const auto end = span.first + span.size;
  // The first is the last one that begins at or before the span.
  const auto begin = tx.query(
      "SELECT start FROM s3_segment WHERE account = ? AND bucket = ? AND content = ? AND start <= ? ORDER BY start "
      "DESC LIMIT 1",
      bucket.account, bucket.number, content, span.first);
  if (begin.empty()) throw std::runtime_error("an object's content has no beginning");
  tx.each(
      "SELECT start, size, blob, blob_start, bytes FROM s3_segment WHERE account = ? AND bucket = ? AND content = ? "
      "AND start >= ? AND start < ? ORDER BY start",
      {bucket.account, bucket.number, content, begin.front()[0], end}, [&](const Row& row) {
        Segment segment{static_cast<std::uint64_t>(row[0].integer()), static_cast<std::uint64_t>(row[1].integer()),
                        row[2].string_or(""), static_cast<std::uint64_t>(row[3].integer()), row[4].string_or("")};
        const auto first = std::max(segment.start, span.first), last = std::min(segment.start + segment.size, end);
        const auto skipped = first - segment.start;
        if (segment.blob.empty()) segment.bytes = segment.bytes.substr(skipped, last - first);
        segment.blob_start += skipped;
        segment.start = first;
        segment.size = last - first;
        segments.push_back(std::move(segment));
        return true;
      });
  return segments;
}

std::unique_ptr<ContentReader> ContentReader::open(BlobStore& blobs, std::vector<Segment> segments) {
  std::unique_ptr<ContentReader> reader(new ContentReader(blobs, std::move(segments)));
  std::vector<std::string> ids;
  for (const auto& segment : reader->segments_) {
    reader->size_ += segment.size;
    if (!segment.blob.empty()) ids.push_back(segment.blob);
  }
  if (ids.empty()) return reader;
  reader->hold_ = blobs.hold(ids);
  for (const auto& id : ids)
    if (!blobs.contains(id)) return nullptr;
  return reader;
}

std::string ContentReader::next(std::size_t bytes_max) {
  if (at_ == segments_.size()) return {};
  auto& segment = segments_[at_];
  std::string bytes;
  if (segment.blob.empty()) {
    bytes = std::move(segment.bytes);
    offset_ += bytes.size();
  } else {
    const auto wanted = std::min<std::uint64_t>(bytes_max, segment.size - offset_);
    bytes = blobs_->read(segment.blob, segment.blob_start + offset_, static_cast<std::size_t>(wanted));
    offset_ += bytes.size();
    if (bytes.size() != wanted) throw std::runtime_error("the blob " + segment.blob + " is too short");
  }
  if (offset_ == segment.size) {
    ++at_;
    offset_ = 0;
  }
  return bytes;
}

std::string ContentReader::all() {
  std::string bytes;
  bytes.reserve(static_cast<std::size_t>(size_));
  while (bytes.size() < size_) bytes += next(piece_bytes);
  return bytes;
}

Result<Done> erase_unnamed(TaskRun& run) {
  if (erase_all_unnamed(run.kernel)) return done;
  const auto later = run.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    tx.schedule(Time{run.kernel.clock.now().ms + held_retry_ms}, erase_task, Map{}, "later");
    return Value();
  });
  if (!later) return later.error();
  return done;
}

void settle_blobs(KernelServices& kernel) {
  kernel.blobs.settle([&](const std::string& blob) { return is_used(kernel.store, blob); });
}

std::vector<std::string> blobs_of(KernelServices& kernel, std::string_view account) {
  std::vector<std::string> blobs;
  if (!any_blobs(kernel.blobs)) return blobs;
  const auto read = kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto add = [&](const Row& row) {
      blobs.push_back(row[0].string());
      return true;
    };
    if (account.empty()) {
      tx.each("SELECT DISTINCT blob FROM s3_segment WHERE blob IS NOT NULL", {}, add);
      tx.each("SELECT blob FROM s3_unnamed", {}, add);
    } else {
      tx.each("SELECT DISTINCT blob FROM s3_segment WHERE account = ? AND blob IS NOT NULL", {account}, add);
    }
    return Value();
  });
  if (!read) throw std::runtime_error(read.error().message);
  return blobs;
}

void erase_unused(KernelServices& kernel, const std::vector<std::string>& blobs) {
  const auto used = [&](const std::string& blob) { return is_used(kernel.store, blob); };
  for (const auto& blob : blobs) kernel.blobs.erase_unused(blob, used);
}

}  // namespace moonbase::s3
