#include <catch2/catch.hpp>
#include <cmath>
#include <moonbase/cbor.hpp>
#include <moonbase/hash.hpp>

using namespace moonbase;

namespace {
Result<Value> parsed(std::string_view digits) { return parse_cbor(*from_hex(digits)); }
}  // namespace

TEST_CASE("the examples of RFC 8949 become Values") {
  CHECK(parsed("00")->integer() == 0);
  CHECK(parsed("1903e8")->integer() == 1000);
  CHECK(parsed("1b7fffffffffffffff")->integer() == 9223372036854775807);
  CHECK(parsed("3903e7")->integer() == -1000);
  CHECK(parsed("f93c00")->number() == 1.0);
  CHECK(parsed("f90001")->number() == 5.960464477539063e-8);
  CHECK(parsed("f9c400")->number() == -4.0);
  CHECK(std::isinf(parsed("f97c00")->number()));
  CHECK(parsed("fa47c35000")->number() == 100000.0);
  CHECK(parsed("fb3ff199999999999a")->number() == 1.1);
  CHECK(parsed("f5")->boolean());
  CHECK(parsed("f6")->is_null());
  CHECK(parsed("4401020304")->string() == "\x01\x02\x03\x04");
  CHECK(parsed("6449455446")->string() == "IETF");
  CHECK(parsed("8301820203820405")->list()[2].list()[1].integer() == 5);
  CHECK((*parsed("a26161016162820203"))["b"][1].integer() == 3);
  CHECK(parsed("7f657374726561646d696e67ff")->string() == "streaming");
  CHECK(parsed("9f018202039f0405ffff")->list()[2].list()[0].integer() == 4);
  CHECK((*parsed("bf61610161629f0203ffff"))["b"][0].integer() == 2);
  CHECK(parsed("c11a514b67b0")->integer() == 1363896240000);
  CHECK(parsed("c1fb41d452d9ec200000")->integer() == 1363896240500);
}

TEST_CASE("CBOR that is broken or outside the subset is refused") {
  for (const char* digits : {"",
                             "18",
                             "1b8000000000000000",
                             "3bffffffffffffffff",
                             "61",
                             "61ff",
                             "5a7fffffff00",
                             "9b00000000ffffffff",
                             "bb00000000ffffffff",
                             "a10101",
                             "ff",
                             "9f01",
                             "1f",
                             "1c",
                             "f7",
                             "f820",
                             "c249010000000000000000",
                             "c06161",
                             "c16161",
                             "c1fb7ff0000000000000",
                             "0000",
                             "5f6161ff",
                             "7f7f6161ffff",
                             "df01"}) {
    INFO(digits);
    const auto value = parsed(digits);
    REQUIRE_FALSE(value);
    CHECK(value.error().code == "SerializationException");
  }
}

TEST_CASE("CBOR nests as deeply as the limit says and no deeper") {
  const auto nested = [](std::size_t depth) { return std::string(depth, '\x81') + '\x01'; };
  CHECK(parse_cbor(nested(100)));
  CHECK_FALSE(parse_cbor(nested(101)));
  CHECK_FALSE(parse_cbor(nested(1'000'000)));
  CHECK_FALSE(parse_cbor(std::string(1'000'000, '\xc1')));
}

TEST_CASE("what the building blocks write is read back") {
  std::string out;
  append_cbor_map(out, 7);
  append_cbor_text(out, "text");
  append_cbor_text(out, "é");
  append_cbor_text(out, "bytes");
  append_cbor_bytes(out, std::string(300, '\xff'));
  append_cbor_text(out, "integer");
  append_cbor_integer(out, -123456789012);
  append_cbor_text(out, "number");
  append_cbor_number(out, 0.1);
  append_cbor_text(out, "boolean");
  append_cbor_boolean(out, false);
  append_cbor_text(out, "null");
  append_cbor_null(out);
  append_cbor_text(out, "time");
  append_cbor_timestamp(out, 1363896240500);
  const auto value = parse_cbor(out);
  REQUIRE(value);
  CHECK((*value)["text"].string() == "é");
  CHECK((*value)["bytes"].string() == std::string(300, '\xff'));
  CHECK((*value)["integer"].integer() == -123456789012);
  CHECK((*value)["number"].number() == 0.1);
  CHECK_FALSE((*value)["boolean"].boolean());
  CHECK((*value)["null"].is_null());
  CHECK((*value)["time"].integer() == 1363896240500);
  std::string list;
  append_cbor_list(list, 0);
  CHECK(hex(list) == "80");
}
