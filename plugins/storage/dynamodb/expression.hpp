// Expressions as they are written: condition, filter, key condition, projection and update, parsed
// but not yet joined with the names and values of a request. A parsed expression is immutable and
// may be shared by any number of threads (see ExpressionCache).
//
// Placeholders (#name, :value) are numbered in order of their first appearance; Bindings gives each
// number its meaning for one request. Nothing here recurses deeper than an expression's function
// calls may nest, whatever a client sends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <moonbase/result.hpp>
#include <moonbase/value.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace moonbase::dynamodb {

constexpr std::size_t expression_bytes_max = 4096;
constexpr std::size_t operators_max = 300;
constexpr std::size_t in_operands_max = 100;
constexpr std::size_t function_nesting_max = 16;

enum class ExpressionKind : std::uint8_t { condition, filter, key_condition, projection, update, search };
std::string_view parameter_name(ExpressionKind kind);  // "ConditionExpression", …

// One step of a document path: an attribute's name as written, a placeholder, or a list index.
struct PathStep {
  enum class Kind : std::uint8_t { name, placeholder, index };
  Kind kind = Kind::name;
  std::string name;        // For `name`.
  std::size_t number = 0;  // The placeholder's number, or the index.
};
using Path = std::vector<PathStep>;

struct Function;

struct Operand {
  enum class Kind : std::uint8_t { path, value, function };
  Kind kind = Kind::path;
  Path path;
  std::size_t value = 0;  // The value placeholder's number.
  std::shared_ptr<const Function> function;
};

struct Function {
  std::string name;
  std::vector<Operand> arguments;
};

enum class Operator : std::uint8_t {
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  between,
  in,
  function
};
std::string_view operator_text(Operator op);  // "=", "<>", …, "BETWEEN", "IN".

// One comparison, or a function that stands for itself (operands[0] is that function).
struct Comparison {
  Operator op = Operator::equal;
  std::vector<Operand> operands;
};

// A condition in postfix order, so that a deep one needs no deep stack.
struct Condition {
  struct Step {
    enum class Kind : std::uint8_t { comparison, conjunction, disjunction, negation };
    Kind kind = Kind::comparison;
    std::size_t comparison = 0;
  };
  std::vector<Comparison> comparisons;
  std::vector<Step> steps;
};

struct UpdateAction {
  enum class Kind : std::uint8_t { set, remove, add, remove_members };  // SET, REMOVE, ADD, DELETE.
  enum class Arithmetic : std::uint8_t { none, plus, minus };
  Kind kind = Kind::set;
  Path path;
  Arithmetic arithmetic = Arithmetic::none;
  std::vector<Operand> operands;  // SET: one or two. ADD and DELETE: one value.
};

struct Expression {
  ExpressionKind kind = ExpressionKind::condition;
  Condition condition;                // Condition, filter, key condition, search.
  std::vector<Path> paths;            // Projection.
  std::vector<UpdateAction> actions;  // Update.
  std::vector<std::string> names;     // The placeholders, with their "#".
  std::vector<std::string> values;    // With their ":".
  bool redundant_parentheses = false;
  std::string repeated_section;  // "SET" where an update has two SET sections.
};

// What the placeholders of one expression mean in one request. Holds views.
struct Bindings {
  std::vector<const std::string*> names;  // Null where the request does not define it.
  std::vector<const Value*> values;
};

// Parses. The Error is complete: "Invalid UpdateExpression: Syntax error; token: …, near: …".
Result<std::shared_ptr<const Expression>> parse_expression(ExpressionKind kind, std::string_view text);

// The name of a step that is no index.
const std::string& step_name(const PathStep& step, const Bindings& bindings);
// "[a, [0], b]", as DynamoDB shows paths.
std::string describe_path(const Path& path, const Bindings& bindings);

// What can be wrong with an expression once its placeholders are known: undefined placeholders,
// reserved words, unknown or misused functions, operand types, overlapping paths. In DynamoDB's
// order of precedence and with its texts.
Result<Done> check_expression(const Expression& expression, const Bindings& bindings);

bool is_reserved_word(std::string_view word);  // Without regard to case.

}  // namespace moonbase::dynamodb
