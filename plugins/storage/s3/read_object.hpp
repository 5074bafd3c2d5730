// Looking at objects, and taking them away: what several operations share.
#pragma once

#include <memory>
#include <moonbase/call.hpp>

#include "content.hpp"
#include "object.hpp"

namespace moonbase::s3 {

// What GetObject and HeadObject answer.
struct Found {
  Value output;
  bool is_part = false;       // Of a range or a part: status 206.
  bool not_modified = false;  // Status 304, with nothing but headers.
  std::unique_ptr<ContentReader> content;
};
// By bucket, key, version, conditions, range and part number of the call. Errors NoSuchKey, NoSuchVersion,
// MethodNotAllowed, InvalidObjectState, PreconditionFailed, InvalidRange, InvalidPartNumber.
Result<Found> read_object(Call& call, bool with_content);
// The answer 304; to a Call from inside it is an Error.
Result<Value> not_modified(Call& call, Found& found);

// The version that a request means, or the newest; never a delete marker. Says in the response's headers when one is
// in the way.
Result<Object> wanted_version(Transaction& tx, const Call& call, const Bucket& bucket, const std::string& key,
                              const Value& version_id);
// Error InvalidArgument for what cannot be a version's id.
Result<Done> check_version_id(const Value& version_id);

// One deletion, of DeleteObject or DeleteObjects: of a version, or of the newest, whose place a delete marker takes
// where the bucket keeps versions. Answers VersionId and DeleteMarker.
struct Deletion {
  const std::string& key;
  const Value& version_id;
  const Value& if_match;
};
Result<Value> delete_one(const Change& change, const Deletion& deletion);

}  // namespace moonbase::s3
