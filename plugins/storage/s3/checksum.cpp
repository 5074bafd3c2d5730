#include "checksum.hpp"

#include <algorithm>

#include "errors.hpp"
#include "upload.hpp"

namespace moonbase::s3 {
namespace {

// The CRC of two texts one after the other, of the CRC of each: the first is moved over as many zero bytes as the
// second is long, by squaring the matrix that moves it over one zero bit (zlib's crc32_combine, for any polynomial).
class CrcJoiner {
 public:
  // The polynomial reflected, as it is computed with.
  CrcJoiner(std::uint64_t polynomial, int bits) {
    one_zero_bit_.resize(static_cast<std::size_t>(bits));
    one_zero_bit_[0] = polynomial;
    for (int bit = 1; bit < bits; ++bit) one_zero_bit_[static_cast<std::size_t>(bit)] = std::uint64_t{1} << (bit - 1);
  }

  std::uint64_t join(std::uint64_t first, std::uint64_t second, std::uint64_t second_bytes) {
    return times(zeros(second_bytes), first) ^ second;
  }

 private:
  using Matrix = std::vector<std::uint64_t>;
  static std::uint64_t times(const Matrix& matrix, std::uint64_t vector) {
    std::uint64_t sum = 0;
    for (std::size_t bit = 0; vector != 0; vector >>= 1, ++bit)
      if ((vector & 1) != 0) sum ^= matrix[bit];
    return sum;
  }
  static Matrix product(const Matrix& left, const Matrix& right) {
    Matrix result(right.size());
    for (std::size_t bit = 0; bit < result.size(); ++bit) result[bit] = times(left, right[bit]);
    return result;
  }
  static Matrix squared(const Matrix& matrix) { return product(matrix, matrix); }

  // What moves over so many zero bytes. Parts are mostly of one size.
  const Matrix& zeros(std::uint64_t bytes) {
    if (bytes == zeros_bytes_ && !zeros_.empty()) return zeros_;
    zeros_bytes_ = bytes;
    zeros_.assign(one_zero_bit_.size(), 0);
    for (std::size_t bit = 0; bit < zeros_.size(); ++bit) zeros_[bit] = std::uint64_t{1} << bit;
    auto power = squared(squared(squared(one_zero_bit_)));
    for (; bytes != 0; bytes >>= 1) {
      if ((bytes & 1) != 0) zeros_ = product(power, zeros_);
      if (bytes > 1) power = squared(power);
    }
    return zeros_;
  }

  Matrix one_zero_bit_, zeros_;
  std::uint64_t zeros_bytes_ = 0;
};

std::uint64_t number_of(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

std::string bytes_of(std::uint64_t number, std::size_t count) {
  std::string bytes(count, '\0');
  for (std::size_t i = 0; i < count; ++i) bytes[count - 1 - i] = static_cast<char>(number >> (8 * i));
  return bytes;
}

std::optional<CrcJoiner> joiner_of(std::string_view algorithm) {
  if (algorithm == "CRC32") return CrcJoiner(0xedb88320, 32);
  if (algorithm == "CRC32C") return CrcJoiner(0x82f63b78, 32);
  if (algorithm == "CRC64NVME") return CrcJoiner(0x9a6c9329ac4bc9b5, 64);
  return std::nullopt;
}

std::string full_checksum(const Algorithm& algorithm, const std::vector<Part>& parts) {
  auto joiner = joiner_of(algorithm.name);
  std::uint64_t whole = 0;
  for (const auto& part : parts)
    whole = joiner->join(whole, number_of(from_base64(part.checksum).value_or("")), part.size);
  return base64(bytes_of(whole, algorithm.bytes));
}

std::string composite_checksum(const Algorithm& algorithm, const std::vector<Part>& parts) {
  const auto digest = make_digest(algorithm.digest);
  for (const auto& part : parts) digest->add(from_base64(part.checksum).value_or(""));
  return base64(digest->finish()) + "-" + std::to_string(parts.size());
}

}  // namespace

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

Result<std::string> multipart_type(const std::string& algorithm, const Value& asked) {
  const bool can_join = joiner_of(algorithm).has_value();
  const std::string own = algorithm == default_algorithm().name ? "FULL_OBJECT" : "COMPOSITE";
  const auto type = asked.string_or(own);
  if (type != "FULL_OBJECT" && type != "COMPOSITE")
    return invalid_request("Value for x-amz-checksum-type header is invalid.");
  const bool fits = type == "FULL_OBJECT" ? can_join : algorithm != default_algorithm().name;
  if (fits) return type;
  std::string name = algorithm;
  for (auto& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return invalid_request("The " + type + " checksum type cannot be used with the " + name + " checksum algorithm.");
}

std::string whole_checksum(const Checksum& kind, const std::vector<Part>& parts) {
  const auto* algorithm = find_algorithm(kind.algorithm);
  for (const auto& part : parts)
    if (part.checksum.empty()) return "";
  if (!algorithm) return "";
  return kind.type == "COMPOSITE" ? composite_checksum(*algorithm, parts) : full_checksum(*algorithm, parts);
}

void show_checksum(Value& output, const Checksum& checksum, bool with_type) {
  const auto* algorithm = find_algorithm(checksum.algorithm);
  if (!algorithm || checksum.value.empty()) return;
  output.set(std::string(algorithm->member), checksum.value);
  if (with_type) output.set("ChecksumType", checksum.type);
}

}  // namespace moonbase::s3
