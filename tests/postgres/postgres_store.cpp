#include "postgres_store.hpp"

#include <libpq-fe.h>

#include <charconv>
#include <cstring>
#include <stdexcept>
#include <vector>

using namespace moonbase;

namespace {

constexpr unsigned bool_oid = 16, bytea_oid = 17, int8_oid = 20, int4_oid = 23, float8_oid = 701, numeric_oid = 1700;

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPointer = std::unique_ptr<PGresult, Clear>;

ResultPointer must(pg_conn* connection, PGresult* raw, std::string_view sql) {
  ResultPointer result(raw);
  const auto status = PQresultStatus(raw);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
    throw std::runtime_error(std::string(PQerrorMessage(connection)) + " in: " + std::string(sql));
  return result;
}

Value value_of(const PGresult* result, int row, int column) {
  if (PQgetisnull(result, row, column) != 0) return {};
  const std::string text(PQgetvalue(result, row, column), static_cast<std::size_t>(PQgetlength(result, row, column)));
  switch (PQftype(result, column)) {
    case int8_oid:
    case int4_oid:
    case numeric_oid:
      return static_cast<std::int64_t>(std::stoll(text));
    case bool_oid:
      return text == "t" ? 1 : 0;
    case float8_oid:
      return std::stod(text);
    case bytea_oid: {
      std::size_t size = 0;
      unsigned char* bytes = PQunescapeBytea(reinterpret_cast<const unsigned char*>(text.c_str()), &size);
      std::string raw(reinterpret_cast<char*>(bytes), size);
      PQfreemem(bytes);
      return raw;
    }
    default:
      return text;
  }
}

class PostgresTransaction final : public Transaction {
 public:
  explicit PostgresTransaction(pg_conn* connection) : connection_(connection) {}

  void each(std::string_view sql, const std::vector<Parameter>& parameters, const RowVisitor& visit) override {
    for (const auto& row : run_all(sql, parameters))
      if (!visit(row)) return;
  }
  std::int64_t changes() const override { return changes_; }
  void schedule(Time, std::string_view, const Value&, std::string_view) override {
    throw std::logic_error("tasks are not part of what is tested here");
  }
  void unschedule(std::string_view, std::string_view) override {
    throw std::logic_error("tasks are not part of what is tested here");
  }

 private:
  Rows run_all(std::string_view sql, const std::vector<Parameter>& parameters) override {
    std::vector<std::string> texts(parameters.size());
    std::vector<const char*> values(parameters.size());
    std::vector<int> lengths(parameters.size()), formats(parameters.size());
    std::vector<Oid> types(parameters.size());
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const auto& parameter = parameters[i];
      switch (parameter.kind) {
        case Parameter::Kind::null:
          continue;
        case Parameter::Kind::integer:
          texts[i] = std::to_string(parameter.integer);
          types[i] = int8_oid;
          break;
        case Parameter::Kind::number: {
          char digits[32];
          const auto end = std::to_chars(digits, digits + sizeof digits, parameter.number).ptr;
          texts[i].assign(digits, end);
          types[i] = float8_oid;
          break;
        }
        case Parameter::Kind::text:
          texts[i] = parameter.bytes;
          break;
        case Parameter::Kind::blob:
          texts[i] = parameter.bytes;
          types[i] = bytea_oid;
          formats[i] = 1;
          break;
      }
      values[i] = texts[i].c_str();
      lengths[i] = static_cast<int>(texts[i].size());
    }
    const auto translated = postgres_placeholders(sql);
    const auto result = must(connection_,
                             PQexecParams(connection_, translated.c_str(), static_cast<int>(parameters.size()),
                                          types.data(), values.data(), lengths.data(), formats.data(), 0),
                             sql);
    const char* touched = PQcmdTuples(result.get());
    if (*touched != '\0') changes_ = std::atoll(touched);
    std::vector<std::string> names;
    for (int column = 0; column < PQnfields(result.get()); ++column) names.emplace_back(PQfname(result.get(), column));
    const auto columns = std::make_shared<const std::vector<std::string>>(std::move(names));
    Rows rows;
    for (int row = 0; row < PQntuples(result.get()); ++row) {
      std::vector<Value> cells;
      for (int column = 0; column < PQnfields(result.get()); ++column)
        cells.push_back(value_of(result.get(), row, column));
      rows.emplace_back(columns, std::move(cells));
    }
    return rows;
  }

  pg_conn* connection_;
  std::int64_t changes_ = 0;
};

void replace_word(std::string& text, std::string_view word, std::string_view with) {
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const auto is_letter = [&](std::size_t i) {
      return i < text.size() && (std::isalnum(static_cast<unsigned char>(text[i])) != 0 || text[i] == '_');
    };
    if ((at > 0 && is_letter(at - 1)) || is_letter(at + word.size())) continue;
    text.replace(at, word.size(), with);
  }
}

}  // namespace

PostgresStore::PostgresStore(const std::string& connection) : connection_(PQconnectdb(connection.c_str())) {
  if (PQstatus(connection_) != CONNECTION_OK) {
    const std::string problem = PQerrorMessage(connection_);
    PQfinish(connection_);
    throw std::runtime_error(problem);
  }
}
PostgresStore::~PostgresStore() { PQfinish(connection_); }

void PostgresStore::run_schema(std::string_view sql) {
  const auto translated = postgres_schema(sql);
  must(connection_, PQexec(connection_, translated.c_str()), translated);
}

Result<Value> PostgresStore::run(const Body& body, const char* begin) {
  must(connection_, PQexec(connection_, begin), begin);
  PostgresTransaction tx(connection_);
  try {
    auto result = body(tx);
    const char* end = result ? "COMMIT" : "ROLLBACK";
    must(connection_, PQexec(connection_, end), end);
    return result;
  } catch (...) {
    PQclear(PQexec(connection_, "ROLLBACK"));
    throw;
  }
}

std::string postgres_schema(std::string_view sql) {
  std::string text(sql);
  replace_word(text, "BLOB", "BYTEA");
  replace_word(text, "INTEGER", "BIGINT");
  replace_word(text, "REAL", "DOUBLE PRECISION");
  replace_word(text, "STRICT", "");
  for (const std::string_view rowid : {", WITHOUT ROWID", "WITHOUT ROWID,", "WITHOUT ROWID"})
    for (auto at = text.find(rowid); at != std::string::npos; at = text.find(rowid)) text.erase(at, rowid.size());
  return text;
}

std::string postgres_placeholders(std::string_view sql) {
  std::string text;
  int number = 0;
  bool quoted = false;
  for (const char letter : sql) {
    if (letter == '\'') quoted = !quoted;
    if (letter == '?' && !quoted)
      text += "$" + std::to_string(++number);
    else
      text += letter;
  }
  return text;
}
