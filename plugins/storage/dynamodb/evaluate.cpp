#include "evaluate.hpp"

#include <algorithm>

#include "attribute.hpp"
#include "number.hpp"

namespace moonbase::dynamodb {
namespace {

// An operand's value: an attribute of the item or the request, or one made here.
struct Operands {
  const Value* value = nullptr;
  Value made;
};

// Java's String.length(): what the service counts for size() of a string.
std::size_t utf16_units(std::string_view text) {
  std::size_t units = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) != 0x80) units += byte >= 0xF0 ? 2 : 1;
  }
  return units;
}

class Evaluation {
 public:
  Evaluation(const Bindings& bindings, const Map& item) : bindings_(bindings), item_(item) {}

  bool comparison(const Comparison& comparison) const {
    const auto& given = comparison.operands;
    switch (comparison.op) {
      case Operator::function:
        return function(*given[0].function);
      case Operator::between: {
        const auto value = resolve(given[0]), lower = resolve(given[1]), upper = resolve(given[2]);
        return ordered(value, Operator::greater_equal, lower) && ordered(value, Operator::less_equal, upper);
      }
      case Operator::in: {
        const auto value = resolve(given[0]);
        return std::any_of(given.begin() + 1, given.end(),
                           [&](const Operand& operand) { return same(value, resolve(operand)); });
      }
      case Operator::equal:
        return same(resolve(given[0]), resolve(given[1]));
      case Operator::not_equal:
        return !same(resolve(given[0]), resolve(given[1]));
      default:
        return ordered(resolve(given[0]), comparison.op, resolve(given[1]));
    }
  }

 private:
  Operands resolve(const Operand& operand) const {
    Operands resolved;
    switch (operand.kind) {
      case Operand::Kind::path:
        resolved.value = find_path(item_, operand.path, bindings_);
        break;
      case Operand::Kind::value:
        resolved.value = bindings_.values[operand.value];
        break;
      case Operand::Kind::function:  // size(): no other yields a value.
        if (const auto measured = size(resolve(operand.function->arguments[0]))) {
          resolved.made = make_attribute(Type::number, std::to_string(*measured));
        }
    }
    return resolved;
  }

  static const Value* read(const Operands& operand) {
    return operand.value ? operand.value : operand.made.is_null() ? nullptr : &operand.made;
  }

  static bool same(const Operands& a, const Operands& b) {
    const auto *left = read(a), *right = read(b);
    return left && right && equal(*left, *right);
  }

  static bool ordered(const Operands& a, Operator op, const Operands& b) {
    const auto *left = read(a), *right = read(b);
    if (!left || !right) return false;
    const auto order = compare(*left, *right);
    if (!order) return false;
    switch (op) {
      case Operator::less:
        return *order < 0;
      case Operator::less_equal:
        return *order <= 0;
      case Operator::greater:
        return *order > 0;
      default:
        return *order >= 0;
    }
  }

  static std::optional<std::size_t> size(const Operands& operand) {
    const auto* value = read(operand);
    if (!value) return std::nullopt;
    const auto& content = content_of(*value);
    switch (type_of(*value)) {
      case Type::string:
        return utf16_units(content.string());
      case Type::binary:
        return content.string().size();
      case Type::map:
        return content.map().size();
      case Type::list:
      case Type::string_set:
      case Type::number_set:
      case Type::binary_set:
        return content.list().size();
      default:
        return std::nullopt;
    }
  }

  bool function(const Function& called) const {
    const auto first = resolve(called.arguments[0]);
    const auto* attribute = read(first);
    if (called.name == "attribute_exists") return attribute != nullptr;
    if (called.name == "attribute_not_exists") return attribute == nullptr;
    const auto second = resolve(called.arguments[1]);
    const auto* given = read(second);
    if (!attribute || !given) return false;
    if (called.name == "attribute_type") return type_name(type_of(*attribute)) == content_of(*given).string();
    if (called.name == "begins_with") return begins_with(*attribute, *given);
    return contains(*attribute, *given);
  }

  static bool begins_with(const Value& attribute, const Value& prefix) {
    const auto type = type_of(attribute);
    if (type != type_of(prefix) || (type != Type::string && type != Type::binary)) return false;
    return content_of(attribute).string().starts_with(content_of(prefix).string());
  }

  static bool contains(const Value& attribute, const Value& wanted) {
    const auto type = type_of(attribute), wanted_type = type_of(wanted);
    const auto& content = content_of(attribute);
    if (type == Type::list)
      return std::any_of(content.list().begin(), content.list().end(),
                         [&](const Value& element) { return equal(element, wanted); });
    const bool member = (type == Type::string_set && wanted_type == Type::string) ||
                        (type == Type::number_set && wanted_type == Type::number) ||
                        (type == Type::binary_set && wanted_type == Type::binary);
    if (member)
      return std::find(content.list().begin(), content.list().end(), content_of(wanted)) != content.list().end();
    if (type != wanted_type || (type != Type::string && type != Type::binary)) return false;
    return content.string().find(content_of(wanted).string()) != std::string::npos;
  }

  const Bindings& bindings_;
  const Map& item_;
};

}  // namespace

const Value* find_path(const Map& item, const Path& path, const Bindings& bindings) {
  const Value* at = item.find(step_name(path[0], bindings));
  for (std::size_t i = 1; at && i < path.size(); ++i) {
    const auto type = type_of(*at);
    const auto& content = content_of(*at);
    if (path[i].kind == PathStep::Kind::index) {
      at = type == Type::list && path[i].number < content.list().size() ? &content.list()[path[i].number] : nullptr;
    } else {
      at = type == Type::map ? content.map().find(step_name(path[i], bindings)) : nullptr;
    }
  }
  return at;
}

bool holds(const Expression& expression, const Bindings& bindings, const Map& item) {
  const Evaluation evaluation(bindings, item);
  const auto& condition = expression.condition;
  std::vector<bool> stack;
  for (const auto& step : condition.steps) {
    using Kind = Condition::Step::Kind;
    if (step.kind == Kind::comparison) {
      stack.push_back(evaluation.comparison(condition.comparisons[step.comparison]));
    } else if (step.kind == Kind::negation) {
      stack.back() = !stack.back();
    } else {
      const bool right = stack.back();
      stack.pop_back();
      stack.back() = step.kind == Kind::conjunction ? stack.back() && right : stack.back() || right;
    }
  }
  return stack.back();
}

// Names and indexes are searched in line: 4 KB of expression hold few of them, and items are
// walked by the tree, never the other way round.
struct Projection::Node {
  bool whole = false;
  std::vector<std::pair<std::string, std::unique_ptr<Node>>> names;
  std::vector<std::pair<std::size_t, std::unique_ptr<Node>>> indexes;  // Ascending.
};

Projection::Projection() : root_(std::make_unique<Node>()) {}
Projection::Projection(Projection&&) noexcept = default;
Projection& Projection::operator=(Projection&&) noexcept = default;

Projection::~Projection() {
  // A path may have thousands of steps, so the tree is not left to destroy itself by recursion.
  std::vector<std::unique_ptr<Node>> nodes;
  if (root_) nodes.push_back(std::move(root_));
  while (!nodes.empty()) {
    const auto node = std::move(nodes.back());
    nodes.pop_back();
    for (auto& child : node->names) nodes.push_back(std::move(child.second));
    for (auto& child : node->indexes) nodes.push_back(std::move(child.second));
  }
}

void Projection::add(const Path& path, const Bindings& bindings) {
  Node* node = root_.get();
  const auto child = [](auto& children, const auto& key) {
    const auto at = std::lower_bound(children.begin(), children.end(), key,
                                     [](const auto& entry, const auto& wanted) { return entry.first < wanted; });
    if (at != children.end() && at->first == key) return at->second.get();
    return children.emplace(at, key, std::make_unique<Node>())->second.get();
  };
  for (const auto& step : path)
    node = step.kind == PathStep::Kind::index ? child(node->indexes, step.number)
                                              : child(node->names, step_name(step, bindings));
  node->whole = true;
}

void Projection::add(const std::string& attribute) {
  PathStep step;
  step.name = attribute;
  add(Path{std::move(step)}, {});
}

// Recurses as deep as the item nests, which is bounded.
Value Projection::project(const Node& node, const Value& attribute, bool& found) {
  found = true;
  if (node.whole) return attribute;
  const auto type = type_of(attribute);
  if (type == Type::map) {
    Map chosen;
    for (const auto& [name, child] : node.names) {
      const auto* member = content_of(attribute).map().find(name);
      bool inside = false;
      if (!member) continue;
      auto part = project(*child, *member, inside);
      if (inside) chosen.set(name, std::move(part));
    }
    if (!chosen.empty()) return make_attribute(Type::map, std::move(chosen));
  } else if (type == Type::list) {
    List chosen;
    const auto& list = content_of(attribute).list();
    for (const auto& [index, child] : node.indexes) {
      bool inside = false;
      if (index >= list.size()) break;
      auto part = project(*child, list[index], inside);
      if (inside) chosen.push_back(std::move(part));
    }
    if (!chosen.empty()) return make_attribute(Type::list, std::move(chosen));
  }
  found = false;
  return {};
}

Map Projection::apply(const Map& item) const {
  Map chosen;
  for (const auto& [name, child] : root_->names) {
    const auto* attribute = item.find(name);
    bool found = false;
    if (!attribute) continue;
    auto part = project(*child, *attribute, found);
    if (found) chosen.set(name, std::move(part));
  }
  return chosen;
}

}  // namespace moonbase::dynamodb
