// moonbase sql: a plugin's database for people, read-only, with the views that the plugin documents.
#include "cli/commands.hpp"
#include "kernel.hpp"
#include "plugin/loader.hpp"
#include "plugin/member.hpp"

#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/core.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <stdexcept>

namespace moonbase::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t shown_bytes_max = 80;  // Of one value in a table.
constexpr std::size_t table_rows_max = 1000;  // Kept to find the columns' widths.

using TextOf = std::function<std::string(std::string_view)>;

void call_text_of(sqlite3_context* context, int, sqlite3_value** values) {
  const auto& text_of = *static_cast<const TextOf*>(sqlite3_user_data(context));
  if (sqlite3_value_type(values[0]) == SQLITE_NULL) return sqlite3_result_null(context);
  const auto* bytes = static_cast<const char*>(sqlite3_value_blob(values[0]));
  const std::string_view blob(bytes, static_cast<std::size_t>(sqlite3_value_bytes(values[0])));
  try {
    const auto text = text_of(blob);
    sqlite3_result_text64(context, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  } catch (const std::exception& failure) {
    sqlite3_result_error(context, failure.what(), -1);
  }
}

std::string hex_of(const SQLite::Column& column) {
  return hex(std::string_view(static_cast<const char*>(column.getBlob()), static_cast<std::size_t>(column.getBytes())));
}

std::string shown(const SQLite::Column& column) {
  if (column.isNull()) return "null";
  if (column.isBlob()) return "x'" + hex_of(column) + "'";
  auto text = column.getString();
  std::replace(text.begin(), text.end(), '\n', ' ');
  if (text.size() > shown_bytes_max) {
    text.resize(shown_bytes_max - 3);
    // Not in the middle of a character.
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80) text.pop_back();
    if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xc0) text.pop_back();
    text += "...";
  }
  return text;
}

Value value_of(const SQLite::Column& column) {
  if (column.isNull()) return {};
  if (column.isInteger()) return column.getInt64();
  if (column.isFloat()) return column.getDouble();
  if (column.isBlob()) return hex_of(column);
  return column.getString();
}

void print_json(SQLite::Statement& statement) {
  while (statement.executeStep()) {
    Map row;
    for (int i = 0; i < statement.getColumnCount(); ++i)
      row.set(statement.getColumnName(i), value_of(statement.getColumn(i)));
    fmt::print("{}\n", to_json(Value(std::move(row))));
  }
}

void print_table(SQLite::Statement& statement) {
  std::vector<std::vector<std::string>> rows(1);
  for (int i = 0; i < statement.getColumnCount(); ++i) rows[0].push_back(statement.getColumnName(i));
  std::size_t count = 0;
  const auto flush = [&] {
    std::vector<std::size_t> widths(rows[0].size());
    for (const auto& row : rows)
      for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    for (const auto& row : rows) {
      for (std::size_t i = 0; i < row.size(); ++i)
        fmt::print("{}{:<{}}", i == 0 ? "" : "  ", row[i], i + 1 == row.size() ? 0 : widths[i]);
      fmt::print("\n");
    }
    rows.resize(1);
  };
  while (statement.executeStep()) {
    rows.emplace_back();
    for (int i = 0; i < statement.getColumnCount(); ++i) rows.back().push_back(shown(statement.getColumn(i)));
    ++count;
    if (rows.size() > table_rows_max) flush();
  }
  if (rows.size() > 1 || count == 0) flush();
  fmt::print("({} {})\n", count, count == 1 ? "row" : "rows");
}

// Whether the query ran.
bool run(SQLite::Database& database, const std::string& query, bool json) {
  try {
    SQLite::Statement statement(database, query);
    json ? print_json(statement) : print_table(statement);
    return true;
  } catch (const SQLite::Exception& problem) {
    fmt::print(stderr, "moonbase: {}\n", problem.what());
    return false;
  }
}

int converse(SQLite::Database& database, bool json) {
  const bool person = ::isatty(STDIN_FILENO) == 1;
  bool good = true;
  std::string query, line;
  const auto prompt = [&] {
    if (!person) return;
    fmt::print("{}", query.empty() ? "sql> " : "...> ");
    std::fflush(stdout);
  };
  for (prompt(); std::getline(std::cin, line); prompt()) {
    query += line + "\n";
    if (sqlite3_complete(query.c_str()) == 0) continue;
    good = run(database, query, json) && good;
    query.clear();
  }
  if (query.find_first_not_of(" \n\t") != std::string::npos) good = run(database, query, json) && good;
  return person || good ? 0 : 1;
}

}  // namespace

int sql(const SqlOptions& options) {
  try {
    const fs::path beside = fs::read_symlink("/proc/self/exe").parent_path() / "plugins";
    const fs::path folder = options.plugins_folder.empty() ? beside : fs::path(options.plugins_folder);
    const auto library = folder / (options.plugin + ".so");
    if (!fs::exists(library)) {
      std::string names;
      for (const auto& each : plugin::find(folder)) names += (names.empty() ? "" : ", ") + each.stem().string();
      throw std::runtime_error("there is no plugin " + options.plugin + "; there are " + names);
    }
    const auto file = fs::path(options.data) / (options.plugin + ".sqlite");
    if (!fs::exists(file))
      throw std::runtime_error("there is no " + file.string() + ": has a platform run with --data " + options.data + "?");

    // Loaded, never started: for its views alone.
    kernel::Options kernel_options;
    kernel_options.memory = true;
    kernel_options.plugins = {library};
    kernel_options.log_level = "off";
    kernel_options.loops = 1;
    const kernel::Kernel kernel(kernel_options);
    const auto& member = *kernel.members().front();

    SQLite::Database database(file.string(), SQLite::OPEN_READONLY);
    for (const auto& [name, text_of] : member.view_functions)
      database.createFunction(name.c_str(), 1, true, const_cast<TextOf*>(&text_of), call_text_of);
    for (const auto views : member.views) database.exec(std::string(views));
    if (options.query.empty()) return converse(database, options.json);
    return run(database, options.query, options.json) ? 0 : 1;
  } catch (const std::exception& failure) {
    fmt::print(stderr, "moonbase: {}\n", failure.what());
    return 1;
  }
}

}  // namespace moonbase::cli
