#include "store/sqlite_store.hpp"

#include "durable_file.hpp"
#include "store/connection.hpp"

#include <moonbase/hash.hpp>
#include <moonbase/internal/parker.hpp>
#include <moonbase/json.hpp>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

namespace moonbase::store {
namespace {

constexpr auto kernel_schema = R"sql(
  CREATE TABLE IF NOT EXISTS moonbase_schema (step INTEGER PRIMARY KEY, digest TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS moonbase_task (
    id INTEGER PRIMARY KEY, handler TEXT NOT NULL, task_key TEXT, payload TEXT NOT NULL,
    due_at_ms INTEGER NOT NULL, attempt INTEGER NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL,
    arn TEXT NOT NULL, base_url TEXT NOT NULL, cause TEXT NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS moonbase_task_due ON moonbase_task (due_at_ms, id);
  CREATE UNIQUE INDEX IF NOT EXISTS moonbase_task_by_key ON moonbase_task (handler, task_key);
)sql";

class SqliteTransaction final : public Transaction {
 public:
  // `task_ids` counts up for the writer; null for a transaction that only reads.
  SqliteTransaction(Connection& connection, const CallContext* context, std::int64_t* task_ids)
      : connection_(connection), context_(context), task_ids_(task_ids) {}

  void each(std::string_view sql, const std::vector<Parameter>& parameters, const RowVisitor& visit) override {
    changes_ = connection_.run(sql, parameters.data(), parameters.size(), &visit);
  }
  std::int64_t changes() const override { return changes_; }

  void schedule(Time due, std::string_view handler, const Value& payload, std::string_view key) override {
    if (!task_ids_) throw std::logic_error("a task can only be scheduled in Store::write");
    static const CallContext nobody;
    const CallContext& context = context_ ? *context_ : nobody;
    const Parameter task_key = key.empty() ? Parameter(nullptr) : Parameter(key);
    // A replacement gets an id of its own: the end of a run that is under way must not delete it.
    if (!key.empty()) unschedule(handler, key);
    query(
        "INSERT INTO moonbase_task (id, handler, task_key, payload, due_at_ms, attempt, account, region, arn, "
        "base_url, cause) VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?)",
        ++*task_ids_, handler, task_key, to_json(payload), due.ms, context.identity.account_id, context.region,
        context.identity.arn, context.base_url, context.request_id);
    if (!earliest_ || due < *earliest_) earliest_ = due;
  }
  void unschedule(std::string_view handler, std::string_view key) override {
    query("DELETE FROM moonbase_task WHERE handler = ? AND task_key = ?", handler, key);
  }
  std::optional<Time> earliest() const { return earliest_; }

 private:
  Rows run_all(std::string_view sql, const std::vector<Parameter>& parameters) override {
    Rows rows;
    each(sql, parameters, [&](const Row& row) {
      rows.push_back(row);
      return true;
    });
    return rows;
  }

  Connection& connection_;
  const CallContext* context_;
  std::int64_t* const task_ids_;
  std::int64_t changes_ = 0;
  std::optional<Time> earliest_;
};

// A write that waits for its turn. Lives on its caller's stack until `done`.
struct Waiting {
  const Store::Body& body;
  const CallContext* context;
  std::shared_ptr<internal::Parker> parker;
  std::optional<Result<Value>> result = {};
  std::exception_ptr exception = {};
  std::atomic<bool> done = false;
};

}  // namespace

struct SqliteStore::Inside {
  const Options options;
  const std::vector<std::string_view> schema;
  const std::function<void(Time)> scheduled;

  std::mutex opening;
  std::atomic<bool> open = false;

  std::mutex mutex;
  std::condition_variable arrived;
  std::deque<Waiting*> queue;
  bool closing = false;
  std::thread writer;

  std::int64_t task_ids = 0;  // The last one given. Only the writer's.

  std::mutex readers_mutex;
  std::vector<std::unique_ptr<Connection>> readers;

  void ensure_open() {
    if (open.load(std::memory_order_acquire)) return;
    const std::lock_guard lock(opening);
    if (open) return;
    if (const auto made = make_folder_durably(options.file.parent_path().string()); !made)
      throw std::runtime_error(made.error().message);
    auto connection =
        std::make_unique<Connection>(options.file, Connection::Mode::writer, options.durable, options.cache_bytes);
    apply_schema(*connection);
    connection->release_memory();  // A new schema has touched many pages that no query may ever want.
    writer = std::thread([this, connection = std::move(connection)] { write_loop(*connection); });
    open.store(true, std::memory_order_release);
  }

  void apply_schema(Connection& connection) {
    connection.execute("BEGIN IMMEDIATE");
    connection.execute_script(kernel_schema);
    for (std::size_t step = 0; step < schema.size(); ++step) {
      const std::string digest = sha256_hex(schema[step]);
      SqliteTransaction tx(connection, nullptr, nullptr);
      const auto rows = tx.query("SELECT digest FROM moonbase_schema WHERE step = ?", step);
      if (rows.empty()) {
        connection.execute_script(std::string(schema[step]));
        tx.query("INSERT INTO moonbase_schema VALUES (?, ?)", step, digest);
      } else if (rows[0][0].string() != digest) {
        connection.execute("ROLLBACK");
        throw std::runtime_error(options.file.string() + " was made by another version of its plugin: step " +
                                 std::to_string(step + 1) +
                                 " of its schema has changed. Use that version, or another --data folder.");
      }
    }
    SqliteTransaction tx(connection, nullptr, nullptr);
    task_ids = tx.query("SELECT COALESCE(MAX(id), 0) FROM moonbase_task")[0][0].integer();
    connection.execute("COMMIT");
  }

  void write_loop(Connection& connection) {
    std::vector<Waiting*> group;
    for (;;) {
      {
        std::unique_lock lock(mutex);
        arrived.wait(lock, [&] { return closing || !queue.empty(); });
        if (queue.empty()) return;
        const auto count = std::min(queue.size(), options.group_max);
        group.assign(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(count));
        queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(count));
      }
      write_group(connection, group);
      for (Waiting* waiting : group) {
        const auto parker = std::move(waiting->parker);
        waiting->done.store(true, std::memory_order_release);  // From here on `waiting` may be gone.
        parker->wake();
      }
    }
  }

  void write_group(Connection& connection, const std::vector<Waiting*>& group) {
    std::optional<Time> earliest;
    try {
      connection.execute("BEGIN IMMEDIATE");
      for (Waiting* waiting : group) {
        if (const auto due = write_one(connection, *waiting); due && (!earliest || *due < *earliest)) earliest = due;
        // A full or failing disk ends the transaction, and with it what the others had written.
        if (!connection.in_transaction()) throw std::runtime_error("the transaction was rolled back: the disk failed");
      }
      connection.execute("COMMIT");
    } catch (...) {
      for (Waiting* waiting : group) {
        waiting->result.reset();
        if (!waiting->exception) waiting->exception = std::current_exception();
      }
      if (connection.in_transaction()) connection.execute("ROLLBACK");
      return;
    }
    if (earliest) scheduled(*earliest);
  }

  std::optional<Time> write_one(Connection& connection, Waiting& waiting) {
    SqliteTransaction tx(connection, waiting.context, &task_ids);
    connection.execute("SAVEPOINT one");
    bool keep = false;
    try {
      waiting.result.emplace(waiting.body(tx));
      keep = waiting.result->ok();
    } catch (...) {
      waiting.exception = std::current_exception();
      if (!connection.in_transaction()) throw;
    }
    if (!keep) connection.execute("ROLLBACK TO one");
    connection.execute("RELEASE one");
    return keep ? tx.earliest() : std::nullopt;
  }

  // A reader's connection, given back when the read ends.
  std::unique_ptr<Connection> take_reader() {
    {
      const std::lock_guard lock(readers_mutex);
      if (!readers.empty()) {
        auto reader = std::move(readers.back());
        readers.pop_back();
        return reader;
      }
    }
    return std::make_unique<Connection>(options.file, Connection::Mode::reader, options.durable, options.cache_bytes);
  }
  void give_back(std::unique_ptr<Connection> reader) {
    const std::lock_guard lock(readers_mutex);
    readers.push_back(std::move(reader));
  }

  void close() {
    {
      const std::lock_guard lock(mutex);
      closing = true;
    }
    arrived.notify_all();
    if (writer.joinable()) writer.join();
  }
};

SqliteStore::SqliteStore(Options options, std::vector<std::string_view> schema, std::function<void(Time)> scheduled)
    : inside_(new Inside{std::move(options), std::move(schema), std::move(scheduled)}) {}

SqliteStore::~SqliteStore() { close(); }

void SqliteStore::close() { inside_->close(); }

bool SqliteStore::exists() const { return inside_->open || std::filesystem::exists(inside_->options.file); }

Result<Value> SqliteStore::write(const Body& body) { return write_for(nullptr, body); }

Result<Value> SqliteStore::write_for(const CallContext* context, const Body& body) {
  inside_->ensure_open();
  Waiting waiting{body, context, internal::Parker::current()};
  const auto parker = waiting.parker;
  bool first;
  {
    const std::lock_guard lock(inside_->mutex);
    if (inside_->closing) throw std::runtime_error("the store is closed");
    first = inside_->queue.empty();
    inside_->queue.push_back(&waiting);
  }
  if (first) inside_->arrived.notify_one();
  while (!waiting.done.load(std::memory_order_acquire)) parker->park_uninterruptible();
  if (waiting.exception) std::rethrow_exception(waiting.exception);
  return std::move(*waiting.result);
}

Result<Value> SqliteStore::read(const Body& body) {
  inside_->ensure_open();
  auto reader = inside_->take_reader();
  std::optional<Result<Value>> result;
  try {
    reader->execute("BEGIN");
    SqliteTransaction tx(*reader, nullptr, nullptr);
    result.emplace(body(tx));
    reader->execute("COMMIT");
  } catch (...) {
    if (!reader->in_transaction() || (reader->execute("ROLLBACK"), true)) inside_->give_back(std::move(reader));
    throw;
  }
  inside_->give_back(std::move(reader));
  return std::move(*result);
}

void SqliteStore::reset(std::string_view account_id) {
  if (!exists()) return;
  const auto done = write([&](Transaction& tx) -> Result<Value> {
    const auto tables = tx.query(
        "SELECT m.name AS name, EXISTS (SELECT 1 FROM pragma_table_info(m.name) WHERE name = 'account') AS owned "
        "FROM sqlite_master m WHERE m.type = 'table' AND m.name <> 'moonbase_schema' AND m.name NOT LIKE 'sqlite_%'");
    for (const auto& table : tables) {
      const std::string quoted = "\"" + table["name"].string() + "\"";
      if (account_id.empty())
        tx.query("DELETE FROM " + quoted);
      else if (table["owned"].integer() != 0)
        tx.query("DELETE FROM " + quoted + " WHERE account = ?", account_id);
    }
    return Value();
  });
  if (!done) throw std::runtime_error(done.error().message);
}

std::vector<ScheduledTask> SqliteStore::due_tasks(Time now, std::size_t most) {
  std::vector<ScheduledTask> tasks;
  const auto done = read([&](Transaction& tx) -> Result<Value> {
    for (const auto& row : tx.query("SELECT id, handler, payload, due_at_ms, attempt, account, region, arn, base_url, "
                                    "cause FROM moonbase_task WHERE due_at_ms <= ? ORDER BY due_at_ms, id LIMIT ?",
                                    now, most))
      tasks.push_back({row[0].integer(), row[1].string(), row[2].string(), Time{row[3].integer()},
                       static_cast<int>(row[4].integer()), row[5].string(), row[6].string(), row[7].string(),
                       row[8].string(), row[9].string()});
    return Value();
  });
  if (!done) throw std::runtime_error(done.error().message);
  return tasks;
}

std::vector<Time> SqliteStore::next_due(std::size_t most) {
  std::vector<Time> times;
  if (!exists()) return times;
  const auto done = read([&](Transaction& tx) -> Result<Value> {
    for (const auto& row : tx.query("SELECT due_at_ms FROM moonbase_task ORDER BY due_at_ms, id LIMIT ?", most))
      times.push_back(Time{row[0].integer()});
    return Value();
  });
  if (!done) throw std::runtime_error(done.error().message);
  return times;
}

}  // namespace moonbase::store
