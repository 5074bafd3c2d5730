// People who watch log groups as they grow (StartLiveTail): what is written is held for them until their
// next update.
#pragma once

#include <atomic>
#include <memory>
#include <moonbase/signal.hpp>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "logs/filter_pattern.hpp"

namespace moonbase::functions {

struct LiveTailFilter {
  std::string account, region;
  std::vector<std::string> groups;                    // Names.
  std::vector<std::string> streams, stream_prefixes;  // Both empty: all streams.
  LogPattern pattern;

  bool wants(std::string_view stream) const;
};

struct LiveTailEvent {
  std::string group, stream, text;
  Time at, ingested;
};

// Any thread may use it.
class LiveTail {
 public:
  explicit LiveTail(LiveTailFilter filter) : filter_(std::move(filter)) {}

  // What has come since it was last asked. AWS's limit holds: of more than 500 events the others are left out.
  struct Update {
    std::vector<LiveTailEvent> events;
    bool sampled = false;
  };
  Update take();
  // Suspends the fiber until `until`; false once the session's account has been reset.
  bool wait(Time until);

 private:
  friend class LiveTails;
  void close();

  const LiveTailFilter filter_;
  std::mutex mutex_;
  Update next_;
  std::size_t bytes_ = 0;
  std::atomic<bool> closed_{false};
  Signal closing_;
};

// Those of all accounts. Any thread may use it.
class LiveTails {
 public:
  // A session, which ends with the last reference to it. Null where the account has as many as it may.
  std::shared_ptr<LiveTail> open(LiveTailFilter filter);
  // Events of one stream that have been written, as LogStore::read takes them. Costs nothing while nobody watches.
  struct Written {
    const std::string &account, &region, &group, &stream;
    Time ingested;
    std::string_view events;
  };
  void see(const Written& written);
  void reset(std::string_view account);  // All of them where it is empty.

 private:
  std::vector<std::shared_ptr<LiveTail>> all();

  std::mutex mutex_;
  std::vector<std::weak_ptr<LiveTail>> sessions_;
  std::atomic<bool> any_{false};
};

}  // namespace moonbase::functions
