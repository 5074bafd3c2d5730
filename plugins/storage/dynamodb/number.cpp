#include "number.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "errors.hpp"

namespace moonbase::dynamodb {
namespace {

Error not_a_number(std::string_view text) {
  std::string message = "The parameter cannot be converted to a numeric value";
  if (!text.empty()) message += ": " + std::string(text);
  return validation(std::move(message));
}
Error overflow() {
  return validation("Number overflow. Attempting to store a number with magnitude larger than supported range");
}
Error underflow() {
  return validation("Number underflow. Attempting to store a number with magnitude smaller than supported range");
}
Error too_precise() { return validation("Attempting to store more than 38 significant digits in a Number"); }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Beyond any exponent that could matter, also for a mantissa of a megabyte.
constexpr std::int64_t exponent_cap = 1'000'000'000;

constexpr unsigned char sign_negative = 0x40, sign_zero = 0x80, sign_positive = 0xC0, negative_end = 0xFF;

}  // namespace

Number::Number(std::int64_t integer) {
  // The magnitude of the smallest int64 has no positive twin.
  std::uint64_t magnitude =
      integer < 0 ? ~static_cast<std::uint64_t>(integer) + 1 : static_cast<std::uint64_t>(integer);
  if (magnitude == 0) return;
  negative_ = integer < 0;
  std::uint8_t reversed[20];
  int length = 0;
  for (; magnitude > 0; magnitude /= 10) reversed[length++] = static_cast<std::uint8_t>(magnitude % 10);
  exponent_ = static_cast<std::int16_t>(length - 1);
  int last = 0;
  while (reversed[last] == 0) ++last;
  for (int i = length - 1; i >= last; --i) digits_[count_++] = reversed[i];
}

Result<Number> Number::parse(std::string_view text) {
  if (text.empty()) return not_a_number(text);
  std::size_t at = 0;
  Number number;
  bool negative = false;
  if (text[at] == '+' || text[at] == '-') negative = text[at++] == '-';

  // One pass: `position` is the power of ten of the digit at hand, counted from the first significant one.
  std::int64_t significant = 0;   // Digits since the first that is not zero.
  std::int64_t last_nonzero = 0;  // How many of them up to the last that is not zero.
  std::int64_t before_point = 0;  // Digits of the integer part since the first that is not zero.
  std::int64_t zeros_behind_point = 0;
  bool any = false, point = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '.') {
      if (point) return not_a_number(text);
      point = true;
      continue;
    }
    if (!is_digit(c)) break;
    any = true;
    const auto digit = static_cast<std::uint8_t>(c - '0');
    if (significant == 0 && digit == 0) {
      if (point) ++zeros_behind_point;
      continue;
    }
    if (significant < digits_max) number.digits_[static_cast<std::size_t>(significant)] = digit;
    ++significant;
    if (digit != 0) last_nonzero = significant;
    if (!point) ++before_point;
  }
  if (!any) return not_a_number(text);

  std::int64_t exponent = 0;
  if (at < text.size()) {
    if (text[at] != 'e' && text[at] != 'E') return not_a_number(text);
    ++at;
    bool negative_exponent = false;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) negative_exponent = text[at++] == '-';
    if (at == text.size()) return not_a_number(text);
    for (; at < text.size(); ++at) {
      if (!is_digit(text[at])) return not_a_number(text);
      exponent = std::min(exponent * 10 + (text[at] - '0'), exponent_cap);
    }
    if (negative_exponent) exponent = -exponent;
  }
  if (significant == 0) return Number();

  exponent += before_point > 0 ? before_point - 1 : -zeros_behind_point - 1;
  if (exponent > exponent_max) return overflow();
  if (exponent < exponent_min) return underflow();
  if (last_nonzero > digits_max) return too_precise();
  number.count_ = static_cast<std::uint8_t>(last_nonzero);
  std::fill(number.digits_.begin() + last_nonzero, number.digits_.end(), std::uint8_t{0});
  number.negative_ = negative;
  number.exponent_ = static_cast<std::int16_t>(exponent);
  return number;
}

std::string Number::text() const {
  if (count_ == 0) return "0";
  std::string out;
  out.reserve(static_cast<std::size_t>(std::abs(exponent_)) + count_ + 4);
  if (negative_) out += '-';
  if (exponent_ < 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-exponent_ - 1), '0');
  }
  for (int i = 0; i < count_; ++i) {
    if (exponent_ >= 0 && i == exponent_ + 1) out += '.';
    out += static_cast<char>('0' + digits_[static_cast<std::size_t>(i)]);
  }
  if (exponent_ >= count_) out.append(static_cast<std::size_t>(exponent_ + 1 - count_), '0');
  return out;
}

std::string Number::key_bytes() const {
  if (count_ == 0) return std::string(1, static_cast<char>(sign_zero));
  std::string out;
  out.reserve(3 + (count_ + 1) / 2);
  const auto exponent = static_cast<unsigned char>(exponent_ - exponent_min);
  out += static_cast<char>(negative_ ? sign_negative : sign_positive);
  out += static_cast<char>(negative_ ? 255 - exponent : exponent);
  for (std::size_t i = 0; i < count_; i += 2) {
    const int pair = digits_[i] * 10 + (i + 1 < count_ ? digits_[i + 1] : 0) + 1;  // 1…100: never the end mark.
    out += static_cast<char>(negative_ ? 101 - pair : pair);
  }
  // A longer magnitude continues with a byte below this mark, so it sorts first: it is more negative.
  if (negative_) out += static_cast<char>(negative_end);
  return out;
}

Number Number::from_key_bytes(std::string_view bytes) {
  Number number;
  if (bytes.size() < 3) return number;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  number.negative_ = byte(0) == sign_negative;
  number.exponent_ = static_cast<std::int16_t>((number.negative_ ? 255 - byte(1) : byte(1)) + exponent_min);
  for (std::size_t i = 2; i < bytes.size() && byte(i) != negative_end && number.count_ < digits_max; ++i) {
    const int pair = (number.negative_ ? 101 - byte(i) : byte(i)) - 1;
    number.digits_[number.count_++] = static_cast<std::uint8_t>(pair / 10);
    number.digits_[number.count_++] = static_cast<std::uint8_t>(pair % 10);
  }
  while (number.count_ > 0 && number.digits_[number.count_ - 1u] == 0) --number.count_;
  return number;
}

std::size_t Number::size_bytes() const {
  if (count_ == 0) return 1;
  // Two digits a byte, paired from the decimal point, one byte for the exponent, one to end a negative.
  const bool odd_start = ((exponent_ + 1) & 1) != 0;
  return (count_ + (odd_start ? 1u : 0u) + 1u) / 2u + 1u + (negative_ ? 1u : 0u);
}

std::strong_ordering operator<=>(const Number& a, const Number& b) {
  if (a.count_ == 0 || b.count_ == 0 || a.negative_ != b.negative_) {
    const auto sign = [](const Number& n) { return n.count_ == 0 ? 0 : n.negative_ ? -1 : 1; };
    return sign(a) <=> sign(b);
  }
  auto magnitude = a.exponent_ <=> b.exponent_;
  // Unused digits are zero, so all 38 may be compared.
  if (magnitude == 0) magnitude = std::memcmp(a.digits_.data(), b.digits_.data(), Number::digits_max) <=> 0;
  return a.negative_ ? 0 <=> magnitude : magnitude;
}

Number Number::negated() const {
  Number number = *this;
  if (count_ != 0) number.negative_ = !negative_;
  return number;
}

Result<Number> add(const Number& a, const Number& b) {
  if (a.count_ == 0) return b;
  if (b.count_ == 0) return a;
  const bool a_larger = [&] {
    if (a.exponent_ != b.exponent_) return a.exponent_ > b.exponent_;
    return std::memcmp(a.digits_.data(), b.digits_.data(), Number::digits_max) >= 0;
  }();
  const Number& large = a_larger ? a : b;
  const Number& small = a_larger ? b : a;

  // Powers of ten from `lowest` to `highest` (one above the larger, for the carry).
  const int lowest = std::min(a.exponent_ - (a.count_ - 1), b.exponent_ - (b.count_ - 1));
  const int highest = large.exponent_ + 1;
  std::vector<int> sum(static_cast<std::size_t>(highest - lowest + 1), 0);  // Index 0 is the lowest power.
  const auto add_digits = [&](const Number& number, int sign) {
    for (int i = 0; i < number.count_; ++i)
      sum[static_cast<std::size_t>(number.exponent_ - i - lowest)] +=
          sign * number.digits_[static_cast<std::size_t>(i)];
  };
  add_digits(large, 1);
  add_digits(small, large.negative_ == small.negative_ ? 1 : -1);
  for (std::size_t i = 0; i + 1 < sum.size(); ++i) {
    if (sum[i] >= 10) sum[i] -= 10, ++sum[i + 1];
    if (sum[i] < 0) sum[i] += 10, --sum[i + 1];
  }

  std::size_t top = sum.size();
  while (top > 0 && sum[top - 1] == 0) --top;
  if (top == 0) return Number();
  std::size_t bottom = 0;
  while (sum[bottom] == 0) ++bottom;

  Number result;
  const int exponent = lowest + static_cast<int>(top) - 1;
  if (exponent > Number::exponent_max) return overflow();
  if (exponent < Number::exponent_min) return underflow();
  if (top - bottom > Number::digits_max) return too_precise();
  result.negative_ = large.negative_;
  result.exponent_ = static_cast<std::int16_t>(exponent);
  for (std::size_t i = top; i > bottom; --i) result.digits_[result.count_++] = static_cast<std::uint8_t>(sum[i - 1]);
  return result;
}

Result<Number> subtract(const Number& a, const Number& b) { return add(a, b.negated()); }

}  // namespace moonbase::dynamodb
