#include <catch2/catch.hpp>
#include <moonbase/json.hpp>

#include "patterns/index.hpp"

using namespace moonbase;
using namespace moonbase::notifications;

namespace {

bool match(const std::string& pattern, const std::string& event) {
  const auto parsed = Pattern::parse(pattern);
  if (!parsed) throw std::runtime_error(parsed.error().message);
  return parsed->matches(parse_json(event).value());
}
std::string reason(const std::string& pattern) {
  const auto parsed = Pattern::parse(pattern);
  return parsed ? "it is good" : parsed.error().message;
}
// Without the place.
std::string short_reason(const std::string& pattern) {
  const auto text = reason(pattern);
  return text.substr(0, text.find("\n at [Source"));
}

}  // namespace

TEST_CASE("every operator of a pattern holds and fails where AWS's does") {
  struct Row {
    const char* pattern;
    const char* holds;
    const char* fails;
  };
  const auto row = GENERATE(values<Row>({
      {R"({"a":["x"]})", R"({"a":"x"})", R"({"a":"X"})"},
      {R"({"a":["x","y"]})", R"({"a":"y","b":1})", R"({"b":"x"})"},
      {R"({"a":[null]})", R"({"a":null})", R"({"a":"null"})"},
      {R"({"a":[true]})", R"({"a":true})", R"({"a":false})"},
      {R"({"a":[1]})", R"({"a":1.0})", R"({"a":"1"})"},
      {R"({"a":[123456789012345]})", R"({"a":123456789012345})", R"({"a":123456789012346})"},
      {R"({"a":[{"exactly":"x"}]})", R"({"a":"x"})", R"({"a":"y"})"},
      {R"({"a":[{"prefix":"ab"}]})", R"({"a":"abc"})", R"({"a":"Abc"})"},
      {R"({"a":[{"prefix":{"equals-ignore-case":"AB"}}]})", R"({"a":"aBc"})", R"({"a":"bc"})"},
      {R"({"a":[{"suffix":".png"}]})", R"({"a":"x.png"})", R"({"a":"x.PNG"})"},
      {R"({"a":[{"suffix":{"equals-ignore-case":".Png"}}]})", R"({"a":"x.PNG"})", R"({"a":"png"})"},
      {R"({"a":[{"equals-ignore-case":"Alice"}]})", R"({"a":"ALICE"})", R"({"a":"ALICES"})"},
      {R"({"a":[{"anything-but":"x"}]})", R"({"a":"y"})", R"({"a":"x"})"},
      {R"({"a":[{"anything-but":"x"}]})", R"({"a":5})", R"({"b":5})"},
      {R"({"a":[{"anything-but":["x","y"]}]})", R"({"a":"z"})", R"({"a":"y"})"},
      {R"({"a":[{"anything-but":5}]})", R"({"a":6})", R"({"a":5})"},
      {R"({"a":[{"anything-but":[5,6]}]})", R"({"a":7})", R"({"a":6})"},
      {R"({"a":[{"anything-but":{"prefix":"in"}}]})", R"({"a":"out"})", R"({"a":"init"})"},
      {R"({"a":[{"anything-but":{"prefix":["in","un"]}}]})", R"({"a":"out"})", R"({"a":"undo"})"},
      {R"({"a":[{"anything-but":{"suffix":".txt"}}]})", R"({"a":"a.csv"})", R"({"a":"a.txt"})"},
      {R"({"a":[{"anything-but":{"suffix":[".txt",".rtf"]}}]})", R"({"a":"a.csv"})", R"({"a":"a.rtf"})"},
      {R"({"a":[{"anything-but":{"equals-ignore-case":"x"}}]})", R"({"a":"y"})", R"({"a":"X"})"},
      {R"({"a":[{"anything-but":{"equals-ignore-case":["x","y"]}}]})", R"({"a":"z"})", R"({"a":"Y"})"},
      {R"({"a":[{"anything-but":{"wildcard":"*/lib/*"}}]})", R"({"a":"/usr/bin/a"})", R"({"a":"/usr/lib/a"})"},
      {R"({"a":[{"anything-but":{"wildcard":["*/lib/*","*.so"]}}]})", R"({"a":"/usr/bin/a"})", R"({"a":"x.so"})"},
      {R"({"a":[{"numeric":["=",3]}]})", R"({"a":3.0})", R"({"a":3.1})"},
      {R"({"a":[{"numeric":["<",3]}]})", R"({"a":2.9})", R"({"a":3})"},
      {R"({"a":[{"numeric":["<=",3]}]})", R"({"a":3})", R"({"a":3.1})"},
      {R"({"a":[{"numeric":[">",3]}]})", R"({"a":3.1})", R"({"a":3})"},
      {R"({"a":[{"numeric":[">=",3]}]})", R"({"a":3})", R"({"a":2.99})"},
      {R"({"a":[{"numeric":[">",0,"<=",5]}]})", R"({"a":5})", R"({"a":0})"},
      {R"({"a":[{"numeric":[">=",0,"<",5]}]})", R"({"a":0})", R"({"a":5})"},
      {R"({"a":[{"numeric":[">",-1e2]}]})", R"({"a":-99})", R"({"a":"-99"})"},
      {R"({"a":[{"exists":true}]})", R"({"a":null})", R"({"b":1})"},
      {R"({"a":[{"exists":false}]})", R"({"b":1})", R"({"a":""})"},
      {R"({"a":{"b":[{"exists":false}]}})", R"({"x":1})", R"({"a":{"b":1}})"},
      {R"({"a":["x",{"exists":false}]})", R"({"b":1})", R"({"a":"y"})"},
      {R"({"a":[{"cidr":"10.0.0.0/24"}]})", R"({"a":"10.0.0.255"})", R"({"a":"10.0.1.0"})"},
      {R"({"a":[{"cidr":"10.0.0.128/25"}]})", R"({"a":"10.0.0.129"})", R"({"a":"10.0.0.127"})"},
      {R"({"a":[{"cidr":"0.0.0.0/0"}]})", R"({"a":"1.2.3.4"})", R"({"a":"text"})"},
      {R"({"a":[{"cidr":"2001:db8::/33"}]})", R"({"a":"2001:db8:7fff::1"})", R"({"a":"2001:db8:8000::1"})"},
      {R"({"a":[{"wildcard":"a*c*e"}]})", R"({"a":"abcde"})", R"({"a":"abcd"})"},
      {R"({"a":[{"wildcard":"*"}]})", R"({"a":""})", R"({"a":1})"},
      {R"({"a":[{"wildcard":"5\\*3*"}]})", R"({"a":"5*3=15"})", R"({"a":"533"})"},
      {R"({"a":[{"wildcard":"*ab"}]})", R"({"a":"aab"})", R"({"a":"aba"})"},
      // Nesting, arrays, $or.
      {R"({"a":{"b":["x"]},"c":[1]})", R"({"a":{"b":"x"},"c":1})", R"({"a":{"b":"x"},"c":2})"},
      {R"({"a":["x"]})", R"({"a":["w","x"]})", R"({"a":["w"]})"},
      {R"({"a":{"b":["x"],"c":["y"]}})", R"({"a":[{"b":"x","c":"y"},{"b":1}]})",
       R"({"a":[{"b":"x","c":"z"},{"b":"w","c":"y"}]})"},
      {R"({"a":{"b":[{"exists":false}]}})", R"({"a":[{"c":1}]})", R"({"a":[{"c":1},{"b":1}]})"},
      {R"({"$or":[{"a":[1]},{"b":[2]}]})", R"({"b":2})", R"({"a":2,"b":1})"},
      {R"({"s":["x"],"d":{"$or":[{"a":[1]},{"b":[{"numeric":["<",3]}]}]}})", R"({"s":"x","d":{"b":2}})",
       R"({"s":"x","d":{"b":3}})"},
      {R"({"$or":[{"a":[1]},{"b":[2]}],"c":[3]})", R"({"a":1,"c":3})", R"({"a":1})"},
      {R"({"a":["\u00e9\n"]})", R"({"a":"é\n"})", R"({"a":"é"})"},
  }));
  INFO(row.pattern);
  CHECK(match(row.pattern, row.holds));
  CHECK_FALSE(match(row.pattern, row.fails));
}

TEST_CASE("a pattern that is wrong is refused with AWS's reason") {
  struct Row {
    const char* pattern;
    const char* reason;
  };
  const auto row = GENERATE(values<Row>({
      {R"([])", "Filter is not an object"},
      {R"("x")", "Filter is not an object"},
      {R"({})", "Empty objects are not allowed"},
      {R"({"a":{}})", "Empty objects are not allowed"},
      {R"({"a":[]})", "Empty arrays are not allowed"},
      {R"({"a":"x"})", "\"a\" must be an object or an array"},
      {R"({"a":5})", "\"a\" must be an object or an array"},
      {R"({"a":[["x"]]})", "Match value must be String, number, true, false, or null"},
      {R"({"a":[{}]})", "Match expression name not found"},
      {R"({"a":[{"foo":"x"}]})", "Unrecognized match type foo"},
      {R"({"a":[{"prefix":5}]})", "prefix match pattern must be a string"},
      {R"({"a":[{"suffix":null}]})", "suffix match pattern must be a string"},
      {R"({"a":[{"prefix":"x","suffix":"y"}]})", "Only one key allowed in match expression"},
      {R"({"a":[{"exists":"yes"}]})", "exists match pattern must be either true or false."},
      {R"({"a":[{"equals-ignore-case":["x"]}]})", "equals-ignore-case match pattern must be a string"},
      {R"({"a":[{"wildcard":1}]})", "wildcard match pattern must be a string"},
      {R"({"a":[{"wildcard":"h**o"}]})", "Consecutive wildcard characters at pos 2"},
      {R"({"a":[{"wildcard":"h\\o"}]})", "Invalid escape character at pos 2"},
      {R"({"a":[{"anything-but":null}]})", "Value of anything-but must be an array or single string/number value."},
      {R"({"a":[{"anything-but":["x",5]}]})",
       "Inside anything but list, either all values are number or string, mixed type is not supported"},
      {R"({"a":[{"anything-but":[]}]})",
       "Inside anything but list, either all values are number or string, mixed type is not supported"},
      {R"({"a":[{"anything-but":[true]}]})", "Inside anything but list, start|null|boolean is not supported."},
      {R"({"a":[{"anything-but":{"exists":true}}]})", "Unsupported anything-but pattern: exists"},
      {R"({"a":[{"anything-but":{"prefix":""}}]})", "Null prefix/suffix not allowed"},
      {R"({"a":[{"anything-but":{"prefix":5}}]})", "prefix/suffix match pattern must be a string"},
      {R"({"a":[{"numeric":5}]})", "Value of numeric must be an array."},
      {R"({"a":[{"numeric":[5]}]})", "Invalid member in numeric match: 5"},
      {R"({"a":[{"numeric":["!",5]}]})", "Unrecognized numeric range operator: !"},
      {R"({"a":[{"numeric":["=","5"]}]})", "Value of equals must be numeric"},
      {R"({"a":[{"numeric":[">","5"]}]})", "Value of > must be numeric"},
      {R"({"a":[{"numeric":["<",5,">",3]}]})", "Too many elements in numeric expression"},
      {R"({"a":[{"numeric":[">",5,">",7]}]})", "Bad numeric range operator: >"},
      {R"({"a":[{"numeric":[">",5,7]}]})", "Bad value in numeric range: 7"},
      {R"({"a":[{"numeric":[">",5,"<",7,8]}]})", "Too many terms in numeric range expression"},
      {R"({"a":[{"numeric":[">",5,"<",5]}]})", "Bottom must be less than top"},
      {R"({"a":[{"numeric":["=",5000000001]}]})", "Value must be between -5.0E9 and 5.0E9, inclusive"},
      {R"({"a":[{"cidr":"10.0.0.0"}]})", "Malformed CIDR, one '/' required"},
      {R"({"a":[{"cidr":"10.0.0.0/x"}]})", "Malformed CIDR, mask bits must be an integer"},
      {R"({"a":[{"cidr":"10.0.0.0/33"}]})", "IPv4 mask bits must be < 32"},
      {R"({"a":[{"cidr":"10.0.0/8"}]})", "Nonstandard IP address: 10.0.0"},
      {R"({"$or":{"a":[1]}})", "It must be an Array followed with $or."},
      {R"({"$or":[{"a":[1]}]})", "There must have at least 2 Objects in $or relationship."},
      {R"({"$or":[{"a":[1]},5]})", "Only JSON object is allowed in array of $or relationship."},
      {R"({"$or":[{"prefix":["x"]},{"a":[1]}]})",
       "prefix is Ruler reserved fieldName which cannot be used inside $or."},
      {R"({"a":["x"])", "Invalid JSON"},
      {R"({"a":["x"]} 5)", "Invalid JSON"},
      {R"({"a" ["x"]})", "Invalid JSON"},
      {R"({"a":[tru]})", "Invalid JSON"},
      {R"()", "Invalid JSON"},
  }));
  INFO(row.pattern);
  CHECK(short_reason(row.pattern) == row.reason);
}

TEST_CASE("a refusal names the place where AWS's does") {
  // Texts that people have shown in public reports.
  CHECK(reason(R"({"source":["test.event-pattern"],"detail":{"lenderId":"LenderA"}})") ==
        "\"lenderId\" must be an object or an array\n at [Source: (String)\"{\"source\":[\"test.event-pattern\"],"
        "\"detail\":{\"lenderId\":\"LenderA\"}}\"; line: 1, column: 56]");
  CHECK(reason(R"({"source": ["aws.health"], "detail": {}})").ends_with("; line: 1, column: 40]"));
  CHECK(reason("{\n \"a\": 5}").ends_with("; line: 2, column: 8]"));
  CHECK(reason("{\"" + std::string(600, 'a') + "\":5}").find("\"[truncated 106 chars]; line: 1") != std::string::npos);
}

TEST_CASE("hostile patterns end early") {
  CHECK(short_reason([] {
          std::string deep;
          for (int i = 0; i < 100'000; ++i) deep += "{\"a\":";
          return deep;
        }()) == "Invalid JSON");
  const std::string text(20'000, 'a');
  CHECK_FALSE(match(R"({"a":[{"wildcard":"*a*a*a*a*a*a*a*a*a*b"}]})", "{\"a\":\"" + text + "\"}"));
}

TEST_CASE("an index finds what trying each pattern finds") {
  std::vector<Pattern> patterns;
  std::vector<std::string> texts;
  for (int i = 0; i < 50; ++i) {
    const auto number = std::to_string(i % 7);
    texts.push_back(R"({"source":["s)" + number + R"("],"detail":{"state":["A","B)" + std::to_string(i) + R"("]}})");
    texts.push_back(R"({"detail-type":["t)" + number + R"("],"detail":{"n":[{"numeric":["<",)" + std::to_string(i) +
                    "]}]}}");
    texts.push_back(R"({"$or":[{"source":["s)" + number + R"("]},{"detail":{"n":[)" + std::to_string(i) + "]}}]}");
  }
  for (const auto& text : texts) patterns.push_back(Pattern::parse(text).value());
  const PatternIndex index([&] {
    std::vector<Pattern> copies;
    for (const auto& text : texts) copies.push_back(Pattern::parse(text).value());
    return copies;
  }());
  std::size_t found = 0;
  for (int i = 0; i < 60; ++i) {
    const auto event =
        parse_json(R"({"source":"s)" + std::to_string(i % 9) + R"(","detail-type":"t)" + std::to_string(i % 5) +
                   R"(","detail":{"state":["B)" + std::to_string(i) + R"("],"n":)" + std::to_string(i) + "}}")
            .value();
    std::vector<std::size_t> wanted;
    for (std::size_t each = 0; each < patterns.size(); ++each)
      if (patterns[each].matches(event)) wanted.push_back(each);
    CHECK(index.matching(event) == wanted);
    found += wanted.size();
  }
  CHECK(found > 200);
}
