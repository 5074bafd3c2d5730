// Splits an expression into tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace moonbase::dynamodb {

struct Token {
  enum class Kind : std::uint8_t { word, name, value, number, symbol, end };  // name: "#a", value: ":a".
  Kind kind = Kind::end;
  std::string_view text;  // Within the expression.

  bool is(std::string_view symbol) const { return kind == Kind::symbol && text == symbol; }
  bool is_word(std::string_view keyword) const;  // Without regard to case.
};

// Reads tokens in order. The expression must outlive it.
class Lexer {
 public:
  explicit Lexer(std::string_view expression);

  const Token& peek() const { return current_; }
  const Token& peek_second() const { return next_; }
  Token take();

  void stop();  // As if the text ended here.

  // The token that would be taken next with its neighbours: "book-price" for the "-".
  std::string_view near() const;

 private:
  Token scan();

  std::string_view all_;
  std::size_t at_ = 0;
  std::string_view previous_;
  Token current_, next_;
};

}  // namespace moonbase::dynamodb
