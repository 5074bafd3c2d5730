// Expressions of tables: parsed, checked and, where they are good, carried out on an item.
#include "dynamodb/attribute.hpp"
#include "dynamodb/evaluate.hpp"
#include "dynamodb/item_format.hpp"
#include "dynamodb/key_condition.hpp"
#include "fuzz.hpp"

using namespace moonbase::dynamodb;

namespace {

using moonbase::List;
using moonbase::Map;
using moonbase::Value;

// Whatever an expression calls its names and values, they mean these, in turn.
const std::string names[] = {"a", "b", "m", "l", "ss", "ns", "deep name"};
const Value values[] = {Map{{"S", "text"}},          Map{{"N", "12.5"}},     Map{{"L", List{Map{{"N", "1"}}}}},
                        Map{{"SS", List{"x", "y"}}}, Map{{"NS", List{"1"}}}, Map{{"M", Map{{"a", Map{{"S", "x"}}}}}},
                        Map{{"BOOL", true}},         Map{{"B", "bytes"}}};

const Map& item() {
  static const Map example = {
      {"a", Map{{"S", "x"}}},
      {"b", Map{{"N", "7"}}},
      {"m", Map{{"M", Map{{"a", Map{{"L", List{Map{{"S", "e"}}}}}}, {"b", Map{{"NULL", true}}}}}}},
      {"l", Map{{"L", List{Map{{"S", "0"}}, Map{{"M", Map{{"a", Map{{"N", "1"}}}}}}, Map{{"N", "2"}}}}}},
      {"ss", Map{{"SS", List{"x"}}}},
      {"ns", Map{{"NS", List{"1", "2"}}}}};
  return example;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto kind = static_cast<ExpressionKind>(data[0] % 6);
  const auto parsed = parse_expression(kind, fuzz::text_of(data + 2, size - 2));
  if (!parsed) {
    fuzz::expect(parsed.error().code == "ValidationException", "a refusal is a ValidationException");
    return 0;
  }
  BoundExpression bound{*parsed, {}};
  for (std::size_t i = 0; i < bound.expression->names.size(); ++i)
    bound.bindings.names.push_back(data[1] == 0xff ? nullptr : &names[(data[1] + i) % std::size(names)]);
  for (std::size_t i = 0; i < bound.expression->values.size(); ++i)
    bound.bindings.values.push_back(data[1] == 0xfe ? nullptr : &values[(data[1] + i) % std::size(values)]);
  if (!check_expression(*bound.expression, bound.bindings)) return 0;

  if (kind == ExpressionKind::update) {
    Map after = item();
    if (!apply_update(*bound.expression, bound.bindings, after)) return 0;
    auto checked = after;
    fuzz::expect(check_attributes(checked).ok() && checked == after, "an update leaves a good item");
    fuzz::expect(decode_item(encode_item(after)) == after, "an updated item can be stored");
    updated_paths(*bound.expression, bound.bindings).apply(after);
  } else if (kind == ExpressionKind::projection) {
    Projection projection;
    for (const auto& path : bound.expression->paths) projection.add(path, bound.bindings);
    const auto chosen = projection.apply(item());
    fuzz::expect(item_bytes(chosen) <= item_bytes(item()), "a projection is no larger than the item");
  } else {
    bound.holds(item());
    bound.holds(Map{});
    if (kind == ExpressionKind::key_condition) {
      const KeySchema schema{{{"a", Type::string}}, {{"b", Type::number}}};
      if (const auto conditions = read_key_conditions(bound, 2)) static_cast<void>(key_range(schema, *conditions));
    }
  }
  return 0;
}
