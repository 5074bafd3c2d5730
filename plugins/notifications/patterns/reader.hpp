// PatternReader: the tokens of a pattern's JSON text, each with the place that AWS's refusals name.
#pragma once

#include <cstddef>
#include <moonbase/value.hpp>
#include <string>
#include <string_view>

namespace moonbase::notifications {

class PatternReader {
 public:
  enum class Token { object, end_object, array, end_array, field, string, number, literal, end, broken };

  // The text must outlive the reader.
  explicit PatternReader(std::string_view source) : source_(source) {}

  // Reads on. After `broken` there is no more.
  Token next();
  Token token() const { return token_; }
  // Of a field its name; of a string its content; of a number or literal its text.
  const std::string& text() const { return text_; }
  const Value& value() const { return value_; }  // Of a number or literal.

  // "\n at [Source: (String)"…"; line: 1, column: 5]", where the current token has been read to: all of
  // it, but of a string only the quote that opens it.
  std::string place() const;

 private:
  enum class Frame : char { object, array };

  Token set(Token token, std::size_t end);
  Token read_value();
  Token read_string(Token kind);
  Token read_number();
  Token read_literal();
  void skip_space();
  std::size_t value_begun_at(std::size_t from) const;

  std::string_view source_;
  std::size_t at_ = 0;     // What comes next.
  std::size_t place_ = 0;  // What place() tells of.
  Token token_ = Token::broken;
  std::string text_;
  Value value_;
  std::string frames_;          // One Frame a level.
  bool expects_value_ = false;  // A field's name was read.
  bool is_first_ = true;        // Of the innermost object or array.
};

}  // namespace moonbase::notifications
