#include "lambda/provisioned.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <moonbase/internal/parker.hpp>

#include "lambda/service.hpp"
#include "lambda/version.hpp"
#include "runtimes/runtime_pool.hpp"

namespace moonbase::functions {

std::optional<std::int64_t> read_reserved(Transaction& tx, const FunctionName& name) {
  const auto rows =
      tx.query("SELECT reserved FROM function_concurrency WHERE account = ? AND region = ? AND function = ?",
               name.account, name.region, name.name);
  if (rows.empty()) return std::nullopt;
  return rows.front()["reserved"].integer();
}

std::int64_t read_own_concurrency(Transaction& tx, const std::string& account, const std::string& region,
                                  std::string_view except) {
  // Neither reads more rows than an account has concurrency: both numbers are at least 1.
  const auto reserved = tx.query(
      "SELECT COALESCE(SUM(reserved), 0) AS count FROM function_concurrency WHERE account = ? AND region = ? AND "
      "reserved > 0 AND function <> ?",
      account, region, except);
  const auto provisioned = tx.query(
      "SELECT COALESCE(SUM(p.requested), 0) AS count FROM function_provisioned p WHERE p.account = ? AND p.region = ? "
      "AND p.function <> ? AND NOT EXISTS (SELECT 1 FROM function_concurrency c WHERE c.account = p.account AND "
      "c.region = p.region AND c.function = p.function)",
      account, region, except);
  return reserved.front()["count"].integer() + provisioned.front()["count"].integer();
}

Rows provisioned_rows(Transaction& tx, const FunctionName& name) {
  return tx.query(
      "SELECT * FROM function_provisioned WHERE account = ? AND region = ? AND function = ? AND qualifier = ?",
      name.account, name.region, name.name, name.qualifier);
}

bool ProvisionedHome::hand_over(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (!open_) return false;
    work_.push_back(std::move(work));
  }
  changed_.notify();
  return true;
}

void ProvisionedHome::end() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    open_ = false;
  }
  changed_.notify();
}

void ProvisionedHome::begin() {
  loop_ = std::this_thread::get_id();
  const std::lock_guard lock(mutex_);
  open_ = !ended_;
}

std::deque<std::function<void()>> ProvisionedHome::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(work_, {});
}

std::shared_ptr<ProvisionedHome::Token> ProvisionedHome::token() {
  ++begun_;
  return {new Token{*this}, [self = shared_from_this()](Token* token) {
            --self->begun_;
            if (token->started) --self->started_;
            delete token;
            self->notify();
          }};
}

void ProvisionedHome::count_started(Token& token) {
  token.started = true;
  ++started_;
}

namespace {

// How many environments each version is to have, for itself and for aliases. A weighted alias shares between its two.
std::map<std::pair<std::int64_t, std::string>, std::size_t> read_wanted(Transaction& tx, const FunctionName& name) {
  std::map<std::pair<std::int64_t, std::string>, std::size_t> wanted;
  for (const auto& row :
       tx.query("SELECT * FROM function_provisioned WHERE account = ? AND region = ? AND function = ?", name.account,
                name.region, name.name)) {
    const auto requested = static_cast<std::size_t>(row["requested"].integer());
    const auto& qualifier = row["qualifier"].string();
    if (const auto version = version_of(qualifier)) {
      wanted[{*version, {}}] += requested;
      continue;
    }
    const auto alias = find_alias(tx, name, qualifier);
    if (!alias) continue;
    std::size_t others = 0;
    for (const auto& [version, weight] : alias->weights) {
      others = static_cast<std::size_t>(std::lround(static_cast<double>(requested) * weight.number()));
      wanted[{version_of(version).value_or(0), qualifier}] += others;
    }
    wanted[{alias->version, qualifier}] += requested - std::min(others, requested);
  }
  std::erase_if(wanted, [](const auto& entry) { return entry.first.first == 0; });  // $LATEST has none.
  return wanted;
}

}  // namespace

void FunctionService::provision(const FunctionName& name) {
  // One after another: what was read last is done last.
  const std::unique_lock lock(mutex_);
  to_provision_.push_back({name.account, name.region, name.name, {}});
  if (std::exchange(provisioning_, true)) return;
  const auto busy = std::make_shared<Activity::Busy>(kernel_.activity);
  kernel_.io.spawn([this, busy] {
    for (;;) {
      FunctionName next;
      {
        const std::unique_lock inner(mutex_);
        provisioning_ = !to_provision_.empty();
        if (!provisioning_) return;
        next = std::move(to_provision_.front());
        to_provision_.pop_front();
      }
      provision_now(next);
    }
  });
}

void FunctionService::provision_all() {
  std::vector<FunctionName> names;
  const auto read = kernel_.store.read([&](Transaction& tx) -> Result<Value> {
    names.clear();
    for (const auto& row : tx.query("SELECT DISTINCT account, region, function FROM function_provisioned"))
      names.push_back({row["account"].string(), row["region"].string(), row["function"].string(), {}});
    return Value();
  });
  if (!read) return kernel_.log.error("provisioned concurrency cannot be read: " + read.error().message);
  for (const auto& name : names) provision(name);
}

void FunctionService::end_unwanted(const FunctionName& name, std::map<LiveKey, std::size_t>& wanted) {
  std::vector<std::shared_ptr<Live>> gone;  // They end behind the lock.
  const std::unique_lock lock(mutex_);
  const auto family = families_.find(name.arn());
  if (family == families_.end()) return;
  std::erase_if(family->second->lives, [&](auto& entry) {
    const auto& [key, live] = entry;
    if (key.second.empty()) {
      if (live->provisioned_wanted > 0) wanted.try_emplace(key, 0);  // The version itself stays.
      return false;
    }
    if (wanted.contains(key)) return false;
    live->retire();
    gone.push_back(live);
    return true;
  });
  if (!gone.empty()) forget_targets(name.arn());
}

void FunctionService::provision_now(const FunctionName& name) {
  std::map<LiveKey, std::size_t> wanted;
  const auto read = kernel_.store.read([&](Transaction& tx) -> Result<Value> {
    wanted = read_wanted(tx, name);
    return Value();
  });
  if (!read) return kernel_.log.error("provisioned concurrency cannot be read: " + read.error().message);
  end_unwanted(name, wanted);
  for (const auto& [key, count] : wanted) {
    const auto& [version, alias] = key;
    const auto target = find({name.account, name.region, name.name, alias.empty() ? std::to_string(version) : alias});
    if (!target) continue;
    for (const auto& live : {(*target)->live, (*target)->other})
      if (live && live->function.version == version) provision_live(live, count);
  }
}

void FunctionService::provision_live(const std::shared_ptr<Live>& live, std::size_t wanted) {
  live->provisioned_failed = false;
  if (live->home) {
    const bool begins = live->provisioned_wanted.exchange(wanted) == 0 && wanted > 0 && !live->home->ended();
    if (begins && !std::exchange(live->home_kept, true)) keep_home(live);
    live->home->notify();
    return;
  }
  live->provisioned_wanted = wanted;
  const auto provisioned = live->pool->provision(kernel_.io, wanted);
  if (provisioned && !provisioned->failure) return;
  live->provisioned_failed = true;
  if (!provisioned)
    kernel_.log.warning("concurrency of " + live->function.arn() +
                        " could not be provisioned: " + provisioned.error().message);
}

// The fiber of a version whose runtime is a program: starts what is missing, one after another, and runs what other
// loops hand over. It stays for as long as the version does.
void FunctionService::keep_home(const std::shared_ptr<Live>& live) {
  live->home->begin();
  // Counted from here on, so that whoever advances the clock now waits for what it starts.
  const auto busy = std::make_shared<std::optional<Activity::Busy>>(std::in_place, kernel_.activity);
  kernel_.io.spawn([this, live, busy] {
    auto& home = *live->home;
    const auto starting = std::make_shared<bool>(false);  // Both fibers are of one loop.
    while (true) {
      const auto seen = home.version();
      for (auto& work : home.take()) kernel_.io.spawn(std::move(work));
      if (home.ended()) return;
      live->runtimes->keep_provisioned_at_most(live->provisioned_wanted);
      if (!*starting && home.begun() < live->provisioned_wanted && !live->provisioned_failed) {
        *starting = true;
        const auto held = std::make_shared<Activity::Busy>(kernel_.activity);
        kernel_.io.spawn([this, live, held, starting] {
          const auto token = live->home->token();
          const auto started = start_provisioned(live, token);
          if (!started || !*started) live->provisioned_failed = true;
          if (!started)
            kernel_.log.warning("concurrency of " + live->function.arn() +
                                " could not be provisioned: " + started.error().message);
          *starting = false;
          live->home->notify();
        });
      }
      busy->reset();
      home.wait(seen);
      busy->emplace(kernel_.activity);
    }
  });
}

FunctionService::ProvisionedState FunctionService::provisioned_state(const FunctionName& name) {
  ProvisionedState state;
  const auto target = find(name);
  if (!target) return state;
  for (const auto& live : {(*target)->live, (*target)->other}) {
    if (!live) continue;
    state.started += static_cast<std::int64_t>(live->provisioned());
    state.failed = state.failed || live->provisioned_failed;
  }
  return state;
}

std::optional<Result<InvocationResult>> FunctionService::run_at_home(const Work& work) {
  struct Elsewhere {
    CallContext context;
    Invocation invocation;
    std::string request_id;
    std::shared_ptr<internal::Parker> caller;
    std::optional<Result<InvocationResult>> result;
    std::atomic<bool> ended{false};
  };
  const auto both = std::make_shared<Elsewhere>();
  both->context = work.context;
  both->invocation = work.invocation;
  both->request_id = work.request_id;
  both->caller = internal::Parker::current();
  const bool taken = work.live->home->hand_over([this, both, target = work.target, live = work.live] {
    struct Wake {  // Whatever happens.
      Elsewhere& both;
      ~Wake() {
        if (!both.result) both.result = Error{"ServiceException", "The invocation ended without an answer.", {}, 500};
        both.ended = true;
        both.caller->wake();
      }
    } wake{*both};
    both->result = run_in_process({both->context, target, live, both->invocation, both->request_id});
  });
  if (!taken) return std::nullopt;
  while (!both->ended) both->caller->park();
  return std::move(both->result);
}

}  // namespace moonbase::functions
