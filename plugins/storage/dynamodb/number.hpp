// Number: DynamoDB's N. A decimal of at most 38 significant digits, exact, from 1E-130 to
// 9.99…E+125 in magnitude. A plain value without I/O; any thread may use one.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <moonbase/result.hpp>
#include <string>
#include <string_view>

namespace moonbase::dynamodb {

class Number {
 public:
  static constexpr int digits_max = 38;
  static constexpr int exponent_min = -130;
  static constexpr int exponent_max = 125;

  Number() = default;  // Zero.
  Number(std::int64_t integer);

  // Reads what Java's BigDecimal reads ("-1.50", "+.5", "1e3"): that is what DynamoDB takes. The
  // Error has DynamoDB's own text.
  static Result<Number> parse(std::string_view text);

  // Normalised as DynamoDB answers it: no exponent, no leading or trailing zeros ("0.001", "1200").
  std::string text() const;

  // Bytes that compare (memcmp, shorter first) as the numbers do. At most 22.
  std::string key_bytes() const;
  // The inverse. Zero for bytes that key_bytes() did not make.
  static Number from_key_bytes(std::string_view bytes);

  // What DynamoDB counts for it in an item's size.
  std::size_t size_bytes() const;

  bool is_zero() const { return count_ == 0; }

  // Exact. An Error where the result is out of range or needs more than 38 digits.
  friend Result<Number> add(const Number& a, const Number& b);
  friend Result<Number> subtract(const Number& a, const Number& b);

  friend std::strong_ordering operator<=>(const Number& a, const Number& b);
  friend bool operator==(const Number& a, const Number& b) { return (a <=> b) == std::strong_ordering::equal; }

 private:
  Number negated() const;

  // value = ± d0.d1d2… × 10^exponent, d0 and the last digit not zero; count 0 is zero.
  std::array<std::uint8_t, digits_max> digits_{};
  std::uint8_t count_ = 0;
  bool negative_ = false;
  std::int16_t exponent_ = 0;
};

Result<Number> add(const Number& a, const Number& b);
Result<Number> subtract(const Number& a, const Number& b);

}  // namespace moonbase::dynamodb
