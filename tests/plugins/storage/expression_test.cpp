#include <catch2/catch.hpp>

#include "dynamodb/request.hpp"

using namespace moonbase;
using namespace moonbase::dynamodb;

namespace {

Value s(const std::string& text) { return Map{{"S", text}}; }
Value n(const std::string& text) { return Map{{"N", text}}; }
Value l(List elements) { return Map{{"L", std::move(elements)}}; }
Value m(Map members) { return Map{{"M", std::move(members)}}; }

// One expression with its names and values, as a request carries it.
struct Request {
  ExpressionKind kind;
  Value input = Map{};
  ExpressionCache cache;

  Request(ExpressionKind kind_, const std::string& text, Map values = {}, Map names = {}) : kind(kind_) {
    input.set(std::string(parameter_name(kind)), text);
    if (!values.empty()) input.set("ExpressionAttributeValues", std::move(values));
    if (!names.empty()) input.set("ExpressionAttributeNames", std::move(names));
  }
  Result<Expressions> read() { return Expressions::read(cache, input, {{kind}, {}, ""}); }
};

std::string refusal(ExpressionKind kind, const std::string& text, Map values = {}, Map names = {}) {
  Request request(kind, text, std::move(values), std::move(names));
  const auto read = request.read();
  return read ? "" : read.error().message;
}
std::string condition(const std::string& text, Map values = {}, Map names = {}) {
  return refusal(ExpressionKind::condition, text, std::move(values), std::move(names));
}
std::string update(const std::string& text, Map values = {}, Map names = {}) {
  return refusal(ExpressionKind::update, text, std::move(values), std::move(names));
}
std::string projection(const std::string& text, Map names = {}) {
  return refusal(ExpressionKind::projection, text, {}, std::move(names));
}
std::string syntax_error(const std::string& expression, const std::string& token, const std::string& near) {
  return "Invalid " + expression + ": Syntax error; token: \"" + token + "\", near: \"" + near + "\"";
}

bool holds(const std::string& text, const Map& item, Map values = {}) {
  Request request(ExpressionKind::condition, text, std::move(values));
  auto read = request.read();
  REQUIRE(read);
  return (*read)[ExpressionKind::condition].holds(item);
}

}  // namespace

TEST_CASE("a syntax error shows the token and its neighbours") {
  CHECK(condition("a = ") == syntax_error("ConditionExpression", "<EOF>", "="));
  CHECK(condition("#c[abc].x = :v") == syntax_error("ConditionExpression", "abc", "[abc]"));
  CHECK(condition("attribute_type()") == syntax_error("ConditionExpression", ")", "()"));
  CHECK(condition("things are not gonna be ok") == syntax_error("ConditionExpression", "are", "things are not"));
  CHECK(condition("a > 4") == syntax_error("ConditionExpression", "4", "> 4"));
  CHECK(condition("a = :v)") == syntax_error("ConditionExpression", ")", ":v)"));
  CHECK(condition("(a = :v") == syntax_error("ConditionExpression", "<EOF>", ":v"));
  CHECK(condition("a") == syntax_error("ConditionExpression", "<EOF>", "a"));
  CHECK(condition(":v AND a = :v") == syntax_error("ConditionExpression", "AND", ":v AND a"));
  CHECK(condition("a BETWEEN :v OR :w") == syntax_error("ConditionExpression", "OR", ":v OR :w"));
  CHECK(condition("_id = :v") == syntax_error("ConditionExpression", "_", "_id"));
  CHECK(condition("a = \xC3\xA9") == syntax_error("ConditionExpression", "\xC3\xA9", "= \xC3\xA9"));
  CHECK(projection("!!! INVALID !!!") == syntax_error("ProjectionExpression", "!", "!!"));
  CHECK(projection("#list[].a") == syntax_error("ProjectionExpression", "]", "[]."));
  CHECK(projection("#list[-1].a") == syntax_error("ProjectionExpression", "-", "[-1"));
  for (const auto* text : {"whatever(stuff)", ":a", "abort,", "a,,b", "a..b", "a[b]", "(a.b).c", "(a)", "(a,b)", "a-b"})
    CHECK(projection(text).starts_with("Invalid ProjectionExpression: Syntax error; "));
  CHECK(update("INVALID SYNTAX HERE") == syntax_error("UpdateExpression", "INVALID", "INVALID SYNTAX"));
  CHECK(update("SET book-price = :v") == syntax_error("UpdateExpression", "-", "book-price"));
  CHECK(update("SET path = VALUE 1") == syntax_error("UpdateExpression", "1", "VALUE 1"));
  CHECK(update("ADD numx") == syntax_error("UpdateExpression", "<EOF>", "numx"));
  CHECK(update("SET note = :v +") == syntax_error("UpdateExpression", "<EOF>", "+"));
  CHECK(update("SET numx = numx * :v") == syntax_error("UpdateExpression", "*", "numx * :v"));
  CHECK(update("SET #list[0.#comment = :v") == syntax_error("UpdateExpression", ".", "0.#comment"));
  CHECK(update("DELETE setx a") == syntax_error("UpdateExpression", "a", "setx a"));
  CHECK(update("SET") == syntax_error("UpdateExpression", "<EOF>", "SET"));
  CHECK(update("SET a = :v,") == syntax_error("UpdateExpression", "<EOF>", ","));
}

TEST_CASE("expressions have a size, a number of operators and a depth that they may not exceed") {
  const auto name = [](std::size_t bytes) { return "a" + std::string(bytes - 1, 'z'); };
  CHECK(projection(name(4096)) == "");
  CHECK(projection(name(4097)) ==
        "Invalid ProjectionExpression: Expression size has exceeded the maximum allowed size;");
  CHECK(condition("attribute_exists(" + name(4079) + ")")
            .ends_with("exceeded the maximum allowed size; expression size: 4097"));
  CHECK(condition("") == "Invalid ConditionExpression: The expression can not be empty;");
  CHECK(update("  ") == "Invalid UpdateExpression: The expression can not be empty;");

  std::string many = "a=:v";
  for (int i = 1; i < 150; ++i) many += " OR a=:v";
  CHECK(condition(many, {{":v", s("x")}}) == "");
  many += " OR a=:v";
  CHECK(condition(many, {{":v", s("x")}}) ==
        "Invalid ConditionExpression: The expression contains too many operators; operator count: 301");

  // However deep: refused, or parsed, without a deep stack.
  CHECK(condition(std::string(2000, '(') + "a=:v" + std::string(2000, ')'), {{":v", s("x")}}) ==
        "Invalid ConditionExpression: The expression has redundant parentheses;");
  CHECK(condition(std::string(4000, '(')).starts_with("Invalid ConditionExpression: Syntax error"));
  std::string calls;
  for (int i = 0; i < 600; ++i) calls += "size(";
  CHECK(condition(calls).starts_with("Invalid ConditionExpression: Syntax error"));
  std::string deep = "a";
  for (int i = 0; i < 2000; ++i) deep += ".b";
  CHECK(projection(deep) == "");
  std::string negations;
  for (int i = 0; i < 299; ++i) negations += "NOT ";
  CHECK(holds(negations + "a = :v", {{"a", s("x")}}, {{":v", s("y")}}));
}

TEST_CASE("IN takes at most a hundred operands") {
  const auto in = [](int operands) {
    std::string text = "age IN (:v0";
    Map values = {{":v0", n("0")}};
    for (int i = 1; i < operands; ++i) {
      text += ", :v" + std::to_string(i);
      values.set(":v" + std::to_string(i), n(std::to_string(i)));
    }
    return condition(text + ")", std::move(values));
  };
  CHECK(in(100) == "");
  CHECK(in(101) ==
        "Invalid ConditionExpression: Too many operands for the operator or function; operator or function: "
        "IN, number of operands: 101");
}

TEST_CASE("names and values must be defined, and used") {
  CHECK(condition("#a = :v", {{":v", s("x")}}) ==
        "Invalid ConditionExpression: An expression attribute name used in the document path is not defined; attribute "
        "name: #a");
  CHECK(update("SET a = :v") ==
        "Invalid UpdateExpression: An expression attribute value used in expression is not defined; attribute value: "
        ":v");
  CHECK(condition("a = :v", {{":v", s("x")}, {":x", s("y")}, {":y", s("z")}}) ==
        "Value provided in ExpressionAttributeValues unused in expressions: keys: {:x, :y}");
  CHECK(projection("a", {{"#a", "b"}}) ==
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#a}");
  CHECK(projection("#a", {{"a", "b"}}) == "ExpressionAttributeNames contains invalid key: Syntax error; key: \"a\"");
  CHECK(projection("#a", {{"#", "b"}}) == "ExpressionAttributeNames contains invalid key: Syntax error; key: \"#\"");
  CHECK(projection("#a", {{"#a-b", "b"}}) ==
        "ExpressionAttributeNames contains invalid key: Syntax error; key: \"#a-b\"");
  CHECK(projection("#a", {{"#a", ""}}) ==
        "ExpressionAttributeNames contains invalid value: Empty attribute name for key #a");
  CHECK(projection("#a", {{"#" + std::string(255, 'a'), "b"}}) ==
        "ExpressionAttributeNames contains invalid key: The expression attribute map contains a key that is too long; "
        "size of key: 256");
  CHECK(condition("a = :v", {{"v", s("x")}}) ==
        "ExpressionAttributeValues contains invalid key: Syntax error; key: \"v\"");
  CHECK(condition("a = :v", {{":v", Map{}}}) ==
        "ExpressionAttributeValues contains invalid value: Supplied AttributeValue is empty, must contain exactly one "
        "of the supported datatypes for key :v");
}

TEST_CASE("reserved words need a placeholder, at any depth and in any case") {
  CHECK(update("SET status = :v", {{":v", s("x")}}) ==
        "Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: status");
  CHECK(condition("m.COMMENT = :v", {{":v", s("x")}}) ==
        "Invalid ConditionExpression: Attribute name is a reserved keyword; reserved keyword: COMMENT");
  CHECK(projection("zones, zone") ==
        "Invalid ProjectionExpression: Attribute name is a reserved keyword; reserved keyword: zone");
  CHECK(projection("#s", {{"#s", "status"}}) == "");
  CHECK(is_reserved_word("Abort"));
  CHECK(is_reserved_word("zone"));
  CHECK_FALSE(is_reserved_word("pk"));
  CHECK_FALSE(is_reserved_word(std::string(17, 'a')));
}

TEST_CASE("parentheses may not be doubled") {
  const Map value = {{":v", s("x")}};
  const std::string redundant = "Invalid ConditionExpression: The expression has redundant parentheses;";
  CHECK(condition("((attribute_not_exists(pk)))") == redundant);
  CHECK(condition("((a)) = :v", value) == redundant);
  CHECK(condition("a = ((:v))", value) == redundant);
  CHECK(condition("(a) = (:v)", value) == "");
  CHECK(condition("(size(a)) > (:v)", value) == "");
  CHECK(condition("(attribute_not_exists(pk) AND (a = :v))", value) == "");
  CHECK(condition("((a = :v) AND (b = :v))", value) == "");
  CHECK(update("SET c = ((c - :v))", {{":v", n("1")}}) ==
        "Invalid UpdateExpression: The expression has redundant parentheses;");
  CHECK(update("SET c = (c - :v), d = (d) + (:v)", {{":v", n("1")}}) == "");
}

TEST_CASE("functions are known, belong to their kind of expression and take what they take") {
  const std::string invalid = "Invalid ConditionExpression: ";
  CHECK(condition("foo(a)") == invalid + "Invalid function name; function: foo");
  CHECK(condition("if_not_exists(a, :v) = :v", {{":v", s("x")}}) ==
        invalid + "The function is not allowed in a condition expression; function: if_not_exists");
  CHECK(condition("size(a)") ==
        invalid + "The function is not allowed to be used this way in an expression; function: size");
  CHECK(condition("attribute_exists(a) = :v", {{":v", s("x")}}) ==
        invalid + "The function is not allowed to be used this way in an expression; function: attribute_exists");
  CHECK(condition("size(contains(a, :v)) = :v", {{":v", s("x")}}) ==
        invalid + "The function is not allowed to be used this way in an expression; function: contains");
  CHECK(condition("contains(a)") ==
        invalid +
            "Incorrect number of operands for operator or function; operator or function: contains, number of "
            "operands: 1");
  CHECK(condition("attribute_exists(:v)", {{":v", s("x")}}) ==
        invalid + "Operator or function requires a document path; operator or function: attribute_exists");
  CHECK(condition("begins_with(a, :v)", {{":v", n("1")}}) ==
        invalid +
            "Incorrect operand type for operator or function; operator or function: begins_with, operand type: N");
  CHECK(
      condition("attribute_type(a, b)")
          .starts_with(
              invalid +
              "Incorrect operand type for operator or function; operator or function: attribute_type, operand type:"));
  CHECK(condition("attribute_type(a, :v)", {{":v", s("STRING")}}) ==
        invalid + "Invalid attribute type name found; type: STRING, valid types: {S,SS,N,NS,B,BS,BOOL,NULL,L,M}");
  CHECK(condition("contains(a, a)") ==
        invalid +
            "The first operand must be distinct from the remaining operands for this operator or function; "
            "operator: contains, first operand: [a]");
  CHECK(condition("a[1].b = a[1].b") ==
        invalid +
            "The first operand must be distinct from the remaining operands for this operator or function; "
            "operator: =, first operand: [a, [1], b]");
}

TEST_CASE("only strings, numbers and binaries have an order") {
  const std::string invalid = "Invalid ConditionExpression: Incorrect operand type for operator or function; ";
  CHECK(condition("n <= :v", {{":v", Map{{"BOOL", true}}}}) ==
        invalid + "operator or function: <=, operand type: BOOL");
  CHECK(condition("NOT (a = :w OR :v > n)", {{":v", l({})}, {":w", s("")}}) ==
        invalid + "operator or function: >, operand type: L");
  CHECK(condition("n BETWEEN :a AND :b", {{":a", Map{{"BOOL", true}}}, {":b", Map{{"BOOL", false}}}}) ==
        invalid + "operator or function: BETWEEN, operand type: BOOL");
  CHECK(condition("n <> :v", {{":v", Map{{"BOOL", true}}}}) == "");
  CHECK(condition("a BETWEEN :b AND :a", {{":a", n("4")}, {":b", n("5")}}) ==
        "Invalid ConditionExpression: The BETWEEN operator requires upper bound to be greater than or equal to lower "
        "bound; lower bound operand: AttributeValue: {N:5}, upper bound operand: AttributeValue: {N:4}");
  CHECK(condition("a BETWEEN :b AND :a", {{":a", s("a")}, {":b", n("1")}}) ==
        "Invalid ConditionExpression: The BETWEEN operator requires same data type for lower and upper bounds; lower "
        "bound operand: AttributeValue: {N:1}, upper bound operand: AttributeValue: {S:a}");
}

TEST_CASE("paths of an update or a projection may not lead through each other") {
  const Map value = {{":v", s("x")}};
  const auto overlap = [](const std::string& expression, const std::string& one, const std::string& two) {
    return "Invalid " + expression +
           ": Two document paths overlap with each other; must remove or rewrite one of these paths; path one: " + one +
           ", path two: " + two;
  };
  CHECK(update("SET a = :v, a = :v", value) == overlap("UpdateExpression", "[a]", "[a]"));
  CHECK(update("SET mapx = :v REMOVE mapx.num", value) == overlap("UpdateExpression", "[mapx]", "[mapx, num]"));
  CHECK(update("SET lst[0] = :v, lst[0].ok = :v", value) ==
        overlap("UpdateExpression", "[lst, [0]]", "[lst, [0], ok]"));
  CHECK(update("SET #a = :v, fieldx = :v", value, {{"#a", "fieldx"}}) ==
        overlap("UpdateExpression", "[fieldx]", "[fieldx]"));
  CHECK(update("SET a.b = :v, a[0] = :v", value) ==
        "Invalid UpdateExpression: Two document paths conflict with each other; must remove or rewrite one of these "
        "paths; path one: [a, b], path two: [a, [0]]");
  CHECK(projection("b, l, c, l[0]") == overlap("ProjectionExpression", "[l]", "[l, [0]]"));
  CHECK(projection("a.b, a.c, a.bb, l[1], l[10]") == "");
}

TEST_CASE("an update has each section once and operands that fit") {
  CHECK(update("SET a = :v SET b = :v", {{":v", s("x")}}) ==
        "Invalid UpdateExpression: The \"SET\" section can only be used once in an update expression;");
  CHECK(update("ADD a :v", {{":v", l({})}}) ==
        "Invalid UpdateExpression: Incorrect operand type for operator or function; operator: ADD, operand type: LIST, "
        "typeSet: ALLOWED_FOR_ADD_OPERAND");
  CHECK(update("DELETE a :v", {{":v", s("x")}})
            .starts_with("Invalid UpdateExpression: Incorrect operand type for operator or function; operator: DELETE, "
                         "operand type: STRING"));
  CHECK(update("SET a = a + :v", {{":v", s("x")}}) ==
        "Invalid UpdateExpression: Incorrect operand type for operator or function; operator or function: +, operand "
        "type: S");
  CHECK(update("SET a = list_append(a, :v)", {{":v", s("x")}}) ==
        "Invalid UpdateExpression: Incorrect operand type for operator or function; operator or function: list_append, "
        "operand type: S");
  CHECK(update("SET a = if_not_exists(:v, :v)", {{":v", s("x")}}) ==
        "Invalid UpdateExpression: Operator or function requires a document path; operator or function: if_not_exists");
  CHECK(update("SET a = contains(b, :v)", {{":v", s("x")}}) ==
        "Invalid UpdateExpression: The function is not allowed in an update expression; function: contains");
  CHECK(update("SET a = if_not_exists(a, list_append(b, :v))", {{":v", l({})}}) ==
        "Invalid UpdateExpression: The function is not allowed to be used this way in an expression; function: "
        "list_append");
  CHECK(update("ADD a :n DELETE b :s SET c = :s REMOVE d, e[1]", {{":n", n("1")}, {":s", Map{{"SS", List{"x"}}}}}) ==
        "");
}

TEST_CASE("conditions are true or false of an item as DynamoDB says") {
  const Map item = {{"n", n("5")},
                    {"s", s("h\xC3\xA9llo")},
                    {"l", l({n("1"), s("x")})},
                    {"m", m({{"a", m({{"b", n("7")}})}})},
                    {"ss", Map{{"SS", List{"a", "b"}}}},
                    {"b", Map{{"B", "bytes"}}},
                    {"yes", Map{{"BOOL", true}}}};
  const auto is = [&](const std::string& text, Map values = {}) { return holds(text, item, std::move(values)); };

  CHECK(is("n = :v", {{":v", n("5.0")}}));
  CHECK_FALSE(is("n = :v", {{":v", s("5")}}));
  CHECK(is("n <> :v", {{":v", s("5")}}));
  CHECK(is("nope <> :v", {{":v", s("5")}}));
  CHECK_FALSE(is("nope = :v", {{":v", s("5")}}));
  CHECK_FALSE(is("nope < :v", {{":v", s("5")}}));
  CHECK(is(":lo < n AND n <= :hi", {{":lo", n("4.99")}, {":hi", n("5")}}));
  CHECK(is("n BETWEEN :a AND :b", {{":a", n("5")}, {":b", n("10")}}));
  CHECK_FALSE(is("n BETWEEN :a AND :b", {{":a", n("6")}, {":b", n("10")}}));
  CHECK(is("n IN (:a, :b)", {{":a", n("6")}, {":b", n("5")}}));
  CHECK_FALSE(is("yes > n"));

  CHECK(is("attribute_exists(m.a.b) AND attribute_not_exists(m.a.c) AND attribute_not_exists(n.x)"));
  CHECK(is("m.a.b = :v AND l[1] = :x", {{":v", n("7")}, {":x", s("x")}}));
  CHECK(is("attribute_not_exists(l[2])"));
  CHECK(is("attribute_type(ss, :t)", {{":t", s("SS")}}));
  CHECK(is("begins_with(s, :p) AND begins_with(b, :q)", {{":p", s("h\xC3")}, {":q", Map{{"B", "by"}}}}));
  CHECK_FALSE(is("begins_with(b, :p)", {{":p", s("by")}}));
  CHECK(is("contains(s, :a) AND contains(ss, :b) AND contains(l, :c)",
           {{":a", s("ll")}, {":b", s("a")}, {":c", n("1")}}));
  CHECK_FALSE(is("contains(ss, :a)", {{":a", s("c")}}));
  CHECK(is("size(s) = :five AND size(l) = :two AND size(m) = :one AND size(ss) = :two AND size(b) = :five",
           {{":five", n("5")}, {":two", n("2")}, {":one", n("1")}}));
  CHECK_FALSE(is("size(n) > :z", {{":z", n("0")}}));
  CHECK(is("size(n) <> :z", {{":z", n("0")}}));
}

TEST_CASE("NOT binds tighter than AND, AND tighter than OR") {
  const Map item = {{"t", s("1")}};
  const Map value = {{":v", s("1")}};
  CHECK(holds("t = :v OR f = :v AND f = :v", item, value));
  CHECK_FALSE(holds("(t = :v OR f = :v) AND f = :v", item, value));
  CHECK(holds("NOT f = :v AND t = :v", item, value));
  CHECK_FALSE(holds("NOT (t = :v OR f = :v)", item, value));
  CHECK(holds("not f = :v and (not (f = :v) or f = :v)", item, value));
}

TEST_CASE("a projection keeps containers and closes the ranks of lists") {
  Request request(ExpressionKind::projection, "a.b, l[2], l[0].x, #n, nope.x, s.x", {}, {{"#n", "the name"}});
  auto read = request.read();
  REQUIRE(read);
  const auto& bound = (*read)[ExpressionKind::projection];
  Projection chosen;
  for (const auto& path : bound.expression->paths) chosen.add(path, bound.bindings);
  const Map item = {{"a", m({{"b", n("1")}, {"c", n("2")}})},
                    {"l", l({m({{"x", n("3")}, {"y", n("4")}}), n("5"), n("6")})},
                    {"the name", s("n")},
                    {"s", s("scalar")},
                    {"other", s("o")}};
  CHECK(chosen.apply(item) ==
        Map{{"a", m({{"b", n("1")}})}, {"l", l({m({{"x", n("3")}}), n("6")})}, {"the name", s("n")}});
}
