// Reading logs by time: what is found, in which pages, and how much is looked at for it.
#include "logs/log_reader.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "support.hpp"

using namespace support;
using moonbase::KernelServices;
using moonbase::List;
using moonbase::Map;
using moonbase::Result;
using moonbase::Transaction;
using moonbase::Value;
using moonbase::functions::LogPage;
using moonbase::functions::LogRange;
using moonbase::testing::TestKernel;

namespace {

constexpr std::int64_t now_ms = 1'798'761'600'000, hour_ms = 3'600'000, day_ms = 24 * hour_ms;

struct Logs {
  TestKernel kernel{"logs", functions};

  Logs() {
    kernel.call("CreateLogGroup", {{"logGroupName", "app"}});
    for (const char* stream : {"one", "two", "three"})
      kernel.call("CreateLogStream", {{"logGroupName", "app"}, {"logStreamName", stream}});
  }
  void put(const std::string& stream, std::vector<std::int64_t> times) {
    std::sort(times.begin(), times.end());
    List events;
    for (const auto at : times) events.push_back(Map{{"timestamp", at}, {"message", std::to_string(at)}});
    kernel.call("PutLogEvents", {{"logGroupName", "app"}, {"logStreamName", stream}, {"logEvents", std::move(events)}});
  }
  LogPage read(const LogRange& range) {
    LogPage page;
    kernel.on_fiber([&](KernelServices& services, moonbase::CallContext&) {
      const auto done = services.store.read([&](Transaction& tx) -> Result<Value> {
        page = read_log(tx, range);
        return Value();
      });
      REQUIRE(done);
    });
    return page;
  }
  std::string plan_of(const LogRange& range) {
    std::string plan;
    kernel.on_fiber([&](KernelServices& services, moonbase::CallContext&) {
      const auto statement = log_statement(range);
      const auto done = services.store.read([&](Transaction& tx) -> Result<Value> {
        for (const auto& row : tx.query_with("EXPLAIN QUERY PLAN " + statement.sql, statement.parameters))
          plan += row["detail"].string() + "\n";
        return Value();
      });
      if (!done) FAIL(done.error().message);
    });
    return plan;
  }
  static LogRange range(std::int64_t from, std::int64_t to, const std::string& stream = {}) {
    LogRange range;
    range.account = "000000000000";
    range.region = "us-east-1";
    range.group = "app";
    range.stream = stream;
    range.from.at_ms = from;
    range.to.at_ms = to;
    return range;
  }
  // All pages together, oldest first.
  std::vector<std::int64_t> all(LogRange range) {
    std::vector<std::int64_t> times;
    for (int pages = 0; pages < 100'000; ++pages) {
      const auto page = read(range);
      REQUIRE(page.events.size() <= range.events_max);
      std::vector<std::int64_t> found;
      for (const auto& event : page.events) {
        CHECK(event.text == std::to_string(event.place.at_ms));
        found.push_back(event.place.at_ms);
      }
      times.insert(range.newest_first ? times.begin() : times.end(), found.begin(), found.end());
      if (!page.more) return times;
      (range.newest_first ? range.to : range.from) = *page.more;
    }
    FAIL("the pages have no end");
    return times;
  }
};

}  // namespace

TEST_CASE_METHOD(Logs, "an hour of a group is read without the rest of it") {
  for (std::int64_t hour = 1; hour <= 300; ++hour) put(hour % 2 == 0 ? "one" : "two", {now_ms - hour * hour_ms});
  const auto from = now_ms - 150 * hour_ms, to = from + 2 * hour_ms;
  const auto of_group = read(range(from, to));
  CHECK(of_group.events.size() == 2);
  CHECK(of_group.chunks == 2);
  const auto of_stream = read(range(from, to, "one"));
  CHECK(of_stream.events.size() == 1);
  CHECK(of_stream.chunks == 1);
  auto newest = range(0, INT64_MAX, "one");
  newest.newest_first = true;
  newest.events_max = 3;
  const auto last = read(newest);
  REQUIRE(last.events.size() == 3);
  CHECK(last.events.back().place.at_ms == now_ms - 2 * hour_ms);
  CHECK(last.chunks == 3);
  auto oldest = range(0, INT64_MAX);
  oldest.events_max = 4;
  CHECK(read(oldest).chunks == 4);
}

TEST_CASE_METHOD(Logs, "each way of reading follows its index, bounded at both ends, without sorting") {
  const auto of_group = plan_of(range(now_ms, now_ms + 1)), of_stream = plan_of(range(now_ms, now_ms + 1, "one"));
  auto newest = range(now_ms, now_ms + 1, "one");
  newest.newest_first = true;
  const auto back = plan_of(newest);
  CHECK_THAT(of_group, Catch::Contains("log_chunk_by_time") && Catch::Contains("first_ms>? AND first_ms<?"));
  CHECK_THAT(of_stream, Catch::Contains("log_stream=? AND first_ms>? AND first_ms<?"));
  CHECK_THAT(back, Catch::Contains("log_chunk_newest") && Catch::Contains("last_ms>? AND last_ms<?"));
  for (const auto& plan : {of_group, of_stream, back})
    CHECK_THAT(plan, !Catch::Contains("SCAN") && !Catch::Contains("TEMP B-TREE"));
}

TEST_CASE_METHOD(Logs, "pages of any size, in both directions, are all events of the range in order") {
  std::mt19937 random(7);
  const auto number = [&](std::int64_t below) {
    return static_cast<std::int64_t>(random() % static_cast<unsigned>(below));
  };
  std::vector<std::pair<std::string, std::int64_t>> written;
  const std::vector<std::string> streams{"one", "two", "three"};
  for (int batch = 0; batch < 60; ++batch) {
    const auto& stream = streams[static_cast<std::size_t>(number(3))];
    // Some in one moment, some over nearly a day; most of them overlap others.
    const auto begin = now_ms - 3 * day_ms + number(2) * hour_ms, span = number(3) == 0 ? 1 : number(day_ms - 1) + 1;
    std::vector<std::int64_t> times;
    for (auto count = number(6) + 1; count > 0; --count) times.push_back(begin + number(span));
    for (const auto at : times) written.emplace_back(stream, at);
    put(stream, times);
  }
  const auto expected = [&](const std::string& stream, std::int64_t from, std::int64_t to) {
    std::vector<std::int64_t> times;
    for (const auto& [name, at] : written)
      if ((stream.empty() || name == stream) && at >= from && at < to) times.push_back(at);
    std::sort(times.begin(), times.end());
    return times;
  };
  for (const std::size_t size : {1, 2, 7, 50, 10'000}) {
    for (const auto& [from, to] : {std::pair<std::int64_t, std::int64_t>{0, INT64_MAX},
                                   {now_ms - 3 * day_ms + hour_ms, now_ms - 3 * day_ms + 5 * hour_ms},
                                   {now_ms - 2 * day_ms - hour_ms, now_ms}}) {
      auto wanted = range(from, to);
      wanted.events_max = size;
      CHECK(all(wanted) == expected("", from, to));
      wanted.stream = "two";
      CHECK(all(wanted) == expected("two", from, to));
      wanted.newest_first = true;
      CHECK(all(wanted) == expected("two", from, to));
    }
  }
}

TEST_CASE_METHOD(Logs, "what has few matches is looked through in steps, also where all of it is of one moment") {
  const std::string filler(200'000, 'x');
  for (int batch = 0; batch < 40; ++batch) {
    List events;
    for (int i = 0; i < 5; ++i) events.push_back(Map{{"timestamp", now_ms}, {"message", filler}});
    kernel.call("PutLogEvents", {{"logGroupName", "app"}, {"logStreamName", "one"}, {"logEvents", std::move(events)}});
  }
  put("one", {now_ms});
  Map input{{"logGroupName", "app"}, {"filterPattern", '"' + std::to_string(now_ms) + '"'}};
  auto page = kernel.call("FilterLogEvents", input);
  CHECK(page["events"].list().empty());
  REQUIRE_FALSE(page["nextToken"].is_null());
  input.set("nextToken", page["nextToken"]);
  page = kernel.call("FilterLogEvents", input);
  CHECK(page["events"].list().size() == 1);
  CHECK(page["nextToken"].is_null());
  // The other way there is no step within one moment; a page is 1 MB.
  int events = 0, pages = 0;
  Value token;
  for (;; ++pages) {
    Map get{{"logGroupName", "app"}, {"logStreamName", "one"}};
    if (token.is_string()) get.set("nextToken", token);
    const auto got = kernel.call("GetLogEvents", std::move(get));
    if (got["nextBackwardToken"] == token) break;
    events += static_cast<int>(got["events"].list().size());
    token = got["nextBackwardToken"];
  }
  CHECK(events == 201);
  CHECK(pages >= 40);
}

TEST_CASE_METHOD(Logs, "lines around a change of the clock are found by their time") {
  REQUIRE(kernel.try_call("lambda", "CreateFunction", function("f", "function handler() print 'line' end")));
  REQUIRE(kernel.try_call("lambda", "Invoke", {{"FunctionName", "f"}}));
  kernel.clock.advance_ms(40 * day_ms);
  REQUIRE(kernel.try_call("lambda", "Invoke", {{"FunctionName", "f"}}));
  const auto lines = [&](std::int64_t from, std::int64_t to) {
    return kernel
        .call("FilterLogEvents", {{"logGroupName", "/aws/lambda/f"},
                                  {"filterPattern", "line"},
                                  {"startTime", from},
                                  {"endTime", to}})["events"]
        .list()
        .size();
  };
  CHECK(lines(now_ms, now_ms + day_ms) == 1);
  CHECK(lines(now_ms + 39 * day_ms, now_ms + 41 * day_ms) == 1);
  CHECK(lines(now_ms + 2 * day_ms, now_ms + 39 * day_ms) == 0);
  CHECK(lines(0, now_ms + 41 * day_ms) == 2);
}

TEST_CASE_METHOD(Logs, "a group that functions write to keeps its newest 32 MB") {
  REQUIRE(kernel.try_call("lambda", "CreateFunction",
                          function("f", R"(function handler(event)
    print("round-" .. event.n)
    for _ = 1, 25 do print(("x"):rep(200000)) end
  end)",
                                   {{"MemorySize", 512}, {"Timeout", 60}})));
  const auto found = [&](int round) {
    const auto pattern = "\"round-" + std::to_string(round) + "\"";
    Map input{{"logGroupName", "/aws/lambda/f"}, {"filterPattern", pattern}};
    for (;;) {
      const auto page = kernel.call("FilterLogEvents", input);
      if (!page["events"].list().empty()) return true;
      if (page["nextToken"].is_null()) return false;
      input.set("nextToken", page["nextToken"]);
    }
  };
  for (int round = 10; round < 22; ++round) {  // 60 MB.
    REQUIRE(kernel.try_call("lambda", "Invoke",
                            {{"FunctionName", "f"}, {"Payload", "{\"n\":" + std::to_string(round) + "}"}}));
    CHECK(found(round));  // It has been written.
    kernel.clock.advance_ms(1'000);
  }
  CHECK_FALSE(found(10));
  CHECK_FALSE(found(12));
  CHECK(found(18));
  CHECK(found(21));
  const auto groups = kernel.call("DescribeLogGroups", {{"logGroupNamePrefix", "/aws/lambda/f"}});
  const auto bytes = groups["logGroups"][0]["storedBytes"].integer();
  CHECK(bytes > 16 * 1024 * 1024);
  CHECK(bytes <= 42 * 1024 * 1024);
}
