// PartiQL: one statement, turned into the expressions that the item operations take. Pure.
//
//   SELECT * | paths FROM "table"[."index"] [WHERE condition] [ORDER BY attribute [ASC | DESC]]
//   INSERT INTO "table" VALUE {'attribute': value, …}
//   UPDATE "table" SET path = value | REMOVE path … WHERE condition [RETURNING ALL | MODIFIED OLD | NEW *]
//   DELETE FROM "table" WHERE condition [RETURNING ALL OLD *]
//   EXISTS(SELECT …), in transactions
#pragma once

#include <cstdint>
#include <moonbase/result.hpp>
#include <moonbase/value.hpp>
#include <string>
#include <string_view>

#include "key.hpp"

namespace moonbase::dynamodb {

struct Statement {
  enum class Kind : std::uint8_t { select, insert, update, remove, exists };
  Kind kind = Kind::select;
  std::string table, index;
  // In DynamoDB's own expression language, with placeholders for all names and values.
  std::string projection, where, update;
  Map names, values;
  Map item;  // To insert.
  std::string order_by;
  bool descending = false;
  std::string return_values = "NONE";

  bool writes() const { return kind != Kind::select; }
};

// `parameters` are attribute values, one for each "?". Values are checked, as attributes are.
Result<Statement> parse_statement(std::string_view text, const Value& parameters);

// The key that a statement's WHERE names with equalities; an Error where it does not name it whole.
Result<Map> key_in_where(const Statement& statement, const KeySchema& schema);

// {KeyConditionExpression, FilterExpression}, where the WHERE names a partition; else {FilterExpression}.
Result<Map> split_where(const Statement& statement, const KeySchema& schema);

// "Statement wasn't well formed, …"
Error malformed_statement(const std::string& what);

}  // namespace moonbase::dynamodb
