// LogStore: what functions print. Lines are collected in memory and written in batches, many lines a
// row: a function that logs costs its caller a copy of the text, not a transaction.
//
// Bounds: 8 MB wait to be written, 4 MB are kept for people who follow, each log group keeps its
// newest 32 MB. What does not fit is dropped, and a line in its place says how many.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <moonbase/call.hpp>
#include <moonbase/store.hpp>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "logs/live_tail.hpp"

namespace moonbase::functions {

// One log stream: on Lambda, one execution environment.
struct LogStream {
  std::uint32_t number = 0;  // Of this process.
  std::string account, region, group, name, function;
  Time created_at;
  mutable std::size_t waiting = 0;  // Bytes on their way into the store. Under the store's mutex.
};

struct LogEvent {
  std::uint64_t sequence = 0;
  Time at;
  std::string_view text;  // Without its line end.
  std::uint32_t stream = 0;
};

// Any thread may use it; flush() on fibers.
class LogStore {
 public:
  LogStore(KernelServices& kernel) : kernel_(kernel) {}

  // Before the first line: goes on behind what the store holds. On a fiber.
  void begin();

  struct Where {
    std::string account, region, function, group, name;
  };
  std::shared_ptr<LogStream> open(Where where);
  // One event a line. Never suspends.
  void append(const LogStream& stream, Time at, std::string_view lines);

  // One event, whatever is in it.
  void append_whole(const LogStream& stream, Time at, std::string_view text);

  // Returns when all that was appended before it has been written. Suspends the fiber.
  void flush();
  std::vector<LogLine> recent(std::string_view account, std::string_view function, std::uint64_t after);
  void reset(std::string_view account);  // All of them where it is empty.
  void stop() { stopped_ = true; }

  // Those who watch. Whoever writes events by itself tells them, behind its transaction.
  LiveTails& tails() { return tails_; }
  KernelServices& kernel() { return kernel_; }

  // Numbers for events that are written by their sender (PutLogEvents): the first of `count`.
  std::uint64_t take_sequence(std::size_t count);
  // Inside a transaction: one chunk of a stream, whose row exists, and what is to happen to it.
  struct NewChunk {
    const std::string &account, &region, &group, &stream;
    std::uint64_t sequence;
    Time first, last, ingested;
    std::string_view events;
  };
  static void insert_chunk(Transaction& tx, const NewChunk& chunk);
  // And before it: the stream's row knows of its first and last event. No row is touched where there is no such stream.
  struct StreamSpan {
    const std::string &account, &region, &group, &stream;
    Time first, last;
  };
  static void widen_stream(Transaction& tx, const StreamSpan& span, Time now);
  static void append_to(std::string& events, std::uint64_t sequence, Time at, std::string_view text);

  // The events in a row's blob, oldest first.
  static std::vector<LogEvent> read(std::string_view events);

 private:
  void add(const LogStream& stream, Time at, std::string_view text);
  void start_flusher();
  void write(const std::string& batch);
  void trim(const LogStream& stream);

  KernelServices& kernel_;
  LiveTails tails_;
  std::mutex mutex_;
  std::string pending_;
  std::uint64_t sequence_ = 0, dropped_ = 0;
  std::uint64_t batches_ = 0;
  std::set<std::uint64_t> writing_;  // Batches on their way into the store.
  Signal written_;
  std::deque<std::shared_ptr<const std::string>> recent_;
  std::size_t recent_bytes_ = 0;
  std::uint32_t streams_ = 0;
  std::unordered_map<std::uint32_t, std::shared_ptr<LogStream>> by_number_;
  std::unordered_map<std::string, std::int64_t> group_bytes_;
  bool flusher_ = false;
  std::atomic<bool> stopped_{false};
};

}  // namespace moonbase::functions
