// The grammars of DynamoDB's expressions. Conditions are parsed with an explicit stack.
#include <algorithm>
#include <optional>

#include "errors.hpp"
#include "expression.hpp"
#include "lexer.hpp"

namespace moonbase::dynamodb {
namespace {

constexpr std::size_t index_max = 1'000'000'000;

// The first refusal ends the input, so that every loop below ends by itself.
class Parser {
 public:
  Parser(ExpressionKind kind, std::string_view text) : lexer_(text) { result_.kind = kind; }

  // Why the text was refused; empty where it was not.
  const std::string& refusal() const { return refusal_; }

  Expression parse() {
    switch (result_.kind) {
      case ExpressionKind::projection:
        parse_projection();
        break;
      case ExpressionKind::update:
        parse_update();
        break;
      default:
        parse_condition();
    }
    return std::move(result_);
  }

 private:
  void refuse(std::string text) {
    if (refusal_.empty()) refusal_ = std::move(text);
    lexer_.stop();
  }

  void syntax_error() {
    const auto& token = lexer_.peek();
    refuse("Syntax error; token: \"" + (token.kind == Token::Kind::end ? "<EOF>" : std::string(token.text)) +
           "\", near: \"" + std::string(lexer_.near()) + "\"");
  }

  void expect(std::string_view symbol) {
    if (!lexer_.peek().is(symbol)) syntax_error();
    lexer_.take();
  }

  void count_operator() {
    if (++operators_ > operators_max)
      refuse("The expression contains too many operators; operator count: " + std::to_string(operators_));
  }

  // The number of a placeholder. Expressions are short, so a list is searched fast enough: 4 KB
  // hold at most 1,300 placeholders.
  static std::size_t numbered(std::vector<std::string>& list, std::string_view text) {
    const auto found = std::find(list.begin(), list.end(), text);
    if (found != list.end()) return static_cast<std::size_t>(found - list.begin());
    list.emplace_back(text);
    return list.size() - 1;
  }

  static bool is_condition_keyword(const Token& token) {
    return token.is_word("AND") || token.is_word("OR") || token.is_word("NOT") || token.is_word("BETWEEN") ||
           token.is_word("IN");
  }
  static bool is_section_keyword(const Token& token) {
    return token.is_word("SET") || token.is_word("REMOVE") || token.is_word("ADD") || token.is_word("DELETE");
  }
  bool is_keyword(const Token& token) const {
    if (result_.kind == ExpressionKind::projection) return false;
    return result_.kind == ExpressionKind::update ? is_section_keyword(token) : is_condition_keyword(token);
  }

  PathStep path_element() {
    const auto& token = lexer_.peek();
    PathStep step;
    if (token.kind == Token::Kind::name) {
      step.kind = PathStep::Kind::placeholder;
      step.number = numbered(result_.names, token.text);
    } else if (token.kind == Token::Kind::word && !is_keyword(token)) {
      step.name = token.text;
    } else {
      syntax_error();
    }
    lexer_.take();
    return step;
  }

  Path path() {
    Path steps;
    steps.push_back(path_element());
    while (true) {
      if (lexer_.peek().is(".")) {
        lexer_.take();
        steps.push_back(path_element());
      } else if (lexer_.peek().is("[")) {
        lexer_.take();
        const auto& token = lexer_.peek();
        if (token.kind != Token::Kind::number) syntax_error();
        PathStep step;
        step.kind = PathStep::Kind::index;
        for (const char digit : token.text)
          step.number = std::min(step.number * 10 + static_cast<std::size_t>(digit - '0'), index_max);
        lexer_.take();
        expect("]");
        steps.push_back(std::move(step));
      } else {
        return steps;
      }
    }
  }

  bool at_function() const {
    return lexer_.peek().kind == Token::Kind::word && lexer_.peek_second().is("(") && !is_keyword(lexer_.peek());
  }

  // A path, a value or a function, with or without parentheses around it.
  Operand operand(std::size_t depth = 0) {
    std::size_t parentheses = 0;
    for (; lexer_.peek().is("("); lexer_.take()) ++parentheses;
    if (parentheses > 1) result_.redundant_parentheses = true;
    Operand parsed = bare_operand(depth);
    for (; parentheses > 0; --parentheses) expect(")");
    return parsed;
  }

  Operand bare_operand(std::size_t depth) {
    Operand parsed;
    if (lexer_.peek().kind == Token::Kind::value) {
      parsed.kind = Operand::Kind::value;
      parsed.value = numbered(result_.values, lexer_.take().text);
    } else if (at_function()) {
      if (depth >= function_nesting_max) syntax_error();
      count_operator();
      auto function = std::make_shared<Function>();
      function->name = lexer_.take().text;
      expect("(");
      function->arguments.push_back(operand(depth + 1));
      while (lexer_.peek().is(",")) {
        lexer_.take();
        function->arguments.push_back(operand(depth + 1));
      }
      expect(")");
      parsed.kind = Operand::Kind::function;
      parsed.function = std::move(function);
    } else {
      parsed.path = path();
    }
    return parsed;
  }

  // --- conditions ---------------------------------------------------------------------------

  // What stands between two brackets or operators so far.
  struct Entry {
    std::optional<Operand> operand;  // Else a condition, whose steps are already written.
    bool in_parentheses = false;
  };
  struct Pending {
    enum class Kind : std::uint8_t { parenthesis, disjunction, conjunction, negation };  // Binding ever tighter.
    Kind kind;
  };

  static std::optional<Operator> comparator(const Token& token) {
    if (token.is("=")) return Operator::equal;
    if (token.is("<>")) return Operator::not_equal;
    if (token.is("<")) return Operator::less;
    if (token.is("<=")) return Operator::less_equal;
    if (token.is(">")) return Operator::greater;
    if (token.is(">=")) return Operator::greater_equal;
    return std::nullopt;
  }

  void write_comparison(Comparison comparison) {
    result_.condition.steps.push_back({Condition::Step::Kind::comparison, result_.condition.comparisons.size()});
    result_.condition.comparisons.push_back(std::move(comparison));
  }

  // A function may stand alone; a path or a value is no condition.
  void as_condition(Entry& entry) {
    if (!entry.operand) return;
    if (entry.operand->kind != Operand::Kind::function) return syntax_error();
    write_comparison({Operator::function, {std::move(*entry.operand)}});
    entry.operand.reset();
  }

  void reduce(std::vector<Pending>& pending, std::vector<Entry>& entries, Pending::Kind at_least) {
    while (!pending.empty() && pending.back().kind != Pending::Kind::parenthesis && pending.back().kind >= at_least) {
      using Step = Condition::Step::Kind;
      const auto kind = pending.back().kind;
      pending.pop_back();
      if (kind != Pending::Kind::negation) entries.pop_back();
      entries.back().in_parentheses = false;
      result_.condition.steps.push_back({kind == Pending::Kind::negation      ? Step::negation
                                         : kind == Pending::Kind::conjunction ? Step::conjunction
                                                                              : Step::disjunction,
                                         0});
    }
  }

  // The comparison that continues an operand, if one does.
  bool comparison(Entry& entry) {
    const auto& token = lexer_.peek();
    Comparison parsed;
    if (const auto op = comparator(token)) {
      parsed.op = *op;
      lexer_.take();
      parsed.operands.push_back(std::move(*entry.operand));
      parsed.operands.push_back(operand());
    } else if (token.is_word("BETWEEN")) {
      parsed.op = Operator::between;
      lexer_.take();
      parsed.operands.push_back(std::move(*entry.operand));
      parsed.operands.push_back(operand());
      if (!lexer_.peek().is_word("AND")) syntax_error();
      lexer_.take();
      parsed.operands.push_back(operand());
    } else if (token.is_word("IN")) {
      parsed.op = Operator::in;
      lexer_.take();
      parsed.operands.push_back(std::move(*entry.operand));
      expect("(");
      parsed.operands.push_back(operand());
      while (lexer_.peek().is(",")) {
        lexer_.take();
        parsed.operands.push_back(operand());
      }
      expect(")");
    } else {
      return false;
    }
    count_operator();
    entry = Entry();
    write_comparison(std::move(parsed));
    return true;
  }

  void parse_condition() {
    std::vector<Entry> entries;
    std::vector<Pending> pending;
    while (true) {
      // A primary: NOT and "(" may precede it.
      while (true) {
        if (lexer_.peek().is_word("NOT")) {
          count_operator();
          pending.push_back({Pending::Kind::negation});
        } else if (lexer_.peek().is("(")) {
          pending.push_back({Pending::Kind::parenthesis});
        } else {
          break;
        }
        lexer_.take();
      }
      entries.push_back({bare_operand(0)});

      // What follows it: a comparison, closing parentheses, and then AND, OR or the end.
      while (true) {
        if (entries.back().operand && comparison(entries.back())) continue;
        if (!lexer_.peek().is(")")) break;
        close_parenthesis(pending, entries);
      }
      as_condition(entries.back());
      const bool conjunction = lexer_.peek().is_word("AND");
      if (!conjunction && !lexer_.peek().is_word("OR")) break;
      count_operator();
      const auto kind = conjunction ? Pending::Kind::conjunction : Pending::Kind::disjunction;
      reduce(pending, entries, kind);
      pending.push_back({kind});
      lexer_.take();
    }
    if (lexer_.peek().kind != Token::Kind::end) syntax_error();
    reduce(pending, entries, Pending::Kind::disjunction);
    if (!pending.empty()) syntax_error();  // An open parenthesis.
  }

  void close_parenthesis(std::vector<Pending>& pending, std::vector<Entry>& entries) {
    // "(a OR b(…))": a lone function in company is a condition; alone it may still become an operand.
    if (!pending.empty() && pending.back().kind != Pending::Kind::parenthesis) {
      as_condition(entries.back());
      reduce(pending, entries, Pending::Kind::disjunction);
    }
    if (pending.empty()) return syntax_error();
    if (entries.back().in_parentheses) result_.redundant_parentheses = true;
    pending.pop_back();
    entries.back().in_parentheses = true;
    lexer_.take();
  }

  // --- projection and update ----------------------------------------------------------------

  void parse_projection() {
    result_.paths.push_back(path());
    while (lexer_.peek().is(",")) {
      lexer_.take();
      result_.paths.push_back(path());
    }
    if (lexer_.peek().kind != Token::Kind::end) syntax_error();
  }

  void parse_update() {
    bool seen[4] = {};
    do {
      const auto& token = lexer_.peek();
      auto kind = UpdateAction::Kind::set;
      if (token.is_word("REMOVE")) {
        kind = UpdateAction::Kind::remove;
      } else if (token.is_word("ADD")) {
        kind = UpdateAction::Kind::add;
      } else if (token.is_word("DELETE")) {
        kind = UpdateAction::Kind::remove_members;
      } else if (!token.is_word("SET")) {
        syntax_error();
      }
      constexpr std::string_view names[] = {"SET", "REMOVE", "ADD", "DELETE"};
      const auto section = static_cast<std::size_t>(kind);
      if (seen[section] && result_.repeated_section.empty()) result_.repeated_section = names[section];
      seen[section] = true;
      lexer_.take();

      result_.actions.push_back(action(kind));
      while (lexer_.peek().is(",")) {
        lexer_.take();
        result_.actions.push_back(action(kind));
      }
    } while (lexer_.peek().kind != Token::Kind::end);
  }

  UpdateAction action(UpdateAction::Kind kind) {
    UpdateAction parsed;
    parsed.kind = kind;
    parsed.path = path();
    if (kind == UpdateAction::Kind::set) {
      expect("=");
      count_operator();
      set_value(parsed);
    } else if (kind != UpdateAction::Kind::remove) {
      if (lexer_.peek().kind != Token::Kind::value) syntax_error();
      count_operator();
      parsed.operands.push_back(bare_operand(0));
    }
    return parsed;
  }

  // operand [+ operand], and parentheses around operands or the whole.
  void set_value(UpdateAction& action) {
    std::size_t open = 0;
    for (; lexer_.peek().is("("); lexer_.take()) ++open;
    action.operands.push_back(bare_operand(0));
    std::size_t closed = 0;  // Around the first operand alone.
    for (; closed < open && lexer_.peek().is(")"); lexer_.take()) ++closed;
    open -= closed;
    if (closed > 1) result_.redundant_parentheses = true;
    if (lexer_.peek().is("+") || lexer_.peek().is("-")) {
      action.arithmetic = lexer_.peek().is("+") ? UpdateAction::Arithmetic::plus : UpdateAction::Arithmetic::minus;
      count_operator();
      lexer_.take();
      action.operands.push_back(operand());
    }
    if (open > 1) result_.redundant_parentheses = true;
    for (; open > 0; --open) expect(")");
  }

  Lexer lexer_;
  Expression result_;
  std::string refusal_;
  std::size_t operators_ = 0;
};

}  // namespace

std::string_view parameter_name(ExpressionKind kind) {
  switch (kind) {
    case ExpressionKind::condition:
      return "ConditionExpression";
    case ExpressionKind::filter:
      return "FilterExpression";
    case ExpressionKind::key_condition:
      return "KeyConditionExpression";
    case ExpressionKind::projection:
      return "ProjectionExpression";
    case ExpressionKind::update:
      return "UpdateExpression";
    case ExpressionKind::search:
      return "SearchConditionExpression";
  }
  return "";
}

std::string_view operator_text(Operator op) {
  constexpr std::string_view texts[] = {"=", "<>", "<", "<=", ">", ">=", "BETWEEN", "IN", ""};
  return texts[static_cast<std::size_t>(op)];
}

Result<std::shared_ptr<const Expression>> parse_expression(ExpressionKind kind, std::string_view text) {
  const std::string invalid = "Invalid " + std::string(parameter_name(kind)) + ": ";
  if (text.find_first_not_of(" \t\r\n\f") == std::string_view::npos)
    return validation(invalid + "The expression can not be empty;");
  if (text.size() > expression_bytes_max) {
    std::string message = invalid + "Expression size has exceeded the maximum allowed size;";
    // Two of the five say how long it was.
    if (kind == ExpressionKind::condition || kind == ExpressionKind::filter)
      message += " expression size: " + std::to_string(text.size());
    return validation(std::move(message));
  }
  Parser parser(kind, text);
  auto expression = std::make_shared<Expression>(parser.parse());
  if (!parser.refusal().empty()) return validation(invalid + parser.refusal());
  return std::shared_ptr<const Expression>(std::move(expression));
}

}  // namespace moonbase::dynamodb
