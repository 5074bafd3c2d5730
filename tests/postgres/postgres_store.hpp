// The Store interface over PostgreSQL, as far as tests need it: what the platform writes as SQL must
// run there too. Placeholders and types are translated, as a real engine will do.
#pragma once

#include <moonbase/store.hpp>

#include <memory>
#include <string>
#include <string_view>

struct pg_conn;

// Throws std::runtime_error with PostgreSQL's own text.
class PostgresStore final : public moonbase::Store {
 public:
  explicit PostgresStore(const std::string& connection);
  ~PostgresStore() override;

  void run_schema(std::string_view sql);  // Several statements, in the platform's subset.

  moonbase::Result<moonbase::Value> write(const Body& body) override { return run(body, "BEGIN ISOLATION LEVEL SERIALIZABLE"); }
  moonbase::Result<moonbase::Value> read(const Body& body) override { return run(body, "BEGIN READ ONLY"); }

 private:
  moonbase::Result<moonbase::Value> run(const Body& body, const char* begin);
  pg_conn* connection_;
};

// "BLOB" becomes BYTEA, "INTEGER" BIGINT, "REAL" DOUBLE PRECISION; STRICT and WITHOUT ROWID go.
std::string postgres_schema(std::string_view sql);
// Each "?" outside quotes becomes $1, $2, …
std::string postgres_placeholders(std::string_view sql);
