// The journal: each Call and task run, and what caused it. The console, traces, the audit trail and
// "why?" read it. A ring in memory: writing is a copy into a slot, old entries are overwritten.
#pragma once

#include <moonbase/call.hpp>
#include <moonbase/signal.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace moonbase::journal {

// Text of a bounded length, without an allocation. What is longer is cut.
template <std::size_t Size>
class Short {
 public:
  Short& operator=(std::string_view text) {
    size_ = static_cast<std::uint8_t>(text.copy(text_.data(), Size));
    return *this;
  }
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  static_assert(Size < 256);
  std::array<char, Size> text_;
  std::uint8_t size_ = 0;
};

struct Entry {
  enum class Kind : std::uint8_t { call, task, http };
  std::uint64_t sequence = 0;  // Counts up from 1.
  Time at;                     // Platform time at its end.
  std::int64_t duration_us = 0;  // Machine time.
  Kind kind = Kind::call;
  Short<48> id;        // Request id or task id.
  Short<48> cause;     // The id that led to it; empty at the door.
  Short<32> service;   // Service or plugin.
  Short<64> operation; // Operation, task handler, or "GET /path".
  Short<48> error;     // Error code; empty when it went well.
  Short<12> account;
  Short<24> region;
};

struct Filter {
  std::uint64_t after = 0;  // Sequence.
  std::string id;           // This entry and everything it led to.
  std::string service, operation, account;
  bool errors_only = false;
};

// Any thread may use it.
class Journal {
 public:
  explicit Journal(std::size_t entries_max);

  void write(Entry entry);  // Gives the entry its sequence.

  // Matching entries, oldest first, at most `most` of the newest.
  std::vector<Entry> query(const Filter& filter, std::size_t most) const;

  // Notified on each write while somebody follows.
  Signal& written() { return written_; }
  void follow(bool begin) { followers_ += begin ? 1 : -1; }

  void clear();

 private:
  mutable std::mutex mutex_;
  std::vector<Entry> ring_;
  std::size_t entries_max_;
  std::uint64_t last_ = 0;
  std::atomic<int> followers_ = 0;
  Signal written_;
};

std::string to_json(const Entry& entry);

}  // namespace moonbase::journal
