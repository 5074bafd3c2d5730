#include <catch2/catch.hpp>
#include <moonbase/http.hpp>

using namespace moonbase;

namespace {

// Gives `bytes` in pieces of three.
class Pieces final : public BodyReader {
 public:
  explicit Pieces(std::string bytes, bool announce = false) : bytes_(std::move(bytes)), announce_(announce) {}
  Result<std::string> read(std::size_t) override {
    auto piece = bytes_.substr(0, 3);
    bytes_.erase(0, piece.size());
    return piece;
  }
  std::optional<std::uint64_t> length() const override {
    return announce_ ? std::optional<std::uint64_t>(bytes_.size()) : std::nullopt;
  }

 private:
  std::string bytes_;
  bool announce_;
};

}  // namespace

TEST_CASE("header names compare without regard to case") {
  HttpHeaders headers;
  headers.add("X-A", "1");
  headers.add("x-a", "2");
  headers.add("Host", "h");
  CHECK(headers.get("x-A") == "1");
  CHECK(headers.all("X-a") == std::vector<std::string_view>{"1", "2"});
  headers.set("X-A", "3");
  CHECK(headers.all("x-a") == std::vector<std::string_view>{"3"});
  headers.erase("HOST");
  CHECK_FALSE(headers.contains("host"));
  CHECK(headers.get("host").empty());
  CHECK(headers.find("host") == nullptr);
}

TEST_CASE("a body is read whole, up to its limit") {
  HttpRequest request;
  request.body = "ab";
  request.reader = std::make_unique<Pieces>("cdefgh");
  REQUIRE(request.read_body(8));
  CHECK(request.body == "abcdefgh");
  CHECK(request.reader == nullptr);

  for (const bool announce : {false, true}) {
    HttpRequest large;
    large.reader = std::make_unique<Pieces>("abcdefgh", announce);
    const auto read = large.read_body(7);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == "RequestEntityTooLargeException");
    CHECK(read.error().status == 413);
  }
}

TEST_CASE("queries are decoded in order") {
  const auto parameters = parse_query("a=1&b=%20+x&&c&d=&a=2=3&%zz=%4");
  using Pair = std::pair<std::string, std::string>;
  CHECK(parameters == std::vector<Pair>{{"a", "1"}, {"b", "  x"}, {"c", ""}, {"d", ""}, {"a", "2=3"}, {"%zz", "%4"}});
  CHECK(parse_query("").empty());
}

TEST_CASE("percent encoding is reversible") {
  CHECK(percent_encode("a b/ü~") == "a%20b%2F%C3%BC~");
  CHECK(percent_encode("a b/c", true) == "a%20b/c");
  CHECK(percent_decode("a%20b%2fc+d") == "a b/c+d");
  CHECK(percent_decode("a%20b%2fc+d", true) == "a b/c d");
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  CHECK(percent_decode(percent_encode(all)) == all);
}

TEST_CASE("the base URL is what the client dialled") {
  HttpRequest request;
  CHECK(request.base_url() == "http://localhost");
  request.headers.add("host", "127.0.0.1:4566");
  CHECK(request.base_url() == "http://127.0.0.1:4566");
  request.tls = true;
  CHECK(request.base_url() == "https://127.0.0.1:4566");
}
