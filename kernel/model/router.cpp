#include <algorithm>
#include <map>
#include <model/router.hpp>
#include <moonbase/http.hpp>
#include <tuple>

namespace moonbase::model {
namespace {

// What is left of a path once its first segment is taken. One slash at the end means nothing.
std::string_view first_segment(std::string_view rest) { return rest.substr(0, rest.find('/')); }
std::string_view after(std::string_view rest, std::string_view segment) {
  return rest.substr(std::min(segment.size() + 1, rest.size()));
}
std::string_view without_leading_slash(std::string_view path) { return path.starts_with('/') ? path.substr(1) : path; }

bool has_literal(const RouteRequest& request, const QueryLiteral& literal) {
  return std::any_of(request.query.begin(), request.query.end(), [&](const auto& parameter) {
    return parameter.first == literal.name && (literal.value.empty() || parameter.second == literal.value);
  });
}

}  // namespace

struct Router::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
  std::unique_ptr<Node> label;
  std::unique_ptr<Node> greedy;
  std::vector<const Operation*> operations;

  void match(const RouteRequest& request, std::string_view rest, Match& found) const {
    if (rest.empty()) return choose(request, found);
    const auto segment = first_segment(rest);
    if (const auto literal = literals.find(segment); literal != literals.end())
      literal->second->match(request, after(rest, segment), found);
    if (!found.operation && label && !segment.empty()) label->match(request, after(rest, segment), found);
    if (!found.operation && greedy) match_greedy(request, rest, found);
  }

  // Takes as many segments as leave something for what follows the greedy label; what follows wins
  // over nothing.
  void match_greedy(const RouteRequest& request, std::string_view rest, Match& found) const {
    if (!greedy->literals.empty() || greedy->label) {
      for (auto slash = rest.rfind('/'); slash != std::string_view::npos && slash > 0 && !found.operation;
           slash = rest.rfind('/', slash - 1))
        greedy->match(request, rest.substr(slash + 1), found);
    }
    if (!found.operation) greedy->choose(request, found);
  }

  void choose(const RouteRequest& request, Match& found) const {
    // Named by the client, then more literals, then fewer missing requirements, then more that are met.
    std::tuple<bool, int, int, int> best;
    for (const auto* operation : operations) {
      if (operation->method != request.method) {
        found.path_known = true;
        continue;
      }
      const auto& literals_wanted = operation->query;
      if (!std::all_of(literals_wanted.begin(), literals_wanted.end(),
                       [&](const QueryLiteral& literal) { return has_literal(request, literal); }))
        continue;
      int met = 0;
      int missing = 0;
      for (const auto& member : operation->input->members) {
        if (!member.required) continue;
        if (member.location == Location::header) {
          ++(request.has_header(request.headers, member.location_name) ? met : missing);
        } else if (member.location == Location::query) {
          ++(has_literal(request, {std::string(member.location_name), ""}) ? met : missing);
        }
      }
      const std::tuple<bool, int, int, int> score{has_literal(request, {"x-id", operation->name}),
                                                  static_cast<int>(literals_wanted.size()), -missing, met};
      if (!found.operation || score > best) {
        found.operation = operation;
        best = score;
      }
    }
  }
};

Router::Router(const Service& service) : root_(std::make_unique<Node>()) {
  for (const auto& operation : service.operations) {
    if (operation.uri.empty()) continue;
    Node* node = root_.get();
    for (const auto& segment : operation.segments) {
      auto& next = !segment.is_label ? node->literals[segment.text] : segment.is_greedy ? node->greedy : node->label;
      if (!next) next = std::make_unique<Node>();
      node = next.get();
    }
    node->operations.push_back(&operation);
  }
}

Router::~Router() = default;

Router::Match Router::match(const RouteRequest& request) const {
  Match found;
  root_->match(request, without_leading_slash(request.path), found);
  return found;
}

std::vector<std::pair<std::string_view, std::string>> labels_of(const Operation& operation, std::string_view path) {
  std::vector<std::pair<std::string_view, std::string>> labels;
  auto rest = without_leading_slash(path);
  for (std::size_t i = 0; i < operation.segments.size(); ++i) {
    const auto& segment = operation.segments[i];
    if (rest.empty()) return {};
    auto taken = first_segment(rest);
    if (segment.is_greedy) {
      taken = rest;
      for (auto left = operation.segments.size() - i - 1; left > 0; --left) {
        const auto slash = taken.rfind('/');
        if (slash == std::string_view::npos) return {};
        taken = taken.substr(0, slash);
      }
    }
    rest = after(rest, taken);
    if (segment.is_label) labels.emplace_back(segment.text, percent_decode(taken));
  }
  return labels;
}

}  // namespace moonbase::model
