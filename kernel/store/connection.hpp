// One SQLite connection with its prepared statements. Used by one thread at a time.
#pragma once

#include <moonbase/store.hpp>

#include <SQLiteCpp/SQLiteCpp.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace moonbase::store {

// A prepared statement and the names of its columns.
struct Prepared {
  Prepared(SQLite::Database& database, const std::string& sql);
  SQLite::Statement statement;
  std::shared_ptr<const std::vector<std::string>> columns;
  bool busy = false;
};

// Before the process opens its first database; has no effect later.
void configure_engine();

class Connection {
 public:
  enum class Mode { writer, reader };
  // Throws SQLite::Exception when the file cannot be opened or is damaged.
  Connection(const std::filesystem::path& file, Mode mode, bool durable, std::size_t cache_bytes);

  // Runs one statement, giving each row to `visit`. Answers how many rows were changed.
  std::int64_t run(std::string_view sql, const Parameter* parameters, std::size_t count, const RowVisitor* visit);
  void execute(const char* sql) { run(sql, nullptr, 0, nullptr); }
  void execute_script(const std::string& sql) { database_.exec(sql); }
  // Gives back the pages that are only remembered. Between statements.
  void release_memory();

  // Whether a transaction is open. SQLite ends one by itself when the disk is full or fails.
  bool in_transaction() const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view sql) const { return std::hash<std::string_view>{}(sql); }
  };
  SQLite::Database database_;
  std::unordered_map<std::string, std::unique_ptr<Prepared>, Hash, std::equal_to<>> prepared_;
};

}  // namespace moonbase::store
