#include <catch2/catch.hpp>

#include "dynamodb/request.hpp"

using namespace moonbase;
using namespace moonbase::dynamodb;

namespace {

Value s(const std::string& text) { return Map{{"S", text}}; }
Value n(const std::string& text) { return Map{{"N", text}}; }
Value l(List elements) { return Map{{"L", std::move(elements)}}; }
Value m(Map members) { return Map{{"M", std::move(members)}}; }
Value ss(List members) { return Map{{"SS", std::move(members)}}; }

// The item after the update, or {"error": …}.
Map updated(const Map& item, const std::string& text, Map values = {}) {
  ExpressionCache cache;
  Value input = Map{{"UpdateExpression", text}};
  if (!values.empty()) input.set("ExpressionAttributeValues", std::move(values));
  auto read = Expressions::read(cache, input, {{ExpressionKind::update}, {}, ""});
  REQUIRE(read);
  const auto& bound = (*read)[ExpressionKind::update];
  Map after = item;
  const auto applied = apply_update(*bound.expression, bound.bindings, after);
  if (!applied) return {{"error", applied.error().message}};
  return after;
}

Map refused(const std::string& message) { return {{"error", message}}; }

const Map wrong_path = refused("The document path provided in the update expression is invalid for update");
const Map wrong_type = refused("An operand in the update expression has an incorrect data type");
const Map missing = refused("The provided expression refers to an attribute that does not exist in the item");

}  // namespace

TEST_CASE("SET writes attributes, members and elements") {
  const Map item = {{"m", m({{"a", n("1")}})}, {"l", l({s("x"), s("y")})}};
  CHECK(updated(item, "SET b = :v, m.c = :v, l[1] = :v, l[9] = :v", {{":v", s("new")}}) ==
        Map{{"m", m({{"a", n("1")}, {"c", s("new")}})}, {"l", l({s("x"), s("new"), s("new")})}, {"b", s("new")}});
  CHECK(updated(item, "SET nope.a = :v", {{":v", s("x")}}) == wrong_path);
  CHECK(updated(item, "SET m[0] = :v", {{":v", s("x")}}) == wrong_path);
  CHECK(updated(item, "SET l.a = :v", {{":v", s("x")}}) == wrong_path);
  CHECK(updated(item, "SET l[5].a = :v", {{":v", s("x")}}) == wrong_path);
}

TEST_CASE("operands of SET are what the item was before") {
  CHECK(updated({{"a", n("1")}, {"b", n("2")}}, "SET a = b, b = a") == Map{{"a", n("2")}, {"b", n("1")}});
  CHECK(updated({{"a", n("0.1")}}, "SET a = a + :v, b = :v - a", {{":v", n("0.2")}}) ==
        Map{{"a", n("0.3")}, {"b", n("0.1")}});
  CHECK(updated({}, "SET a = b") == missing);
  CHECK(updated({{"a", s("x")}}, "SET a = a + :v", {{":v", n("1")}}) == wrong_type);
  CHECK(updated({{"a", n("1e37")}}, "SET a = a + :v", {{":v", n("0.1")}}) ==
        refused("Attempting to store more than 38 significant digits in a Number"));
}

TEST_CASE("if_not_exists and list_append make values") {
  CHECK(updated({}, "SET a = if_not_exists(a, :z) + :o", {{":z", n("0")}, {":o", n("1")}}) == Map{{"a", n("1")}});
  CHECK(updated({{"a", n("5")}}, "SET a = if_not_exists(a, :z) + :o", {{":z", n("0")}, {":o", n("1")}}) ==
        Map{{"a", n("6")}});
  CHECK(updated({{"l", l({n("1")})}}, "SET l = list_append(:v, l), k = list_append(if_not_exists(k, :e), :v)",
                {{":v", l({n("0")})}, {":e", l({})}}) == Map{{"l", l({n("0"), n("1")})}, {"k", l({n("0")})}});
  CHECK(updated({{"l", s("x")}}, "SET l = list_append(l, :v)", {{":v", l({})}}) == wrong_type);
  CHECK(updated({}, "SET l = list_append(l, :v)", {{":v", l({})}}) == missing);
}

TEST_CASE("REMOVE means the elements as they stood before") {
  const Map item = {{"l", l({n("0"), n("1"), n("2"), n("3"), m({{"x", n("4")}})})}, {"a", s("x")}};
  CHECK(updated(item, "REMOVE l[0], l[2], a, l[4].x, l[99], nope") == Map{{"l", l({n("1"), n("3"), m({})})}});
  CHECK(updated(item, "SET l[0] = :v REMOVE l[1]", {{":v", s("new")}})["l"] ==
        l({s("new"), n("2"), n("3"), m({{"x", n("4")}})}));
  CHECK(updated(item, "REMOVE nope.x") == wrong_path);
}

TEST_CASE("ADD counts and collects, DELETE takes members away") {
  CHECK(updated({}, "ADD a :v, s :s", {{":v", n("2")}, {":s", ss({"x"})}}) == Map{{"a", n("2")}, {"s", ss({"x"})}});
  CHECK(updated({{"a", n("1")}, {"s", ss({"x"})}}, "ADD a :v, s :s", {{":v", n("-2.5")}, {":s", ss({"y", "x"})}}) ==
        Map{{"a", n("-1.5")}, {"s", ss({"x", "y"})}});
  CHECK(updated({{"a", s("1")}}, "ADD a :v", {{":v", n("1")}}) == wrong_type);
  CHECK(updated({{"m", m({{"c", n("1")}})}}, "ADD m.c :v", {{":v", n("1")}}) == Map{{"m", m({{"c", n("2")}})}});
  CHECK(updated({{"s", ss({"x", "y"})}}, "DELETE s :s, nope :s", {{":s", ss({"y", "z"})}}) == Map{{"s", ss({"x"})}});
  CHECK(updated({{"s", ss({"x"})}}, "DELETE s :s", {{":s", ss({"x"})}}) == Map{});
  CHECK(updated({{"s", n("1")}}, "DELETE s :s", {{":s", ss({"x"})}}) == wrong_type);
}

TEST_CASE("an update may not nest deeper than an item may") {
  Value deep = s("x");
  for (int i = 1; i < 31; ++i) deep = m({{"a", deep}});
  CHECK(updated({{"m", m({})}}, "SET m.a = :v", {{":v", deep}})["m"].is_map());
  CHECK(updated({{"m", m({{"a", m({})}})}}, "SET m.a.b = :v", {{":v", deep}}) ==
        refused("Nesting Levels have exceeded supported limits"));
}
