// RouteTrie: from a method and a path to a route. Built once per deployment, then read by any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace moonbase::gateway {

// A path has at most so many segments; creating a deeper one is refused.
constexpr std::size_t path_segments_max = 64;

// What a lookup found. Holds views into the path that was looked up.
struct RouteMatch {
  std::uint32_t route = 0;  // As given to add().
  std::size_t values_count = 0;
  std::array<std::string_view, path_segments_max> values;  // Of the path's variables, from left to right.
};

enum class RouteFound : std::uint8_t {
  no_path,    // No route has this path.
  no_method,  // Some route has the path, but none of them the method.
  found,
};

// Literal segments win over "{name}", which wins over "{name+}" (the rest of the path, at least one segment).
class RouteTrie {
 public:
  // REST APIs choose the path before they look at the method. HTTP APIs choose among the routes that
  // have the method, and know a trailing slash from none.
  enum class Rules : std::uint8_t { rest, http };

  explicit RouteTrie(Rules rules);
  RouteTrie(RouteTrie&&) noexcept;
  RouteTrie& operator=(RouteTrie&&) noexcept;
  ~RouteTrie();

  // `path` is "/", or "/product/{id}", of at most path_segments_max segments; `method` is "GET", or
  // "ANY" for all that are not there themselves.
  void add(std::string_view method, std::string_view path, std::uint32_t route);

  // `path` begins with "/". Allocates nothing. Of `match`, only what belongs to the answer is written.
  RouteFound find(std::string_view method, std::string_view path, RouteMatch& match) const;

 private:
  struct Node;
  struct Search;
  Rules rules_;
  std::unique_ptr<Node> root_;
};

std::size_t path_segments(std::string_view path);
// The names of a path's variables, from left to right, without braces and "+".
std::vector<std::string> path_variable_names(std::string_view path);

}  // namespace moonbase::gateway
