#include "../unit/store_promises.hpp"
#include "postgres_store.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace {

namespace fs = std::filesystem;

// scripts/with-postgres starts a server for the test and names it here.
std::string server() {
  const char* connection = std::getenv("MOONBASE_TEST_POSTGRES");
  REQUIRE(connection != nullptr);
  return connection;
}

// A schema of its own in the database, empty.
constexpr auto fresh = "DROP SCHEMA IF EXISTS fresh CASCADE; CREATE SCHEMA fresh; SET search_path TO fresh";

}  // namespace

TEST_CASE("PostgreSQL keeps what every store engine promises") {
  PostgresStore store(server());
  store.run_schema(fresh);
  store.run_schema(store_promises_schema);
  check_store_promises(store);
}

TEST_CASE("every plugin's schema runs on PostgreSQL") {
  int schemas = 0;
  for (const char* root : {SOURCE "/plugins", SOURCE "/examples"})
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      if (entry.path().filename() != "schema.sql") continue;
      INFO(entry.path().string());
      std::ifstream in(entry.path());
      const std::string sql{std::istreambuf_iterator<char>(in), {}};
      PostgresStore store(server());
      store.run_schema(fresh);
      CHECK_NOTHROW(store.run_schema(sql));
      ++schemas;
    }
  CHECK(schemas >= 2);
}

TEST_CASE("SQL outside the common subset is found out") {
  PostgresStore store(server());
  store.run_schema(fresh);
  CHECK_THROWS(store.run_schema("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)"));
  CHECK_THROWS(store.write([](moonbase::Transaction& tx) -> moonbase::Result<moonbase::Value> {
    tx.query("INSERT OR REPLACE INTO t VALUES (1)");
    return moonbase::Value();
  }));
}
