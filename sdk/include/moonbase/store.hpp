// Store: one plugin's private database.
//
// The SQL is the subset that SQLite and PostgreSQL share. Placeholders are `?`; column types are
// TEXT, INTEGER (64 bits), REAL and BLOB. No AUTOINCREMENT, no rowid, no INSERT OR REPLACE (write
// ON CONFLICT … DO UPDATE), no PRAGMA, no functions beyond the standard's. Every table's key begins
// with account and region where the resource has them.
#pragma once

#include <moonbase/clock.hpp>
#include <moonbase/result.hpp>
#include <moonbase/value.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moonbase {

// A blob parameter: bytes are bound as BLOB, a std::string as TEXT.
struct Blob {
  std::string_view bytes;
};

// One value for one `?`. Holds views: what it was made from must outlive the query.
class Parameter {
 public:
  enum class Kind : std::uint8_t { null, integer, number, text, blob };
  Parameter(std::nullptr_t) {}
  template <class Integer, std::enable_if_t<std::is_integral_v<Integer>, int> = 0>
  Parameter(Integer integer) : kind(Kind::integer), integer(static_cast<std::int64_t>(integer)) {}
  Parameter(double number) : kind(Kind::number), number(number) {}
  Parameter(std::string_view text) : kind(Kind::text), bytes(text) {}
  Parameter(const std::string& text) : kind(Kind::text), bytes(text) {}
  Parameter(const char* text) : kind(Kind::text), bytes(text) {}
  Parameter(Blob blob) : kind(Kind::blob), bytes(blob.bytes) {}
  Parameter(Time time) : kind(Kind::integer), integer(time.ms) {}
  Parameter(const Value& value);  // Null, boolean, integer, number or string (as TEXT).

  Kind kind = Kind::null;
  std::int64_t integer = 0;
  double number = 0;
  std::string_view bytes;
};

// One row of an answer. TEXT and BLOB are strings, INTEGER is integer, REAL is number.
class Row {
 public:
  Row(std::shared_ptr<const std::vector<std::string>> columns, std::vector<Value> values);

  // A column's value. Throws std::out_of_range where the query named no such column.
  const Value& at(std::string_view column) const;
  const Value& operator[](std::string_view column) const { return at(column); }
  const Value& operator[](const char* column) const { return at(column); }
  // By position, for hot paths.
  const Value& operator[](std::size_t position) const { return values_.at(position); }
  const Value& operator[](int position) const { return values_.at(static_cast<std::size_t>(position)); }
  std::size_t size() const { return values_.size(); }
  const std::string& column(std::size_t position) const { return columns_->at(position); }
  Value&& take(std::size_t position) { return std::move(values_.at(position)); }

 private:
  std::shared_ptr<const std::vector<std::string>> columns_;
  std::vector<Value> values_;
};
using Rows = std::vector<Row>;

// Return false to stop reading.
using RowVisitor = std::function<bool(const Row&)>;

// The inside of one transaction. Only the thread that runs the body may use it, only until it returns.
class Transaction {
 public:
  virtual ~Transaction() = default;

  // Runs one statement and answers all its rows (of SELECT or RETURNING).
  template <class... Values>
  Rows query(std::string_view sql, const Values&... values) {
    return run(sql, {Parameter(values)...});
  }
  Rows query_with(std::string_view sql, const std::vector<Parameter>& parameters) { return run_all(sql, parameters); }

  // Reads row by row, for answers that may be large.
  virtual void each(std::string_view sql, const std::vector<Parameter>& parameters, const RowVisitor& visit) = 0;

  // How many rows the last INSERT, UPDATE or DELETE touched.
  virtual std::int64_t changes() const = 0;

  // Writes a task together with this change: it runs at least once after the commit, at `due` on
  // the platform's clock or later, and never without the commit. `handler` is one that the same
  // plugin registered, or "plugin/handler" of another. A second task under the same non-empty
  // `key` replaces the first. Only inside write().
  virtual void schedule(Time due, std::string_view handler, const Value& payload, std::string_view key = "") = 0;
  // Forgets the task under this key, if it has not begun.
  virtual void unschedule(std::string_view handler, std::string_view key) = 0;

 private:
  Rows run(std::string_view sql, std::initializer_list<Parameter> parameters) {
    return run_all(sql, std::vector<Parameter>(parameters));
  }
  virtual Rows run_all(std::string_view sql, const std::vector<Parameter>& parameters) = 0;
};

// Any thread may use it; a fiber that calls it is suspended, never its thread's other fibers.
class Store {
 public:
  using Body = std::function<Result<Value>(Transaction&)>;

  virtual ~Store() = default;

  // Runs `body` in a transaction and commits if and only if it returns a value; when write()
  // returns that value, the change is durable. An Error or an exception rolls everything back.
  // Writes run one at a time. The body may run twice, so it does nothing but its transaction. It runs on another
  // thread than the caller's while the caller waits: it may use the caller's variables, but it must
  // not wait, call a service or write again.
  virtual Result<Value> write(const Body& body) = 0;

  // Sees the last committed state, and all of it at one moment. Never waits for a writer.
  virtual Result<Value> read(const Body& body) = 0;
};

}  // namespace moonbase
