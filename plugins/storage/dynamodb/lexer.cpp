#include "lexer.hpp"

#include <cctype>

namespace moonbase::dynamodb {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word_character(char c) { return is_letter(c) || is_digit(c) || c == '_'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f'; }

}  // namespace

bool Token::is_word(std::string_view keyword) const {
  if (kind != Kind::word || text.size() != keyword.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (std::toupper(static_cast<unsigned char>(text[i])) != keyword[i]) return false;
  return true;
}

Lexer::Lexer(std::string_view expression) : all_(expression) {
  current_ = scan();
  next_ = scan();
}

Token Lexer::take() {
  const Token taken = current_;
  if (taken.kind != Token::Kind::end) previous_ = taken.text;
  current_ = next_;
  next_ = scan();
  return taken;
}

void Lexer::stop() {
  at_ = all_.size();
  current_ = next_ = Token{Token::Kind::end, all_.substr(at_)};
}

// From the token before to the token behind, as they stand in the text.
std::string_view Lexer::near() const {
  const char* begin = previous_.empty() ? current_.text.data() : previous_.data();
  const Token& last = next_.kind == Token::Kind::end ? current_ : next_;
  const char* end = current_.kind == Token::Kind::end ? begin + previous_.size() : last.text.data() + last.text.size();
  return {begin, static_cast<std::size_t>(end - begin)};
}

Token Lexer::scan() {
  while (at_ < all_.size() && is_space(all_[at_])) ++at_;
  if (at_ == all_.size()) return {Token::Kind::end, all_.substr(at_)};

  const auto begin = at_;
  const auto token = [&](Token::Kind kind) { return Token{kind, all_.substr(begin, at_ - begin)}; };
  const char first = all_[at_++];
  const char second = at_ < all_.size() ? all_[at_] : '\0';
  // A word does not begin with an underscore: "_id" has always needed a placeholder.
  if (is_letter(first) || ((first == '#' || first == ':') && is_word_character(second))) {
    while (at_ < all_.size() && is_word_character(all_[at_])) ++at_;
    return token(first == '#' ? Token::Kind::name : first == ':' ? Token::Kind::value : Token::Kind::word);
  }
  if (is_digit(first)) {
    while (at_ < all_.size() && is_digit(all_[at_])) ++at_;
    return token(Token::Kind::number);
  }
  if ((first == '<' && (second == '=' || second == '>')) || (first == '>' && second == '=')) ++at_;
  // One character, however many bytes it has, so that a message never shows half of one.
  if ((static_cast<unsigned char>(first) & 0xC0) == 0xC0)
    while (at_ < all_.size() && (static_cast<unsigned char>(all_[at_]) & 0xC0) == 0x80) ++at_;
  return token(Token::Kind::symbol);
}

}  // namespace moonbase::dynamodb
