// The checksums that S3 computes of objects.
#pragma once

#include <memory>
#include <moonbase/hash.hpp>
#include <moonbase/result.hpp>
#include <moonbase/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "object.hpp"

namespace moonbase::s3 {

struct Algorithm {
  std::string_view name;    // "CRC32", as x-amz-checksum-algorithm has it.
  std::string_view member;  // "ChecksumCRC32", as shapes have it.
  std::string_view digest;  // "crc32", for make_digest, and behind "x-amz-checksum-". Empty: not built.
  std::size_t bytes;
};

// Null for other names.
const Algorithm* find_algorithm(std::string_view name);
// What AWS computes where the client has asked for none.
const Algorithm& default_algorithm();
const std::vector<Algorithm>& all_algorithms();

// The one checksum that a request's members carry, or its algorithm alone (value empty). Errors InvalidRequest and,
// for those that are not built, NotImplemented.
Result<Checksum> asked_checksum(const Value& input, std::string_view algorithm_member = "ChecksumAlgorithm");

// COMPOSITE or FULL_OBJECT of an upload in parts: what was asked for, or the algorithm's own. Error InvalidRequest.
Result<std::string> multipart_type(const std::string& algorithm, const Value& asked);
// Of an object that was uploaded in parts, of the parts' checksums. Empty where one has none.
struct Part;
std::string whole_checksum(const Checksum& kind, const std::vector<Part>& parts);

// Sets "ChecksumCRC32" and, if asked, ChecksumType.
void show_checksum(Value& output, const Checksum& checksum, bool with_type = true);

}  // namespace moonbase::s3
