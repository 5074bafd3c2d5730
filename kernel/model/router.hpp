// Router: from an HTTP method, path and query to an operation of a REST service.
#pragma once

#include <model/model.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moonbase::model {

// What a request says that may tell operations with the same path apart.
struct RouteRequest {
  std::string_view method;
  std::string_view path;                                          // As sent, still encoded.
  const std::vector<std::pair<std::string, std::string>>& query;  // Decoded.
  const void* headers;                                            // Handed back to has_header.
  bool (*has_header)(const void* headers, std::string_view name);
};

// Compiled once, then read by any thread.
class Router {
 public:
  explicit Router(const Service& service);
  Router(const Router&) = delete;
  ~Router();

  struct Match {
    const Operation* operation = nullptr;  // Null when nothing matches.
    bool path_known = false;               // The path is some operation's, but under another method.
  };
  // Literal segments win over labels, labels over greedy ones; among operations of one path, the one
  // that "x-id=Name" names, else the one whose query literals and required parameters and headers are
  // all there, and most of them.
  Match match(const RouteRequest& request) const;

 private:
  struct Node;
  std::unique_ptr<Node> root_;
};

// The labels of `operation` in this path, decoded, by member. Empty when it is not of that form.
std::vector<std::pair<std::string_view, std::string>> labels_of(const Operation& operation, std::string_view path);

}  // namespace moonbase::model
