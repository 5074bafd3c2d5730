#include "runtime/route_trie.hpp"

#include <algorithm>
#include <utility>

namespace moonbase::gateway {
namespace {

bool is_variable(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}
bool is_greedy(std::string_view segment) { return is_variable(segment) && segment[segment.size() - 2] == '+'; }

// Calls `visit` with each segment of "/a/b"; "/" has none.
template <class Visit>
void each_segment(std::string_view path, Visit visit) {
  if (!path.empty() && path.front() == '/') path.remove_prefix(1);
  while (!path.empty()) {
    const auto slash = path.find('/');
    visit(path.substr(0, slash));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

struct RouteTrie::Node {
  struct Method {
    std::string name;
    std::uint32_t route;
  };
  std::vector<std::pair<std::string, std::unique_ptr<Node>>> literals;  // Sorted.
  std::unique_ptr<Node> variable, greedy;
  std::vector<Method> methods;  // Empty where no route ends.

  Node& literal(std::string_view segment) {
    const auto at = std::lower_bound(literals.begin(), literals.end(), segment,
                                     [](const auto& entry, std::string_view name) { return entry.first < name; });
    if (at != literals.end() && at->first == segment) return *at->second;
    return *literals.emplace(at, std::string(segment), std::make_unique<Node>())->second;
  }
  const Node* find_literal(std::string_view segment) const {
    const auto at = std::lower_bound(literals.begin(), literals.end(), segment,
                                     [](const auto& entry, std::string_view name) { return entry.first < name; });
    return at != literals.end() && at->first == segment ? at->second.get() : nullptr;
  }
  const Method* method(std::string_view name) const {
    const Method* any = nullptr;
    for (const auto& method : methods) {
      if (method.name == name) return &method;
      if (method.name == "ANY") any = &method;
    }
    return any;
  }
};

// One lookup. It visits a node at most once, and is no deeper than the tree.
struct RouteTrie::Search {
  std::string_view method;
  Rules rules;
  RouteMatch& match;
  bool path_known = false;

  // True when the search is over: a route was found, or (REST) the path is settled.
  bool arrive(const Node& node, std::size_t values) {
    if (node.methods.empty()) return false;
    path_known = true;
    const auto* found = node.method(method);
    if (!found) return rules == Rules::rest;
    match.route = found->route;
    match.values_count = values;
    method_found = true;
    return true;
  }

  // `rest` is what follows this node's slash; `more` says whether there was a slash at all.
  bool visit(const Node& node, std::string_view rest, bool more, std::size_t values) {
    if (!more) return arrive(node, values);
    const auto slash = rest.find('/');
    const bool deeper = slash != std::string_view::npos;
    const auto segment = rest.substr(0, slash);
    const auto after = deeper ? rest.substr(slash + 1) : std::string_view();
    if (const auto* next = node.find_literal(segment); next && visit(*next, after, deeper, values)) return true;
    if (node.variable && !segment.empty() && values < path_segments_max) {
      match.values[values] = segment;
      if (visit(*node.variable, after, deeper, values + 1)) return true;
    }
    if (node.greedy && !rest.empty() && values < path_segments_max) {
      match.values[values] = rest;
      if (arrive(*node.greedy, values + 1)) return true;
    }
    return false;
  }
  bool method_found = false;
};

RouteTrie::RouteTrie(Rules rules) : rules_(rules), root_(std::make_unique<Node>()) {}
RouteTrie::RouteTrie(RouteTrie&&) noexcept = default;
RouteTrie& RouteTrie::operator=(RouteTrie&&) noexcept = default;
RouteTrie::~RouteTrie() = default;

void RouteTrie::add(std::string_view method, std::string_view path, std::uint32_t route) {
  Node* node = root_.get();
  const auto child = [](std::unique_ptr<Node>& place) {
    if (!place) place = std::make_unique<Node>();
    return place.get();
  };
  each_segment(path, [&](std::string_view segment) {
    if (is_greedy(segment))
      node = child(node->greedy);
    else if (is_variable(segment))
      node = child(node->variable);
    else
      node = &node->literal(segment);
  });
  // "/pets/" is another path than "/pets" to an HTTP API.
  if (rules_ == Rules::http && path.size() > 1 && path.back() == '/') node = &node->literal("");
  node->methods.push_back({std::string(method), route});
}

RouteFound RouteTrie::find(std::string_view method, std::string_view path, RouteMatch& match) const {
  if (!path.empty() && path.front() == '/') path.remove_prefix(1);
  if (rules_ == Rules::rest && !path.empty() && path.back() == '/') path.remove_suffix(1);
  Search search{method, rules_, match};
  search.visit(*root_, path, !path.empty(), 0);
  if (search.method_found) return RouteFound::found;
  return search.path_known ? RouteFound::no_method : RouteFound::no_path;
}

std::size_t path_segments(std::string_view path) {
  std::size_t count = 0;
  each_segment(path, [&](std::string_view) { ++count; });
  return count;
}

std::vector<std::string> path_variable_names(std::string_view path) {
  std::vector<std::string> names;
  each_segment(path, [&](std::string_view segment) {
    if (is_variable(segment)) names.emplace_back(segment.substr(1, segment.size() - (is_greedy(segment) ? 3 : 2)));
  });
  return names;
}

}  // namespace moonbase::gateway
