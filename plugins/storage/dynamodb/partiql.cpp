#include "partiql.hpp"

#include <algorithm>
#include <cctype>
#include <optional>
#include <vector>

#include "attribute.hpp"
#include "errors.hpp"
#include "expression.hpp"

namespace moonbase::dynamodb {
namespace {

struct Token {
  enum class Kind : std::uint8_t { word, quoted, text, number, symbol, end };
  Kind kind = Kind::end;
  std::string content;

  bool is(std::string_view symbol) const { return kind == Kind::symbol && content == symbol; }
  bool is_word(std::string_view keyword) const {
    return kind == Kind::word && content.size() == keyword.size() &&
           std::equal(content.begin(), content.end(), keyword.begin(),
                      [](char a, char b) { return std::toupper(static_cast<unsigned char>(a)) == b; });
  }
};

Result<std::vector<Token>> tokens_of(std::string_view text) {
  std::vector<Token> tokens;
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$'; };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  std::size_t at = 0;
  while (at < text.size()) {
    const char c = text[at];
    const auto begin = at;
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      ++at;
    } else if (letter(c)) {
      while (at < text.size() && (letter(text[at]) || digit(text[at]))) ++at;
      tokens.push_back({Token::Kind::word, std::string(text.substr(begin, at - begin))});
    } else if (digit(c) || (c == '.' && at + 1 < text.size() && digit(text[at + 1]))) {
      while (at < text.size() && (digit(text[at]) || text[at] == '.')) ++at;
      if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
        while (at < text.size() && digit(text[at])) ++at;
      }
      tokens.push_back({Token::Kind::number, std::string(text.substr(begin, at - begin))});
    } else if (c == '\'' || c == '"') {
      std::string content;
      for (++at;; ++at) {
        if (at >= text.size()) return malformed_statement("a quote is not closed");
        if (text[at] == c) {
          if (at + 1 >= text.size() || text[at + 1] != c) break;
          ++at;  // A doubled quote stands for itself.
        }
        content += text[at];
      }
      ++at;
      tokens.push_back({c == '"' ? Token::Kind::quoted : Token::Kind::text, std::move(content)});
    } else {
      std::size_t length = 1;
      for (const std::string_view pair : {"<=", ">=", "<>", "!=", "<<", ">>"})
        if (text.substr(at, 2) == pair) length = 2;
      at += length;
      tokens.push_back({Token::Kind::symbol, std::string(text.substr(begin, length))});
    }
  }
  tokens.push_back({});
  return tokens;
}

// Parentheses directly around parentheses mean nothing here, but the expressions refuse them.
void drop_doubled_parentheses(std::vector<Token>& tokens) {
  std::vector<std::size_t> open, partner(tokens.size(), 0);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].is("(")) open.push_back(i);
    if (tokens[i].is(")") && !open.empty()) {
      partner[open.back()] = i;
      open.pop_back();
    }
  }
  std::vector<bool> dropped(tokens.size(), false);
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i)
    if (tokens[i].is("(") && tokens[i + 1].is("(") && partner[i] != 0 && partner[i + 1] + 1 == partner[i])
      dropped[i] = dropped[partner[i]] = true;
  std::vector<Token> kept;
  for (std::size_t i = 0; i < tokens.size(); ++i)
    if (!dropped[i]) kept.push_back(std::move(tokens[i]));
  tokens = std::move(kept);
}

// The first refusal ends the input, so that every loop ends by itself.
class Parser {
 public:
  Parser(std::vector<Token> tokens, const Value& parameters) : tokens_(std::move(tokens)), parameters_(parameters) {}

  Result<Statement> parse() {
    if (peek().is_word("EXISTS") && peek(1).is("(")) {
      at_ += 2;
      select();
      expect(")");
      statement_.kind = Statement::Kind::exists;
    } else if (peek().is_word("SELECT")) {
      select();
    } else if (take_word("INSERT")) {
      insert();
    } else if (take_word("UPDATE")) {
      update();
    } else if (take_word("DELETE")) {
      remove();
    } else {
      refuse("Unexpected token: " + peek().content);
    }
    if (peek().is(";")) ++at_;
    if (peek().kind != Token::Kind::end) refuse("Unexpected token: " + peek().content);
    if (error_) return *error_;
    const auto given = parameters_.is_null() ? 0 : parameters_.list().size();
    if (used_parameters_ != given) return validation("Number of parameters in request and statement don't match.");
    return std::move(statement_);
  }

 private:
  const Token& peek(std::size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }

  void refuse(const std::string& what) {
    if (!error_) error_ = malformed_statement(what);
    at_ = tokens_.size() - 1;
  }
  bool take_word(std::string_view keyword) {
    if (!peek().is_word(keyword)) return false;
    ++at_;
    return true;
  }
  void expect_word(std::string_view keyword) {
    if (!take_word(keyword)) refuse("Expected " + std::string(keyword) + ", found: " + peek().content);
  }
  bool take(std::string_view symbol) {
    if (!peek().is(symbol)) return false;
    ++at_;
    return true;
  }
  void expect(std::string_view symbol) {
    if (!take(symbol)) refuse("Expected '" + std::string(symbol) + "', found: " + peek().content);
  }

  std::string identifier() {
    if (peek().kind != Token::Kind::word && peek().kind != Token::Kind::quoted) {
      refuse("Expected identifier, found: " + peek().content);
      return "";
    }
    return tokens_[at_++].content;
  }

  std::string name(const std::string& attribute) {
    for (const auto& [key, known] : statement_.names)
      if (known.string() == attribute) return key;
    auto key = "#n" + std::to_string(statement_.names.size());
    statement_.names.set(key, attribute);
    return key;
  }
  std::string value(Value attribute) {
    auto key = ":v" + std::to_string(statement_.values.size());
    statement_.values.set(key, std::move(attribute));
    return key;
  }

  std::string path() {
    auto text = name(identifier());
    while (!error_) {
      if (take(".")) {
        text += "." + name(identifier());
      } else if (peek().is("[") && peek(1).kind == Token::Kind::number && peek(2).is("]")) {
        text += "[" + peek(1).content + "]";
        at_ += 3;
      } else {
        break;
      }
    }
    return text;
  }

  bool at_literal() const {
    const auto& token = peek();
    return token.kind == Token::Kind::text || token.kind == Token::Kind::number || token.is("?") || token.is("[") ||
           token.is("{") || token.is("<<") || token.is("-") || token.is_word("TRUE") || token.is_word("FALSE") ||
           token.is_word("NULL");
  }

  Value literal(std::size_t depth = 1) {
    if (depth > nesting_max) {
      refuse("Nesting Levels have exceeded supported limits");
      return Map{{"NULL", true}};
    }
    auto made = unchecked_literal(depth);
    // Of nested values each is checked with the whole.
    if (depth == 1 && !error_)
      if (auto checked = check_attribute(made); !checked) {
        error_ = checked.error();
        at_ = tokens_.size() - 1;
      }
    return made;
  }

  Value unchecked_literal(std::size_t depth) {
    const auto token = peek();
    if (!at_literal()) refuse("Expected value, found: " + token.content);
    if (error_) return Map{{"NULL", true}};
    ++at_;
    if (token.kind == Token::Kind::text) return Map{{"S", token.content}};
    if (token.kind == Token::Kind::number) return Map{{"N", token.content}};
    if (token.is("-")) {
      if (peek().kind != Token::Kind::number) refuse("Expected number, found: " + peek().content);
      return Map{{"N", "-" + tokens_[error_ ? at_ : at_++].content}};
    }
    if (token.is("?")) {
      const auto& given = parameters_[used_parameters_++];
      return given.is_null() ? Value(Map{{"NULL", true}}) : given;
    }
    if (token.is_word("TRUE")) return Map{{"BOOL", true}};
    if (token.is_word("FALSE")) return Map{{"BOOL", false}};
    if (token.is("[")) {
      List elements;
      while (!error_ && !peek().is("]")) {
        elements.push_back(literal(depth + 1));
        if (!take(",")) break;
      }
      expect("]");
      return Map{{"L", std::move(elements)}};
    }
    if (token.is("{")) {
      Map members;
      while (!error_ && !peek().is("}")) {
        if (peek().kind != Token::Kind::text) refuse("Expected attribute name, found: " + peek().content);
        const auto key = peek().content;
        ++at_;
        expect(":");
        members.set(key, literal(depth + 1));
        if (!take(",")) break;
      }
      expect("}");
      return Map{{"M", std::move(members)}};
    }
    if (token.is("<<")) return set(depth);
    return Map{{"NULL", true}};
  }

  Value set(std::size_t depth) {
    List members;
    std::string type;
    while (!error_ && !peek().is(">>")) {
      const auto member = literal(depth + 1);
      if (error_) break;
      const auto& kind = member.map().begin()->key;
      if (!type.empty() && type != kind) refuse("a set has members of one type");
      type = kind;
      members.push_back(member.map().begin()->value);
      if (!take(",")) break;
    }
    expect(">>");
    if (type != "S" && type != "N" && type != "B") refuse("a set has strings, numbers or binaries");
    return Map{{type + "S", std::move(members)}};
  }

  // A path, a value, or a function of them.
  std::string operand() {
    if (at_literal()) return value(literal());
    if (peek().kind == Token::Kind::word && peek(1).is("(")) {
      auto text = peek().content;
      std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
      at_ += 2;
      if (++functions_ > functions_max) refuse("too many functions");
      text += "(" + (error_ ? std::string() : operand());
      while (!error_ && take(",")) text += ", " + operand();
      expect(")");
      return text + ")";
    }
    return path();
  }

  bool where_ends() const {
    const auto& token = peek();
    return token.kind == Token::Kind::end || token.is(";") || token.is_word("ORDER") || token.is_word("RETURNING") ||
           (token.is(")") && open_ == 0);
  }

  void where() {
    std::string text;
    const auto add = [&](const std::string& more) { text += (text.empty() ? "" : " ") + more; };
    while (!error_ && !where_ends()) {
      const auto& token = peek();
      bool keyword = false;
      for (const auto* word : {"AND", "OR", "NOT", "BETWEEN"}) {
        if (!take_word(word)) continue;
        add(word);
        keyword = true;
        break;
      }
      if (keyword) continue;
      if (token.is("(") || token.is(")")) {
        open_ += token.is("(") ? 1 : -1;
        add(token.content);
        ++at_;
      } else if (token.kind == Token::Kind::symbol && !at_literal()) {
        add(token.is("!=") ? "<>" : token.content);
        ++at_;
      } else if (take_word("IN")) {
        add(in_list());
      } else {
        auto one = operand();
        add(peek().is_word("IS") ? is(one) : one);
      }
    }
    statement_.where = std::move(text);
    if (statement_.where.empty()) refuse("Expected condition");
  }

  std::string in_list() {
    const bool brackets = peek().is("[");
    expect(brackets ? "[" : "(");
    auto text = "IN (" + value(literal());
    while (!error_ && take(",")) text += ", " + value(literal());
    expect(brackets ? "]" : ")");
    return text + ")";
  }

  // path IS [NOT] MISSING | NULL
  std::string is(const std::string& path) {
    ++at_;
    const bool negated = take_word("NOT");
    if (take_word("MISSING")) return (negated ? "attribute_exists(" : "attribute_not_exists(") + path + ")";
    expect_word("NULL");
    return (negated ? "NOT attribute_type(" : "attribute_type(") + path + ", " + value(Map{{"S", "NULL"}}) + ")";
  }

  void select() {
    expect_word("SELECT");
    if (!take("*")) {
      statement_.projection = path();
      while (!error_ && take(",")) statement_.projection += ", " + path();
    }
    expect_word("FROM");
    statement_.table = identifier();
    if (take(".")) statement_.index = identifier();
    if (take_word("WHERE")) where();
    if (!take_word("ORDER")) return;
    expect_word("BY");
    statement_.order_by = identifier();
    statement_.descending = take_word("DESC");
    if (!statement_.descending) take_word("ASC");
  }

  void insert() {
    statement_.kind = Statement::Kind::insert;
    expect_word("INTO");
    statement_.table = identifier();
    expect_word("VALUE");
    if (!peek().is("{")) refuse("Expected '{', found: " + peek().content);
    auto item = literal();
    if (!error_) statement_.item = std::move(item.map().begin()->value.map());
  }

  // One assignment: what SET, ADD or DELETE of an update expression would say.
  void assignment(std::string (&sections)[4]) {
    enum { sets, removes, adds, deletes };
    const auto add = [&](int section, const std::string& text) {
      sections[section] += (sections[section].empty() ? "" : ", ") + text;
    };
    const auto target = path();
    expect("=");
    const bool adds_members = peek().is_word("SET_ADD"), removes_members = peek().is_word("SET_DELETE");
    if (adds_members || removes_members) {
      ++at_;
      expect("(");
      if (path() != target && !error_) refuse("a set is changed where it stands");
      expect(",");
      add(adds_members ? adds : deletes, target + " " + value(literal()));
      expect(")");
      return;
    }
    auto text = target + " = " + operand();
    if (peek().is("+") || peek().is("-")) {
      text += " " + peek().content + " ";
      ++at_;
      text += operand();
    }
    add(sets, text);
  }

  void update() {
    statement_.kind = Statement::Kind::update;
    statement_.table = identifier();
    std::string sections[4];
    while (!error_ && (peek().is_word("SET") || peek().is_word("REMOVE"))) {
      const bool removes = take_word("REMOVE");
      if (!removes) ++at_;
      do {
        if (removes)
          sections[1] += (sections[1].empty() ? "" : ", ") + path();
        else
          assignment(sections);
      } while (!error_ && take(","));
    }
    constexpr const char* words[] = {"SET ", "REMOVE ", "ADD ", "DELETE "};
    for (int i = 0; i < 4; ++i)
      if (!sections[i].empty()) statement_.update += (statement_.update.empty() ? "" : " ") + (words[i] + sections[i]);
    if (statement_.update.empty()) refuse("Expected SET or REMOVE, found: " + peek().content);
    expect_word("WHERE");
    where();
    returning();
  }

  void remove() {
    statement_.kind = Statement::Kind::remove;
    expect_word("FROM");
    statement_.table = identifier();
    expect_word("WHERE");
    where();
    returning();
    if (statement_.return_values != "NONE" && statement_.return_values != "ALL_OLD") refuse("DELETE returns ALL OLD *");
  }

  void returning() {
    if (!take_word("RETURNING")) return;
    const bool all = take_word("ALL");
    if (!all) expect_word("MODIFIED");
    const bool old = take_word("OLD");
    if (!old) expect_word("NEW");
    expect("*");
    statement_.return_values = std::string(all ? "ALL_" : "UPDATED_") + (old ? "OLD" : "NEW");
  }

  static constexpr int functions_max = 50;

  std::vector<Token> tokens_;
  const Value& parameters_;
  std::size_t at_ = 0, used_parameters_ = 0;
  int open_ = 0, functions_ = 0;
  Statement statement_;
  std::optional<Error> error_;
};

}  // namespace

Error malformed_statement(const std::string& what) {
  return validation("Statement wasn't well formed, can't be processed: " + what);
}

Result<Statement> parse_statement(std::string_view text, const Value& parameters) {
  auto tokens = tokens_of(text);
  if (!tokens) return tokens.error();
  drop_doubled_parentheses(*tokens);
  return Parser(std::move(*tokens), parameters).parse();
}

}  // namespace moonbase::dynamodb
