#include "dynamodb/number.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>
#include <vector>

using moonbase::dynamodb::Number;

namespace {

std::string normal(std::string_view text) {
  auto number = Number::parse(text);
  return number ? number->text() : "refused: " + number.error().message;
}
Number number(std::string_view text) { return *Number::parse(text); }

constexpr auto too_large =
    "refused: Number overflow. Attempting to store a number with magnitude larger than supported range";
constexpr auto too_small =
    "refused: Number underflow. Attempting to store a number with magnitude smaller than supported range";
constexpr auto too_precise = "refused: Attempting to store more than 38 significant digits in a Number";

}  // namespace

TEST_CASE("a number is answered without exponent and without needless zeros") {
  CHECK(normal("0") == "0");
  CHECK(normal("-0.000") == "0");
  CHECK(normal("0e500") == "0");
  CHECK(normal("007") == "7");
  CHECK(normal("1.50") == "1.5");
  CHECK(normal("+.5") == "0.5");
  CHECK(normal("5.") == "5");
  CHECK(normal("-12.5e1") == "-125");
  CHECK(normal("1E3") == "1000");
  CHECK(normal("1200") == "1200");
  CHECK(normal("1e-3") == "0.001");
  CHECK(normal("123.456e-2") == "1.23456");
  CHECK(normal("0.00012300") == "0.000123");
}

TEST_CASE("38 digits are exact, the 39th is refused") {
  const std::string digits = "12345678901234567890123456789012345678";
  CHECK(normal(digits) == digits);
  CHECK(normal("0." + digits) == "0." + digits);
  CHECK(normal(digits + "000") == digits + "000");
  CHECK(normal("000" + digits) == digits);
  CHECK(normal(digits + "9") == too_precise);
  CHECK(normal("-1.23456789012345678901234567890123456789") == too_precise);
}

TEST_CASE("a number may be as large as 9.9…e125 and as small as 1e-130") {
  const std::string nines(38, '9');
  CHECK(normal("9." + nines.substr(1) + "e125") == nines + std::string(88, '0'));
  CHECK(normal("1e126") == too_large);
  CHECK(normal("-1e126") == too_large);
  CHECK(normal("1e-130") == "0." + std::string(129, '0') + "1");
  CHECK(normal("1e-131") == too_small);
  CHECK(normal("-1e-131") == too_small);
  CHECK(normal("1e99999999999999999999999") == too_large);
  CHECK(normal("1e-99999999999999999999999") == too_small);
  CHECK(normal("0." + std::string(1000, '0') + "1e1000") == "0.1");
}

TEST_CASE("what is no number is refused by name") {
  CHECK(normal("") == "refused: The parameter cannot be converted to a numeric value");
  for (const std::string text :
       {"b", "1a", "--1", "1e", "1e+", ".", "-", " 1", "1 ", "0x1", "NaN", "Infinity", "1.2.3"})
    CHECK(normal(text) == "refused: The parameter cannot be converted to a numeric value: " + text);
}

TEST_CASE("key bytes order numbers as numbers and can be read back") {
  const std::vector<std::string> ascending = {
      "-9.9e125", "-1e125", "-1000",   "-999.9", "-12.00001", "-12", "-11",   "-1.2", "-1",    "-0.5",
      "-1e-130",  "0",      "1e-130",  "0.05",   "0.5",       "1",   "1.001", "1.2",  "9",     "10",
      "11",       "12",     "12.0001", "99",     "100",       "101", "999",   "1e30", "1e125", "9.9e125"};
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    const auto one = number(ascending[i]);
    CHECK(Number::from_key_bytes(one.key_bytes()) == one);
    CHECK(one.key_bytes().size() <= 22);
    for (std::size_t j = 0; j < ascending.size(); ++j) {
      const auto other = number(ascending[j]);
      INFO(ascending[i] << " and " << ascending[j]);
      CHECK((one.key_bytes() < other.key_bytes()) == (i < j));
      CHECK((one < other) == (i < j));
      CHECK((one == other) == (i == j));
    }
  }
}

TEST_CASE("addition and subtraction are exact, or refused") {
  const auto sum = [](std::string_view a, std::string_view b) {
    auto result = add(number(a), number(b));
    return result ? result->text() : "refused: " + result.error().message;
  };
  const auto difference = [](std::string_view a, std::string_view b) { return subtract(number(a), number(b))->text(); };
  CHECK(sum("0.1", "0.2") == "0.3");
  CHECK(sum("999", "1") == "1000");
  CHECK(sum("-5", "5") == "0");
  CHECK(sum("5", "-7") == "-2");
  CHECK(sum("0", "42") == "42");
  CHECK(sum("99999999999999999999999999999999999999", "1") == "100000000000000000000000000000000000000");
  CHECK(sum("1e37", "0.1") == too_precise);
  CHECK(sum("1e125", "1e-130") == too_precise);
  CHECK(sum("9e125", "1e125") == too_large);
  CHECK(difference("10", "0.01") == "9.99");
  CHECK(difference("3", "10") == "-7");
  CHECK(difference("-3", "-3") == "0");
  CHECK(difference("0", "1.5") == "-1.5");
}

TEST_CASE("integers become numbers") {
  CHECK(Number(0).text() == "0");
  CHECK(Number(1200).text() == "1200");
  CHECK(Number(-7).text() == "-7");
  CHECK(Number(std::numeric_limits<std::int64_t>::min()).text() == "-9223372036854775808");
  CHECK(Number(1200) == number("1200"));
}

TEST_CASE("a number's size is one byte for two digits and one more, two more below zero") {
  CHECK(number("0").size_bytes() == 1);
  CHECK(number("1").size_bytes() == 2);
  CHECK(number("-1").size_bytes() == 3);
  CHECK(number("12").size_bytes() == 2);
  CHECK(number("123").size_bytes() == 3);
  CHECK(number("12345678901234567890123456789012345678").size_bytes() == 20);
}
