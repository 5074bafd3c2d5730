// What expressions mean for an item. All functions are pure; expressions must have passed
// check_expression() with the same bindings, items check_attributes().
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "expression.hpp"

namespace moonbase::dynamodb {

// The attribute at a path, or null.
const Value* find_path(const Map& item, const Path& path, const Bindings& bindings);

// True when the condition holds for the item; an item that does not exist is an empty one.
bool holds(const Expression& expression, const Bindings& bindings, const Map& item);

// Which parts of an item to answer: a tree of paths.
class Projection {
 public:
  Projection();
  Projection(Projection&&) noexcept;
  Projection& operator=(Projection&&) noexcept;
  ~Projection();

  void add(const Path& path, const Bindings& bindings);
  void add(const std::string& attribute);

  // The chosen parts, in their containers; elements of a list close ranks.
  Map apply(const Map& item) const;

 private:
  struct Node;
  static Value project(const Node& node, const Value& attribute, bool& found);
  std::unique_ptr<Node> root_;
};

// Applies an update. Every operand is read from `item` as it was before. The Error is DynamoDB's
// (paths that lead nowhere, wrong types, too many digits) and leaves nothing half done that
// matters: `item` is then to be thrown away.
Result<Done> apply_update(const Expression& expression, const Bindings& bindings, Map& item);

// The paths that an update names, for ReturnValues UPDATED_OLD and UPDATED_NEW.
Projection updated_paths(const Expression& expression, const Bindings& bindings);

}  // namespace moonbase::dynamodb
