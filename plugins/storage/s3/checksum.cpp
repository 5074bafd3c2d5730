#include "checksum.hpp"

#include <algorithm>

#include "errors.hpp"

namespace moonbase::s3 {

const std::vector<Algorithm>& all_algorithms() {
  static const std::vector<Algorithm> all = {{"CRC64NVME", "ChecksumCRC64NVME", "crc64nvme", 8},
                                             {"CRC32", "ChecksumCRC32", "crc32", 4},
                                             {"CRC32C", "ChecksumCRC32C", "crc32c", 4},
                                             {"SHA1", "ChecksumSHA1", "sha1", 20},
                                             {"SHA256", "ChecksumSHA256", "sha256", 32},
                                             {"SHA512", "ChecksumSHA512", "sha512", 64},
                                             {"MD5", "ChecksumMD5", "md5", 16},
                                             {"XXHASH64", "ChecksumXXHASH64", "", 8},
                                             {"XXHASH3", "ChecksumXXHASH3", "", 8},
                                             {"XXHASH128", "ChecksumXXHASH128", "", 16}};
  return all;
}

const Algorithm* find_algorithm(std::string_view name) {
  const auto& all = all_algorithms();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Algorithm& one) { return one.name == name; });
  return found == all.end() ? nullptr : &*found;
}

const Algorithm& default_algorithm() { return all_algorithms().front(); }

Result<Checksum> asked_checksum(const Value& input, std::string_view algorithm_member) {
  Checksum asked;
  for (const auto& one : all_algorithms()) {
    const auto& value = input[one.member];
    if (value.is_null()) continue;
    if (!asked.value.empty()) return invalid_request("Expecting a single x-amz-checksum- header");
    const auto bytes = from_base64(value.string());
    if (!bytes || bytes->size() != one.bytes)
      return invalid_request("Value for x-amz-checksum-" +
                             (one.digest.empty() ? std::string(one.name) : std::string(one.digest)) +
                             " header is invalid.");
    asked.algorithm = one.name;
    asked.value = value.string();
  }
  const auto& named = input[algorithm_member];
  if (asked.algorithm.empty() && named.is_string()) asked.algorithm = named.string();
  if (asked.algorithm.empty()) return asked;
  const auto* known = find_algorithm(asked.algorithm);
  if (!known)
    return invalid_request(
        "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
        "[CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
  if (known->digest.empty()) return not_implemented("s3 checksums of the algorithm " + asked.algorithm);
  return asked;
}

void show_checksum(Value& output, const Checksum& checksum, bool with_type) {
  const auto* algorithm = find_algorithm(checksum.algorithm);
  if (!algorithm || checksum.value.empty()) return;
  output.set(std::string(algorithm->member), checksum.value);
  if (with_type) output.set("ChecksumType", checksum.type);
}

}  // namespace moonbase::s3
