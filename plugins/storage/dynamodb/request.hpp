// The expression parameters of a request: read, checked, and joined with its names and values.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "evaluate.hpp"
#include "expression.hpp"

namespace moonbase::dynamodb {

// Parsed expressions by their text. Any thread may use it; bounded.
class ExpressionCache {
 public:
  Result<std::shared_ptr<const Expression>> parse(ExpressionKind kind, const std::string& text);

 private:
  static constexpr std::size_t entries_max = 1000;
  static constexpr std::size_t text_bytes_max = 1024;  // Longer ones are seldom written by hand, thus seldom repeated.

  std::shared_mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const Expression>> expressions_;
};

// An expression of a request. Holds views into the request's input, or into what owns its values.
struct BoundExpression {
  std::shared_ptr<const Expression> expression;
  Bindings bindings;

  explicit operator bool() const { return expression != nullptr; }
  bool holds(const Map& item) const { return dynamodb::holds(*expression, bindings, item); }
};

// Which expression parameters an operation takes, in the order in which they are read, and which
// older parameters they replace.
struct ExpressionParameters {
  std::vector<ExpressionKind> kinds;
  std::vector<std::string_view> replaced;
  std::string_view values_need;  // "UpdateExpression and ConditionExpression are null"; empty: no values.
};

// Refuses mixtures of old and new parameters, and names and values that nothing could use.
Result<Done> check_parameters(const Value& input, const ExpressionParameters& parameters);

class Expressions {
 public:
  // Reads, parses and checks them all. Normalises the input's ExpressionAttributeValues; `input`
  // must outlive the result.
  static Result<Expressions> read(ExpressionCache& cache, Value& input, const ExpressionParameters& parameters);

  const BoundExpression& operator[](ExpressionKind kind) const { return bound_[static_cast<std::size_t>(kind)]; }
  BoundExpression& operator[](ExpressionKind kind) { return bound_[static_cast<std::size_t>(kind)]; }

 private:
  std::array<BoundExpression, 6> bound_;
};

// What a read chooses of items: a ProjectionExpression, or AttributesToGet; nothing: all.
std::optional<Projection> read_projection(const Expressions& expressions, const Value& attributes_to_get);

// What the writing item operations put before an error of the functions above.
Error enveloped(Error error);

}  // namespace moonbase::dynamodb
