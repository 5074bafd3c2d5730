#include <catch2/catch.hpp>
#include <moonbase/hash.hpp>

using namespace moonbase;

TEST_CASE("digests have their published values") {
  CHECK(md5_hex("") == "d41d8cd98f00b204e9800998ecf8427e");
  CHECK(md5_hex("abc") == "900150983cd24fb0d6963f7d28e17f72");
  CHECK(hex(sha1("abc")) == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(hex(hmac_sha256("", "")) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_CASE("checksums have their published values, in one piece and in several") {
  constexpr std::string_view text = "123456789";
  CHECK(crc32(text) == 0xcbf43926);
  CHECK(crc32c(text) == 0xe3069283);
  CHECK(crc64_nvme(text) == 0xae8b14860a799888);
  CHECK(crc32(text.substr(4), crc32(text.substr(0, 4))) == 0xcbf43926);
  CHECK(crc32c(text.substr(4), crc32c(text.substr(0, 4))) == 0xe3069283);
  CHECK(crc64_nvme(text.substr(4), crc64_nvme(text.substr(0, 4))) == 0xae8b14860a799888);
  CHECK(crc32("") == 0);
}

TEST_CASE("base64 and hex are read strictly") {
  for (const char* bytes : {"", "f", "fo", "foo", "foob", "fooba", "foobar", "\xff\xfe\xfd"}) {
    CHECK(from_base64(base64(bytes)) == bytes);
    CHECK(from_base64_url(base64_url(bytes)) == bytes);
    CHECK(from_hex(hex(bytes)) == bytes);
  }
  CHECK(base64("fooba") == "Zm9vYmE=");
  CHECK(base64_url("\xff\xfe") == "__4");
  for (const char* text : {"Z", "Zg", "Zg=", "Zm9v=", "Zh==", "Zg==Zg==", "Z g=", "Zm9v\n", "====", "__4="})
    CHECK_FALSE(from_base64(text));
  CHECK_FALSE(from_base64_url("Zg=="));
  CHECK_FALSE(from_hex("abc"));
  CHECK_FALSE(from_hex("zz"));
  CHECK(from_hex("AbcD") == "\xab\xcd");
}

TEST_CASE("the constant-time comparison compares") {
  CHECK(equal_in_constant_time("abc", "abc"));
  CHECK_FALSE(equal_in_constant_time("abc", "abd"));
  CHECK_FALSE(equal_in_constant_time("abc", "ab"));
}
