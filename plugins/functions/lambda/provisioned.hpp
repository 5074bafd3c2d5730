// Provisioned concurrency: environments that are started before anybody needs them.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <moonbase/signal.hpp>
#include <moonbase/store.hpp>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "lambda/function.hpp"

namespace moonbase::functions {

// What the function has reserved.
std::optional<std::int64_t> read_reserved(Transaction& tx, const FunctionName& name);
// The concurrency of an account and region that belongs to single functions: what they have reserved, else what their
// versions and aliases have provisioned. Without that of `except`.
std::int64_t read_own_concurrency(Transaction& tx, const std::string& account, const std::string& region,
                                  std::string_view except = {});

// What the version or alias has provisioned: one row, or none.
Rows provisioned_rows(Transaction& tx, const FunctionName& name);

// Where the provisioned programs of one function version live: one loop, to which others hand their invocations.
// Any thread may use it.
class ProvisionedHome : public std::enable_shared_from_this<ProvisionedHome> {
 public:
  std::size_t started() const { return started_; }
  bool is_here() const { return loop_ == std::this_thread::get_id(); }
  // To be run on the home's loop. False: there is none.
  bool hand_over(std::function<void()> work);
  void end();

  // For the fiber that keeps it.
  void begin();  // On the calling fiber's loop, from now on.
  std::uint64_t version() const { return changed_.version(); }
  void wait(std::uint64_t seen) { changed_.wait(seen, Time{INT64_MAX}); }
  std::deque<std::function<void()>> take();
  bool ended() const { return ended_; }
  void notify() { changed_.notify(); }
  std::size_t begun() const { return begun_; }
  // Of an environment that begins: counts it while it lives, as started from where it says so.
  struct Token {
    ProvisionedHome& home;
    bool started = false;
  };
  std::shared_ptr<Token> token();
  void count_started(Token& token);

 private:
  std::atomic<std::thread::id> loop_;
  std::atomic<std::size_t> begun_{0}, started_{0};
  std::atomic<bool> ended_{false};
  Signal changed_;
  std::mutex mutex_;
  std::deque<std::function<void()>> work_;
  bool open_ = false;
};

}  // namespace moonbase::functions
