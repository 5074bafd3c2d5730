#include "runtime/route_trie.hpp"

#include <catch2/catch.hpp>

using moonbase::gateway::path_variable_names;
using moonbase::gateway::RouteFound;
using moonbase::gateway::RouteMatch;
using moonbase::gateway::RouteTrie;

namespace {

// The route and its values, as text: "3 a b"; or why there is none.
std::string found(const RouteTrie& trie, std::string_view method, std::string_view path) {
  RouteMatch match;
  switch (trie.find(method, path, match)) {
    case RouteFound::no_path:
      return "no path";
    case RouteFound::no_method:
      return "no method";
    case RouteFound::found:
      break;
  }
  auto text = std::to_string(match.route);
  for (std::size_t i = 0; i < match.values_count; ++i) text += " " + std::string(match.values[i]);
  return text;
}

}  // namespace

TEST_CASE("a literal segment wins over a variable, and a variable over the rest of the path") {
  RouteTrie trie(RouteTrie::Rules::rest);
  trie.add("GET", "/product/{id}", 1);
  trie.add("GET", "/product/new", 2);
  trie.add("GET", "/{proxy+}", 3);
  trie.add("GET", "/", 4);
  CHECK(found(trie, "GET", "/product/42") == "1 42");
  CHECK(found(trie, "GET", "/product/new") == "2");
  CHECK(found(trie, "GET", "/product/42/parts") == "3 product/42/parts");
  CHECK(found(trie, "GET", "/product") == "3 product");
  CHECK(found(trie, "GET", "/") == "4");
}

TEST_CASE("the rest of a path is at least one segment") {
  RouteTrie trie(RouteTrie::Rules::rest);
  trie.add("ANY", "/files/{path+}", 1);
  CHECK(found(trie, "GET", "/files/a/b") == "1 a/b");
  CHECK(found(trie, "GET", "/files/a/") == "1 a");
  CHECK(found(trie, "GET", "/files") == "no path");
  CHECK(found(trie, "GET", "/files/") == "no path");
}

TEST_CASE("a method of its own wins over ANY") {
  RouteTrie trie(RouteTrie::Rules::rest);
  trie.add("ANY", "/a", 1);
  trie.add("GET", "/a", 2);
  CHECK(found(trie, "GET", "/a") == "2");
  CHECK(found(trie, "PATCH", "/a") == "1");
}

TEST_CASE("a REST API settles on the path before it looks at the method") {
  RouteTrie trie(RouteTrie::Rules::rest);
  trie.add("POST", "/pets", 1);
  trie.add("ANY", "/{proxy+}", 2);
  CHECK(found(trie, "POST", "/pets") == "1");
  CHECK(found(trie, "GET", "/pets") == "no method");
}

TEST_CASE("an HTTP API goes on to the next route that has the method") {
  RouteTrie trie(RouteTrie::Rules::http);
  trie.add("POST", "/pets", 1);
  trie.add("ANY", "/{proxy+}", 2);
  CHECK(found(trie, "POST", "/pets") == "1");
  CHECK(found(trie, "GET", "/pets") == "2 pets");
}

TEST_CASE("a trailing slash is nothing to a REST API and a path of its own to an HTTP API") {
  RouteTrie rest(RouteTrie::Rules::rest), http(RouteTrie::Rules::http);
  rest.add("GET", "/pets", 1);
  http.add("GET", "/pets", 1);
  CHECK(found(rest, "GET", "/pets/") == "1");
  CHECK(found(http, "GET", "/pets/") == "no path");
  http.add("GET", "/pets/", 2);
  CHECK(found(http, "GET", "/pets/") == "2");
}

TEST_CASE("a lookup takes another way when the literal one leads nowhere") {
  RouteTrie trie(RouteTrie::Rules::http);
  trie.add("GET", "/a/{x}/c", 1);
  trie.add("GET", "/{y}/b/d", 2);
  CHECK(found(trie, "GET", "/a/b/c") == "1 b");
  CHECK(found(trie, "GET", "/a/b/d") == "2 a");
  CHECK(found(trie, "GET", "/a/b/e") == "no path");
}

TEST_CASE("an empty segment is no value of a variable") {
  RouteTrie trie(RouteTrie::Rules::rest);
  trie.add("GET", "/a/{x}/c", 1);
  CHECK(found(trie, "GET", "/a//c") == "no path");
}

TEST_CASE("a path of thirty thousand segments is looked up without deep recursion") {
  RouteTrie trie(RouteTrie::Rules::http);
  trie.add("GET", "/{a}/{b}", 1);
  trie.add("GET", "/x/{rest+}", 2);
  std::string path;
  for (int i = 0; i < 30'000; ++i) path += "/x";
  CHECK(found(trie, "GET", path).starts_with("2 x/x"));
  CHECK(found(trie, "POST", path) == "no method");
}

TEST_CASE("the variables of a path have names") {
  CHECK(path_variable_names("/a/{id}/{proxy+}") == std::vector<std::string>{"id", "proxy"});
  CHECK(path_variable_names("/a/{}/b").empty());
}
