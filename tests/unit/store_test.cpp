#include "store/sqlite_store.hpp"

#include "store/file_blobs.hpp"
#include "store_promises.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace moonbase;
using store::SqliteStore;

namespace {

constexpr std::string_view schema =
    "CREATE TABLE thing (account TEXT NOT NULL, name TEXT NOT NULL, size INTEGER, bytes BLOB, "
    "PRIMARY KEY (account, name)) STRICT";

// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "moonbase-store-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

std::unique_ptr<SqliteStore> open(const Folder& folder, std::vector<std::string_view> steps = {schema},
                                  std::function<void(Time)> scheduled = [](Time) {}) {
  return std::make_unique<SqliteStore>(store::Options{folder / "test.sqlite"}, std::move(steps), std::move(scheduled));
}

std::int64_t count(Store& store) {
  return (*store.read([](Transaction& tx) -> Result<Value> {
           return tx.query("SELECT COUNT(*) AS things FROM thing")[0]["things"];
         })).integer();
}

Store::Body insert(const std::string& name) {
  return [name](Transaction& tx) -> Result<Value> {
    tx.query("INSERT INTO thing VALUES (?, ?, ?, ?)", "a", name, 1, nullptr);
    return Value(name);
  };
}

}  // namespace

TEST_CASE("SQLite keeps what every store engine promises") {
  const Folder folder;
  check_store_promises(*open(folder, {store_promises_schema}));
}

TEST_CASE("what a body wrote is there after it returned a value, and after a restart") {
  const Folder folder;
  {
    const auto store = open(folder);
    const std::string bytes("\0\x01 NUL counts", 14);
    const auto written = store->write([&](Transaction& tx) -> Result<Value> {
      tx.query("INSERT INTO thing VALUES (?, ?, ?, ?)", "a", "lamp", 42, Blob{bytes});
      return Value("ok");
    });
    REQUIRE(written);
    CHECK(written->string() == "ok");
  }
  const auto store = open(folder);
  const auto row = store->read([](Transaction& tx) -> Result<Value> {
    const auto rows = tx.query("SELECT name, size, bytes FROM thing WHERE account = ?", "a");
    return Value(List{rows.at(0)["name"], rows[0]["size"], rows[0]["bytes"]});
  });
  REQUIRE(row);
  CHECK((*row)[0].string() == "lamp");
  CHECK((*row)[1].integer() == 42);
  CHECK((*row)[2].string() == std::string("\0\x01 NUL counts", 14));
}

TEST_CASE("an Error or an exception leaves nothing behind, in a group too") {
  const Folder folder;
  const auto store = open(folder);
  const auto refused = store->write([&](Transaction& tx) -> Result<Value> {
    tx.query("INSERT INTO thing VALUES ('a', 'refused', 1, NULL)");
    return Error{"Refused", "after all"};
  });
  CHECK(refused.error().code == "Refused");
  CHECK_THROWS_WITH(store->write([&](Transaction& tx) -> Result<Value> {
    tx.query("INSERT INTO thing VALUES ('a', 'thrown', 1, NULL)");
    throw std::runtime_error("a bug");
  }),
                    "a bug");
  CHECK(count(*store) == 0);

  std::vector<std::thread> writers;
  std::atomic<int> good = 0;
  for (int i = 0; i < 40; ++i)
    writers.emplace_back([&, i] {
      const auto result = store->write([&](Transaction& tx) -> Result<Value> {
        tx.query("INSERT INTO thing VALUES ('a', ?, 1, NULL)", "n" + std::to_string(i));
        if (i % 2 == 0) return Error{"Even", "numbers are refused"};
        return Value();
      });
      if (result) ++good;
    });
  for (auto& writer : writers) writer.join();
  CHECK(good == 20);
  CHECK(count(*store) == 20);
}

TEST_CASE("a reader sees the last committed state and waits for no writer") {
  const Folder folder;
  const auto store = open(folder);
  REQUIRE(store->write(insert("first")));
  std::int64_t seen_inside = -1;
  REQUIRE(store->write([&](Transaction& tx) -> Result<Value> {
    tx.query("INSERT INTO thing VALUES ('a', 'second', 1, NULL)");
    std::thread([&] { seen_inside = count(*store); }).join();
    return Value();
  }));
  CHECK(seen_inside == 1);
  CHECK(count(*store) == 2);
  CHECK_THROWS(store->read(insert("third")));
}

TEST_CASE("a step of the schema runs once, and a changed one is refused") {
  const Folder folder;
  REQUIRE(open(folder)->write(insert("kept")));
  constexpr std::string_view more = "CREATE TABLE other (account TEXT NOT NULL, id INTEGER) STRICT";
  {
    const auto store = open(folder, {schema, more});
    CHECK(count(*store) == 1);
    CHECK(store->write([](Transaction& tx) -> Result<Value> {
      tx.query("INSERT INTO other VALUES ('a', 7)");
      return Value();
    }));
  }
  const auto changed = open(folder, {"CREATE TABLE another (id INTEGER) STRICT", more});
  CHECK_THROWS_WITH(count(*changed), Catch::Contains("another version of its plugin"));
}

TEST_CASE("a task is there if and only if its change is, and a key replaces it") {
  const Folder folder;
  std::vector<std::int64_t> heard;
  const auto store = open(folder, {schema}, [&](Time due) { heard.push_back(due.ms); });
  REQUIRE(store->write([](Transaction& tx) -> Result<Value> {
    tx.schedule(Time{2000}, "expire", Map{{"name", "lamp"}}, "lamp");
    tx.schedule(Time{1000}, "expire", Map{{"name", "desk"}});
    return Value();
  }));
  CHECK(heard == std::vector<std::int64_t>{1000});
  const auto refused = store->write([](Transaction& tx) -> Result<Value> {
    tx.schedule(Time{1}, "expire", Value());
    return Error{"Refused", ""};
  });
  CHECK_FALSE(refused);
  CHECK(heard.size() == 1);

  auto tasks = store->due_tasks(Time{1999}, 10);
  REQUIRE(tasks.size() == 1);
  CHECK(tasks[0].payload == R"({"name":"desk"})");
  CHECK(store->due_tasks(Time{2000}, 10).size() == 2);

  REQUIRE(store->write([](Transaction& tx) -> Result<Value> {
    tx.schedule(Time{500}, "expire", Map{{"name", "new lamp"}}, "lamp");
    return Value();
  }));
  tasks = store->due_tasks(Time{5000}, 10);
  REQUIRE(tasks.size() == 2);
  CHECK(tasks[0].payload == R"({"name":"new lamp"})");
  REQUIRE(store->write([](Transaction& tx) -> Result<Value> {
    tx.unschedule("expire", "lamp");
    return Value();
  }));
  CHECK(store->due_tasks(Time{5000}, 10).size() == 1);
}

TEST_CASE("a reset empties all, or one account") {
  const Folder folder;
  const auto store = open(folder);
  for (const char* account : {"a", "b"})
    REQUIRE(store->write([&](Transaction& tx) -> Result<Value> {
      tx.query("INSERT INTO thing VALUES (?, 'x', 1, NULL)", account);
      return Value();
    }));
  store->reset("a");
  CHECK(count(*store) == 1);
  store->reset("");
  CHECK(count(*store) == 0);
}

TEST_CASE("a query with another number of values than placeholders is a bug") {
  const Folder folder;
  const auto store = open(folder);
  CHECK_THROWS_AS(store->read([](Transaction& tx) -> Result<Value> {
    tx.query("SELECT * FROM thing WHERE name = ?");
    return Value();
  }),
                  std::logic_error);
}

TEST_CASE("a blob is named by its content, kept once, and gone when it is not finished") {
  const Folder folder;
  store::FileBlobs blobs(folder / "blobs", true);
  const auto id = blobs.put("one lamp");
  CHECK(id == "b2b77413ffa3cf1916a4499b742ef8941a8818e676ac5809b56350c3316d8921");
  CHECK(blobs.put("one lamp") == id);
  CHECK(blobs.get(id) == "one lamp");
  CHECK(blobs.read(id, 4, 100) == "lamp");
  CHECK(blobs.size(id) == 8);
  CHECK(blobs.erase_unused(id, [](const std::string&) { return false; }));
  CHECK_FALSE(blobs.contains(id));
  CHECK_THROWS(blobs.path("../../etc/passwd"));

  blobs.create()->append("half a ");
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "blobs"))
    files += entry.is_regular_file() ? 1 : 0;
  CHECK(files == 0);
}

TEST_CASE("a blob that is held or used is not erased") {
  const Folder folder;
  store::FileBlobs blobs(folder / "blobs", true);
  const auto used = [](const std::string&) { return true; };
  const auto unused = [](const std::string&) { return false; };
  auto writer = blobs.create();
  writer->append("one lamp");
  const auto id = writer->finish();
  CHECK_FALSE(blobs.erase_unused(id, unused));  // Its writer has not named it yet.
  auto reader = blobs.hold({id});
  writer.reset();
  CHECK_FALSE(blobs.erase_unused(id, unused));
  auto second = blobs.hold({id});
  second.reset();
  CHECK_FALSE(blobs.erase_unused(id, unused));
  reader.reset();
  CHECK(blobs.erase_unused(id, used));
  CHECK(blobs.contains(id));
  CHECK(blobs.erase_unused(id, unused));
  CHECK_FALSE(blobs.contains(id));
  CHECK(blobs.erase_unused(id, unused));
}

TEST_CASE("who holds a blob may outlive the blob store") {
  const Folder folder;
  auto blobs = std::make_unique<store::FileBlobs>(folder / "blobs", true);
  auto writer = blobs->create();
  writer->append("one lamp");
  const auto id = writer->finish();
  auto hold = blobs->hold({id});
  blobs.reset();
  hold.reset();
  writer.reset();
  CHECK(store::FileBlobs(folder / "blobs", true).get(id) == "one lamp");
  CHECK_FALSE(std::filesystem::exists(folder / "blobs" / ("unnamed-" + id)));
}

TEST_CASE("a blob that is stored again while its use is asked for stays") {
  const Folder folder;
  store::FileBlobs blobs(folder / "blobs", true);
  const auto id = blobs.put("one lamp");
  int asked = 0;
  // The first answer is old: a writer has come, named the blob and gone in the meantime.
  CHECK(blobs.erase_unused(id, [&](const std::string&) {
    if (++asked > 1) return true;
    blobs.put("one lamp");
    return false;
  }));
  CHECK(asked == 2);
  CHECK(blobs.get(id) == "one lamp");
}

TEST_CASE("what a crash left of blobs goes at the next start") {
  const Folder folder;
  const auto root = folder / "blobs";
  std::string named, unnamed;
  {
    store::FileBlobs blobs(root, true);
    named = blobs.put("named");
    unnamed = blobs.put("unnamed");
  }
  // As if the process had been killed while it wrote one and had not committed the names of two others.
  for (const auto& name : {std::string("incoming-abc"), "unnamed-" + named, "unnamed-" + unnamed})
    std::ofstream(root / name).put('x');
  store::FileBlobs blobs(root, true);
  blobs.settle([&](const std::string& id) { return id == named; });
  CHECK(blobs.contains(named));
  CHECK_FALSE(blobs.contains(unnamed));
  for (const auto& entry : std::filesystem::directory_iterator(root)) CHECK(entry.is_directory());
}
