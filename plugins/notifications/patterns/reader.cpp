#include "patterns/reader.hpp"

#include <algorithm>
#include <moonbase/json.hpp>

namespace moonbase::notifications {
namespace {

constexpr std::size_t depth_max = 100;
constexpr std::size_t shown_bytes_max = 500;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool ends_word(char c) { return is_space(c) || c == ',' || c == ']' || c == '}' || c == ':'; }

}  // namespace

PatternReader::Token PatternReader::set(Token token, std::size_t end) {
  place_ = end;
  return token_ = token;
}

void PatternReader::skip_space() {
  while (at_ < source_.size() && is_space(source_[at_])) ++at_;
}

PatternReader::Token PatternReader::next() {
  if (token_ == Token::end) return token_;
  if (token_ == Token::broken && at_ > 0) return token_;
  skip_space();
  if (frames_.empty()) {
    if (at_ == 0 || token_ == Token::broken) return read_value();
    return set(at_ == source_.size() ? Token::end : Token::broken, at_);
  }
  if (at_ == source_.size()) return set(Token::broken, at_);
  if (expects_value_) {
    expects_value_ = false;
    return read_value();
  }
  const bool in_object = frames_.back() == static_cast<char>(Frame::object);
  const char c = source_[at_];
  if (c == (in_object ? '}' : ']')) {
    ++at_;
    frames_.pop_back();
    is_first_ = false;
    return set(in_object ? Token::end_object : Token::end_array, at_);
  }
  if (!is_first_) {
    if (c != ',') return set(Token::broken, at_);
    ++at_;
    skip_space();
  }
  is_first_ = false;
  if (!in_object) return read_value();
  if (at_ == source_.size() || source_[at_] != '"' || read_string(Token::field) == Token::broken)
    return set(Token::broken, at_);
  skip_space();
  if (at_ == source_.size() || source_[at_] != ':') return set(Token::broken, at_);
  ++at_;
  expects_value_ = true;
  // The name counts as read when its value has begun.
  return set(Token::field, value_begun_at(at_));
}

std::size_t PatternReader::value_begun_at(std::size_t from) const {
  while (from < source_.size() && is_space(source_[from])) ++from;
  if (from == source_.size()) return from;
  const char c = source_[from];
  if (c == '"' || c == '{' || c == '[') return from + 1;
  while (from < source_.size() && !ends_word(source_[from])) ++from;
  return from;
}

PatternReader::Token PatternReader::read_value() {
  if (at_ == source_.size()) return set(Token::broken, at_);
  const char c = source_[at_];
  if (c == '{' || c == '[') {
    if (frames_.size() == depth_max) return set(Token::broken, at_);
    ++at_;
    frames_.push_back(static_cast<char>(c == '{' ? Frame::object : Frame::array));
    is_first_ = true;
    return set(c == '{' ? Token::object : Token::array, at_);
  }
  if (c == '"') return read_string(Token::string);
  if (c == '-' || (c >= '0' && c <= '9')) return read_number();
  return read_literal();
}

PatternReader::Token PatternReader::read_string(Token kind) {
  const auto begin = at_++;
  while (at_ < source_.size() && source_[at_] != '"') {
    if (static_cast<unsigned char>(source_[at_]) < 0x20) return set(Token::broken, at_);
    at_ += source_[at_] == '\\' ? 2 : 1;
  }
  if (at_ >= source_.size()) {
    at_ = source_.size();
    return set(Token::broken, at_);
  }
  ++at_;
  auto parsed = parse_json(source_.substr(begin, at_ - begin));
  if (!parsed || !parsed->is_string()) return set(Token::broken, begin);
  text_ = std::move(parsed->string());
  return set(kind, begin + 1);
}

PatternReader::Token PatternReader::read_number() {
  const auto begin = at_;
  while (at_ < source_.size() && !ends_word(source_[at_])) ++at_;
  text_ = source_.substr(begin, at_ - begin);
  auto parsed = parse_json(text_);
  if (!parsed || !(parsed->is_number() || parsed->is_integer())) return set(Token::broken, begin);
  value_ = std::move(*parsed);
  return set(Token::number, at_);
}

PatternReader::Token PatternReader::read_literal() {
  const auto begin = at_;
  while (at_ < source_.size() && !ends_word(source_[at_])) ++at_;
  text_ = source_.substr(begin, at_ - begin);
  if (text_ == "null")
    value_ = Value();
  else if (text_ == "true" || text_ == "false")
    value_ = text_ == "true";
  else
    return set(Token::broken, at_);
  return set(Token::literal, at_);
}

std::string PatternReader::place() const {
  const auto read = source_.substr(0, std::min(place_, source_.size()));
  const auto line = std::count(read.begin(), read.end(), '\n') + 1;
  const auto line_begin = read.rfind('\n') == std::string_view::npos ? 0 : read.rfind('\n') + 1;
  std::string text = "\n at [Source: (String)\"";
  text.append(source_.substr(0, shown_bytes_max)).append("\"");
  if (source_.size() > shown_bytes_max)
    text.append("[truncated ").append(std::to_string(source_.size() - shown_bytes_max)).append(" chars]");
  return text + "; line: " + std::to_string(line) + ", column: " + std::to_string(read.size() - line_begin + 1) + "]";
}

}  // namespace moonbase::notifications
