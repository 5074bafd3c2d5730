// What every store engine promises. Each engine's test runs these against a store whose schema is
// store_promises_schema.
#pragma once

#include <moonbase/store.hpp>

#include <catch2/catch.hpp>

#include <stdexcept>
#include <string>
#include <string_view>

inline constexpr std::string_view store_promises_schema =
    "CREATE TABLE thing (account TEXT NOT NULL, name TEXT NOT NULL, size INTEGER, weight REAL, bytes BLOB, "
    "PRIMARY KEY (account, name)) STRICT";

inline void check_store_promises(moonbase::Store& store) {
  using namespace moonbase;
  const auto count = [&] {
    return (*store.read([](Transaction& tx) -> Result<Value> {
             return tx.query("SELECT COUNT(*) AS things FROM thing")[0]["things"];
           })).integer();
  };

  INFO("every type comes back as it went in, NULL and NUL bytes too");
  const std::string bytes("\0\x01\xff NUL counts", 15);
  const auto written = store.write([&](Transaction& tx) -> Result<Value> {
    tx.query("INSERT INTO thing VALUES (?, ?, ?, ?, ?)", "a", "lamp ü", 9'007'199'254'740'993, 2.5, Blob{bytes});
    tx.query("INSERT INTO thing VALUES (?, ?, ?, ?, ?)", "a", "empty", nullptr, nullptr, Blob{""});
    return Value("ok");
  });
  REQUIRE(written);
  CHECK(written->string() == "ok");
  const auto rows = store.read([](Transaction& tx) -> Result<Value> {
    List found;
    for (const auto& row : tx.query("SELECT name, size, weight, bytes FROM thing WHERE account = ? ORDER BY name", "a"))
      found.push_back(List{row["name"], row["size"], row[2], row[3]});
    return Value(std::move(found));
  });
  REQUIRE(rows);
  CHECK(*rows == Value(List{List{"empty", nullptr, nullptr, ""}, List{"lamp ü", 9'007'199'254'740'993, 2.5, bytes}}));

  INFO("an Error or an exception leaves nothing behind");
  const auto refused = store.write([&](Transaction& tx) -> Result<Value> {
    tx.query("INSERT INTO thing (account, name) VALUES ('a', 'refused')");
    return Error{"Refused", "after all"};
  });
  CHECK(refused.error().code == "Refused");
  CHECK_THROWS_WITH(store.write([&](Transaction& tx) -> Result<Value> {
    tx.query("INSERT INTO thing (account, name) VALUES ('a', 'thrown')");
    throw std::runtime_error("a bug");
  }),
                    "a bug");
  CHECK(count() == 2);

  INFO("ON CONFLICT, RETURNING and the number of changed rows");
  REQUIRE(store.write([&](Transaction& tx) -> Result<Value> {
    const std::string_view upsert =
        "INSERT INTO thing (account, name, size) VALUES (?, ?, ?) ON CONFLICT (account, name) DO UPDATE SET "
        "size = excluded.size RETURNING size";
    CHECK(tx.query(upsert, "a", "empty", 1)[0]["size"].integer() == 1);
    CHECK(tx.query(upsert, "b", "other", 2)[0]["size"].integer() == 2);
    tx.query("UPDATE thing SET size = 7 WHERE account = ?", "a");
    CHECK(tx.changes() == 2);
    tx.query("DELETE FROM thing WHERE account = ?", "b");
    CHECK(tx.changes() == 1);
    return Value();
  }));

  INFO("rows can be read one at a time, and reading can stop");
  int visited = 0;
  REQUIRE(store.read([&](Transaction& tx) -> Result<Value> {
    tx.each("SELECT name FROM thing ORDER BY name", {}, [&](const Row& row) {
      ++visited;
      CHECK(row["name"].string() == "empty");
      return false;
    });
    return Value();
  }));
  CHECK(visited == 1);

  INFO("the order of blobs is that of their bytes");
  REQUIRE(store.write([&](Transaction& tx) -> Result<Value> {
    tx.query("DELETE FROM thing");
    int number = 0;
    for (const std::string_view key : {"\x7f", "\x80", "\x01\xff", "\x01"})
      tx.query("INSERT INTO thing (account, name, bytes) VALUES ('a', ?, ?)", std::to_string(++number), Blob{key});
    const auto sorted = tx.query("SELECT bytes FROM thing WHERE bytes >= ? ORDER BY bytes", Blob{"\x01\x02"});
    REQUIRE(sorted.size() == 3);
    CHECK(sorted[0][0].string() == "\x01\xff");
    CHECK(sorted[2][0].string() == "\x80");
    return Value();
  }));
}
