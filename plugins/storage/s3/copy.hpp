// Copies: objects and parts made of other objects, without moving bytes.
#pragma once

#include <moonbase/call.hpp>
#include <optional>
#include <string>

#include "content.hpp"
#include "object.hpp"

namespace moonbase::s3 {

struct CopySource {
  std::string bucket, key;
  Value version_id;  // Null where the newest is meant.
};
// Of x-amz-copy-source: "bucket/key?versionId=…", encoded. Error InvalidArgument.
Result<CopySource> parse_copy_source(const std::string& header);

// What is to be copied, and what its copy's ETag and checksum are.
struct Copied {
  CopySource from;
  Bucket bucket;
  Object object;
  Span span;
  std::string md5;    // Raw.
  Checksum checksum;  // FULL_OBJECT.
};

// Looks at the source of a CopyObject or UploadPartCopy: whether the caller may, whether the conditions hold, which
// range. Reads its bytes only where nothing else tells their digests. An empty `algorithm` means the source's own.
Result<Copied> look_at_source(Call& call, std::string_view algorithm);
// The segments, if the source is still what it was; nothing if it is not: look at it again.
std::optional<std::vector<Segment>> segments_of_source(Transaction& tx, const Copied& copied);

}  // namespace moonbase::s3
