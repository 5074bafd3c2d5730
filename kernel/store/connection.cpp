#include "store/connection.hpp"

#include <sqlite3.h>

namespace moonbase::store {
namespace {

// Beyond this many different statements the cache starts anew: some plugin builds SQL from data.
constexpr std::size_t prepared_max = 1024;
constexpr int busy_timeout_ms = 10'000;

void bind(SQLite::Statement& statement, int position, const Parameter& parameter) {
  switch (parameter.kind) {
    case Parameter::Kind::null:
      statement.bind(position);
      break;
    case Parameter::Kind::integer:
      statement.bind(position, parameter.integer);
      break;
    case Parameter::Kind::number:
      statement.bind(position, parameter.number);
      break;
    case Parameter::Kind::text:
      statement.bind(position, std::string(parameter.bytes));
      break;
    case Parameter::Kind::blob:
      // A null pointer would bind NULL, but an empty blob is a value.
      statement.bindNoCopy(position, parameter.bytes.empty() ? "" : parameter.bytes.data(),
                           static_cast<int>(parameter.bytes.size()));
      break;
  }
}

Value column_value(const SQLite::Column& column) {
  switch (column.getType()) {
    case SQLITE_INTEGER:
      return column.getInt64();
    case SQLITE_FLOAT:
      return column.getDouble();
    case SQLITE_NULL:
      return {};
    default:
      return column.getString();  // TEXT and BLOB, by length: NUL bytes count.
  }
}

// Resets the statement when the run ends, however it ends.
class Running {
 public:
  explicit Running(Prepared& prepared) : prepared_(prepared) { prepared_.busy = true; }
  ~Running() {
    prepared_.statement.tryReset();
    prepared_.busy = false;
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  Prepared& prepared_;
};

}  // namespace

Prepared::Prepared(SQLite::Database& database, const std::string& sql) : statement(database, sql) {
  std::vector<std::string> names;
  for (int i = 0; i < statement.getColumnCount(); ++i) names.emplace_back(statement.getColumnName(i));
  columns = std::make_shared<const std::vector<std::string>>(std::move(names));
}

void configure_engine() {
  // Statistics that nobody reads, behind a lock that every allocation would take.
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  // Pages one by one instead of twenty ahead: most connections of an idle platform have read three.
  sqlite3_config(SQLITE_CONFIG_PAGECACHE, nullptr, 0, 0);
}

Connection::Connection(const std::filesystem::path& file, Mode mode, bool durable, std::size_t cache_bytes)
    : database_(file.string(),
                (mode == Mode::writer ? SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE : SQLite::OPEN_READWRITE) |
                    SQLITE_OPEN_NOMUTEX,
                busy_timeout_ms) {
  sqlite3* handle = database_.getHandle();
  // The file may be another's work: believe nothing in it beyond rows.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_extended_result_codes(handle, 1);
  database_.exec("PRAGMA cell_size_check=ON; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-" +
                 std::to_string(cache_bytes / 1024));
  if (mode == Mode::writer)
    database_.exec("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=4096; PRAGMA journal_size_limit=67108864");
  else
    database_.exec("PRAGMA query_only=ON");
  database_.exec(durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=OFF");
}

void Connection::release_memory() { sqlite3_db_release_memory(database_.getHandle()); }

std::int64_t Connection::run(std::string_view sql, const Parameter* parameters, std::size_t count,
                             const RowVisitor* visit) {
  auto found = prepared_.find(sql);
  std::unique_ptr<Prepared> nested;  // The cached one is in the middle of a run: a query inside its visitor.
  if (found == prepared_.end()) {
    if (prepared_.size() >= prepared_max) {
      for (auto it = prepared_.begin(); it != prepared_.end();)
        it = it->second->busy ? std::next(it) : prepared_.erase(it);
    }
    found = prepared_.emplace(std::string(sql), std::make_unique<Prepared>(database_, std::string(sql))).first;
  } else if (found->second->busy) {
    nested = std::make_unique<Prepared>(database_, std::string(sql));
  }

  Prepared& prepared = nested ? *nested : *found->second;
  const Running running(prepared);
  if (static_cast<int>(count) != prepared.statement.getBindParameterCount())
    throw std::logic_error("the statement has another number of placeholders than values: " + std::string(sql));
  for (std::size_t i = 0; i < count; ++i) bind(prepared.statement, static_cast<int>(i) + 1, parameters[i]);

  const int columns = prepared.statement.getColumnCount();
  while (prepared.statement.executeStep()) {
    if (!visit) continue;
    std::vector<Value> values;
    values.reserve(static_cast<std::size_t>(columns));
    for (int i = 0; i < columns; ++i) values.push_back(column_value(prepared.statement.getColumn(i)));
    if (!(*visit)(Row(prepared.columns, std::move(values)))) break;
  }
  return sqlite3_changes64(database_.getHandle());
}

bool Connection::in_transaction() const { return sqlite3_get_autocommit(database_.getHandle()) == 0; }

}  // namespace moonbase::store
