#include <moonbase/value.hpp>

#include <catch2/catch.hpp>

using namespace moonbase;

TEST_CASE("a map keeps the order of insertion and finds keys in small and large maps") {
  Map map;
  for (int i = 0; i < 100; ++i) map.set("key" + std::to_string(i), i);
  CHECK(map.size() == 100);
  CHECK(map.begin()[41].key == "key41");
  CHECK(map.find("key77")->integer() == 77);
  CHECK(map.find("key100") == nullptr);

  map.set("key77", "replaced");
  CHECK(map.size() == 100);
  CHECK(map.find("key77")->string() == "replaced");

  CHECK(map.erase("key3"));
  CHECK_FALSE(map.erase("key3"));
  CHECK(map.find("key4")->integer() == 4);
  CHECK(map.find("key99")->integer() == 99);
}

TEST_CASE("maps are equal whatever their order, lists are not") {
  CHECK(Value(Map{{"a", 1}, {"b", 2}}) == Value(Map{{"b", 2}, {"a", 1}}));
  CHECK_FALSE(Value(List{1, 2}) == Value(List{2, 1}));
  CHECK_FALSE(Value(1) == Value("1"));
}

TEST_CASE("a missing member reads as null, a wrong kind is a bug") {
  const Value value = Map{{"Name", "orders"}, {"Sizes", List{1, 2}}};
  CHECK(value["Name"].string() == "orders");
  CHECK(value["Sizes"][1].integer() == 2);
  CHECK(value["Sizes"][2].is_null());
  CHECK(value["Name"]["Deeper"].is_null());
  CHECK(value["Absent"].integer_or(7) == 7);
  CHECK_THROWS_AS(value["Name"].integer(), std::logic_error);
}
