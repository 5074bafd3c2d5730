#include <catch2/catch.hpp>
#include <moonbase/clock.hpp>
#include <moonbase/ids.hpp>

using namespace moonbase;

namespace {
class CountingIds final : public Ids {
 public:
  std::string random_bytes(std::size_t count) override {
    std::string bytes;
    while (bytes.size() < count) bytes += static_cast<char>(next_++);
    return bytes;
  }

 private:
  unsigned next_ = 0xf0;
};
}  // namespace

TEST_CASE("ids are made of the random bytes in their usual forms") {
  CountingIds ids;
  CHECK(ids.uuid() == "f0f1f2f3-f4f5-46f7-b8f9-fafbfcfdfeff");
  CHECK(ids.hex(5) == "00010");
  CHECK(ids.number() != ids.number());
  const auto text = ids.random_string(1000, "abc");
  CHECK(text.size() == 1000);
  CHECK(text.find_first_not_of("abc") == std::string::npos);
  CHECK_THROWS_AS(ids.random_string(1, ""), std::logic_error);
}

TEST_CASE("moments are written as AWS and HTTP write them") {
  const Time time{1'795'255'200'123};
  CHECK(iso_8601(time) == "2026-11-21T10:00:00.123Z");
  CHECK(http_date(time) == "Sat, 21 Nov 2026 10:00:00 GMT");
  CHECK(iso_8601({-1}) == "1969-12-31T23:59:59.999Z");
  CHECK(http_date({0}) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(iso_8601({951'782'400'000}) == "2000-02-29T00:00:00.000Z");
  CHECK(iso_8601({INT64_MAX}) == "9999-12-31T23:59:59.999Z");
}
