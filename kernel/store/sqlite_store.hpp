// The embedded store engine: one SQLite file a plugin.
//
// Writes queue up for one writer thread. It runs every body that waits inside one transaction, each
// in a savepoint of its own, commits once, and only then lets the callers go: group commit. Readers
// have connections of their own (write-ahead log) and never wait for it.
#pragma once

#include <moonbase/call.hpp>
#include <moonbase/store.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace moonbase::store {

struct Options {
  std::filesystem::path file;
  bool durable = true;                // False: nothing is synced (--memory, tests).
  std::size_t cache_bytes = 8 << 20;  // SQLite's page cache, a connection.
  std::size_t group_max = 512;        // Bodies in one transaction.
};

// A task as a transaction wrote it down.
struct ScheduledTask {
  std::int64_t id = 0;
  std::string handler;
  std::string payload;  // JSON.
  Time due;
  int attempt = 1;
  std::string account_id, region, arn, base_url, cause;
};

// Any thread may use it. Opens its file on first use.
class SqliteStore final : public Store {
 public:
  // `schema` is the plugin's history of schema steps. `scheduled` hears, after each commit that
  // wrote tasks, of the earliest due time among them; it may come from any thread.
  SqliteStore(Options options, std::vector<std::string_view> schema, std::function<void(Time)> scheduled);
  ~SqliteStore() override;

  Result<Value> write(const Body& body) override;
  Result<Value> read(const Body& body) override;
  // As above, on behalf of a Call: its tasks carry this context on.
  Result<Value> write_for(const CallContext* context, const Body& body);

  // Whether there is anything on disk yet.
  bool exists() const;
  // Deletes every row (tasks too), or those of one account.
  void reset(std::string_view account_id);
  // Ends the writer thread after what is queued.
  void close();

  // For the task runner: what is due, in order of time; when the next is due.
  std::vector<ScheduledTask> due_tasks(Time now, std::size_t most);
  std::vector<Time> next_due(std::size_t most);

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

// A Store that remembers which Call it works for.
class CallStore final : public Store {
 public:
  CallStore(SqliteStore& store, const CallContext& context) : store_(store), context_(context) {}
  Result<Value> write(const Body& body) override { return store_.write_for(&context_, body); }
  Result<Value> read(const Body& body) override { return store_.read(body); }

 private:
  SqliteStore& store_;
  const CallContext& context_;
};

}  // namespace moonbase::store
