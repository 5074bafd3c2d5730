// Update expressions at work.
#include <algorithm>
#include <unordered_set>

#include "attribute.hpp"
#include "errors.hpp"
#include "evaluate.hpp"
#include "number.hpp"

namespace moonbase::dynamodb {
namespace {

Error invalid_path() { return validation("The document path provided in the update expression is invalid for update"); }
Error missing_attribute() {
  return validation("The provided expression refers to an attribute that does not exist in the item");
}
Error wrong_type() { return validation("An operand in the update expression has an incorrect data type"); }

// The content of a checked attribute, to be changed in place.
Value& content_in(Value& attribute) { return attribute.map().begin()->value; }

class Update {
 public:
  Update(const Bindings& bindings, const Map& before) : bindings_(bindings), before_(before) {}

  Result<Value> set_value(const UpdateAction& action) const {
    auto first = resolve(action.operands[0]);
    if (!first || action.arithmetic == UpdateAction::Arithmetic::none) return first;
    auto second = resolve(action.operands[1]);
    if (!second) return second;
    if (type_of(*first) != Type::number || type_of(*second) != Type::number) return wrong_type();
    const auto a = *Number::parse(content_of(*first).string()), b = *Number::parse(content_of(*second).string());
    return number(action.arithmetic == UpdateAction::Arithmetic::plus ? add(a, b) : subtract(a, b));
  }

  // ADD: a number is added, members join a set; an attribute that is not there begins empty.
  Result<Value> added(const UpdateAction& action, const Value* present) const {
    const auto& more = *bindings_.values[action.operands[0].value];
    if (!present) return more;
    const auto type = type_of(*present);
    if (type != type_of(more)) return wrong_type();
    if (type == Type::number)
      return number(add(*Number::parse(content_of(*present).string()), *Number::parse(content_of(more).string())));
    Value joined = *present;
    auto& members = content_in(joined).list();
    if (type == Type::list) {  // Only the older AttributeUpdates may ask for this.
      members.insert(members.end(), content_of(more).list().begin(), content_of(more).list().end());
      return joined;
    }
    const auto known = member_set(*present);
    for (const auto& member : content_of(more).list())
      if (!known.contains(member.string())) members.push_back(member);
    return joined;
  }

  // DELETE: what is left of a set; null where nothing is.
  Result<Value> without_members(const UpdateAction& action, const Value& present) const {
    const auto& less = *bindings_.values[action.operands[0].value];
    if (type_of(present) != type_of(less)) return wrong_type();
    const auto unwanted = member_set(less);
    List left;
    for (const auto& member : content_of(present).list())
      if (!unwanted.contains(member.string())) left.push_back(member);
    if (left.empty()) return Value();
    return make_attribute(type_of(present), std::move(left));
  }

 private:
  static std::unordered_set<std::string_view> member_set(const Value& set) {
    std::unordered_set<std::string_view> members;
    for (const auto& member : content_of(set).list()) members.insert(member.string());
    return members;
  }

  static Result<Value> number(Result<Number> result) {
    if (!result) return result.error();
    return make_attribute(Type::number, result->text());
  }

  Result<Value> resolve(const Operand& operand) const {
    if (operand.kind == Operand::Kind::value) return *bindings_.values[operand.value];
    if (operand.kind == Operand::Kind::path) {
      const auto* found = find_path(before_, operand.path, bindings_);
      if (!found) return missing_attribute();
      return *found;
    }
    const auto& called = *operand.function;
    if (called.name == "if_not_exists") {
      if (const auto* found = find_path(before_, called.arguments[0].path, bindings_)) return *found;
      return resolve(called.arguments[1]);
    }
    auto first = resolve(called.arguments[0]);
    if (!first) return first;
    auto second = resolve(called.arguments[1]);
    if (!second) return second;
    if (type_of(*first) != Type::list || type_of(*second) != Type::list) return wrong_type();
    auto& joined = content_in(*first).list();
    for (auto& element : content_in(*second).list()) joined.push_back(std::move(element));
    return first;
  }

  const Bindings& bindings_;
  const Map& before_;
};

// The container that holds a path's last step.
struct Place {
  Map* map = nullptr;
  List* list = nullptr;
};

Result<Place> find_place(Map& item, const Path& path, const Bindings& bindings) {
  Place place{&item};
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    Value* next = nullptr;
    if (path[i].kind != PathStep::Kind::index) {
      if (place.map) next = place.map->find(step_name(path[i], bindings));
    } else if (place.list && path[i].number < place.list->size()) {
      next = &(*place.list)[path[i].number];
    }
    if (!next) return invalid_path();
    const auto type = type_of(*next);
    place = {type == Type::map ? &content_in(*next).map() : nullptr,
             type == Type::list ? &content_in(*next).list() : nullptr};
  }
  const bool index = path.back().kind == PathStep::Kind::index;
  if (index ? !place.list : !place.map) return invalid_path();
  return place;
}

Result<Done> put(Map& item, const Path& path, const Bindings& bindings, Value value) {
  auto place = find_place(item, path, bindings);
  if (!place) return place.error();
  if (place->map) {
    place->map->set(step_name(path.back(), bindings), std::move(value));
  } else if (path.back().number < place->list->size()) {
    (*place->list)[path.back().number] = std::move(value);
  } else {
    place->list->push_back(std::move(value));  // Beyond the end means at the end.
  }
  return done;
}

std::size_t depth_of(const Value& attribute) {
  std::size_t deepest = 0;
  const auto& content = content_of(attribute);
  if (type_of(attribute) == Type::map)
    for (const auto& entry : content.map()) deepest = std::max(deepest, depth_of(entry.value));
  if (type_of(attribute) == Type::list)
    for (const auto& element : content.list()) deepest = std::max(deepest, depth_of(element));
  return deepest + 1;
}

}  // namespace

Result<Done> apply_update(const Expression& expression, const Bindings& bindings, Map& item) {
  const Map before = item;
  const Update update(bindings, before);
  using Kind = UpdateAction::Kind;

  // Elements leave their lists last, from the end, so that every index means what it meant before.
  std::vector<const UpdateAction*> removals;
  for (const auto& action : expression.actions) {
    if (action.kind == Kind::remove) {
      removals.push_back(&action);
      continue;
    }
    Result<Value> value = Value();
    if (action.kind == Kind::set) {
      value = update.set_value(action);
    } else {
      const auto* present = find_path(before, action.path, bindings);
      if (action.kind == Kind::add) {
        value = update.added(action, present);
      } else if (!present) {
        continue;
      } else {
        value = update.without_members(action, *present);
      }
    }
    if (!value) return value.error();
    if (value->is_null()) {
      removals.push_back(&action);
      continue;
    }
    if (depth_of(*value) + action.path.size() - 1 > nesting_max)
      return validation("Nesting Levels have exceeded supported limits");
    if (auto put_there = put(item, action.path, bindings, std::move(*value)); !put_there) return put_there;
  }

  std::stable_sort(removals.begin(), removals.end(), [](const UpdateAction* a, const UpdateAction* b) {
    const auto index = [](const UpdateAction* action) {
      return action->path.back().kind == PathStep::Kind::index ? action->path.back().number + 1 : 0;
    };
    return index(a) > index(b);
  });
  // Deeper paths first: an element must still be where its path says when something within it goes.
  std::stable_sort(removals.begin(), removals.end(),
                   [](const UpdateAction* a, const UpdateAction* b) { return a->path.size() > b->path.size(); });
  for (const auto* action : removals) {
    auto place = find_place(item, action->path, bindings);
    if (!place) return place.error();
    if (place->map) {
      place->map->erase(step_name(action->path.back(), bindings));
    } else if (action->path.back().number < place->list->size()) {
      place->list->erase(place->list->begin() + static_cast<std::ptrdiff_t>(action->path.back().number));
    }
  }
  return done;
}

Projection updated_paths(const Expression& expression, const Bindings& bindings) {
  Projection paths;
  for (const auto& action : expression.actions) paths.add(action.path, bindings);
  return paths;
}

}  // namespace moonbase::dynamodb
