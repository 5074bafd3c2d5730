#include "pool/pool.hpp"

#include <algorithm>
#include <moonbase/json.hpp>
#include <stdexcept>
#include <utility>

#include "environment/frames.hpp"

namespace moonbase::functions {
namespace {

constexpr auto init_max = std::chrono::seconds(10);  // As on Lambda.
constexpr auto sweep_interval = std::chrono::seconds(1);

// When environments are shared: so many invocations on this loop already, and handlers so short.
constexpr int busy_min = 3;
constexpr double short_us_max = 200;
constexpr std::size_t shared_max = 2;

}  // namespace

std::size_t this_thread() {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t mine = next++;
  if (mine >= threads_max) throw std::runtime_error("functions are invoked from more than 256 threads");
  return mine;
}

void Pools::idle(Io& io, const std::shared_ptr<Pool>& pool) {
  auto& janitor = janitors_[this_thread()];
  if (std::find(janitor.pools.begin(), janitor.pools.end(), pool) == janitor.pools.end()) janitor.pools.push_back(pool);
  if (janitor.running || stopped_) return;
  janitor.running = true;
  io.spawn([this, &io, &janitor] {
    while (!stopped_ && !janitor.pools.empty()) {
      io.sleep_until(std::chrono::steady_clock::now() + sweep_interval);
      sweep(io, janitor);
    }
    janitor.running = false;
  });
}

void Pools::sweep(Io& io, Janitor& janitor) {
  const auto thread = this_thread();
  std::erase_if(janitor.pools, [&](const auto& pool) { return !pool->sweep(io, thread); });
}

Pool::~Pool() = default;

Result<Pool::Acquired> Pool::acquire(Io& io) {
  auto& local = local_[this_thread()];
  Acquired acquired;
  if (stocked_ > 0 && (acquired.environment = take_provisioned(acquired.init_log))) {
    ++local.running;
    return acquired;
  }
  if (local.running >= busy_min && local.typical_us < short_us_max) acquired.environment = share(io);
  if (!acquired.environment && !local.idle.empty()) {
    acquired.environment = std::move(local.idle.back());
    local.idle.pop_back();
  }
  if (!acquired.environment) {
    auto started = start(io);
    if (!started || started->failure) return started;
    acquired = std::move(*started);
  }
  ++local.running;
  return acquired;
}

// One of the few environments that short invocations share when the loop is busy: measured, one process
// that runs many in turn takes half the CPU of many that run one each.
std::shared_ptr<Environment> Pool::share(Io& io) {
  auto& local = local_[this_thread()];
  const auto now = std::chrono::steady_clock::now();
  std::erase_if(local.shared, [](const auto& environment) { return environment->shared->ended(); });
  for (const auto& environment : local.shared)
    if (environment->shared->accepts(now)) return environment;
  if (local.shared.size() >= shared_max || local.idle.empty()) return nullptr;
  // An idle one becomes shared; nobody waits for a start.
  auto environment = std::move(local.idle.back());
  local.idle.pop_back();
  environment->shared = std::make_shared<SharedEnvironment>(std::move(environment->process), holds_);
  local.shared.push_back(environment);
  pools_.idle(io, shared_from_this());
  return environment;
}

Result<Pool::Acquired> Pool::start(Io& io) {
  // A template that has died since is replaced once; then something is wrong with it.
  for (int attempt = 0; attempt < 2; ++attempt) {
    auto ready = ready_template(io);
    if (!ready) return ready.error();
    Acquired acquired;
    acquired.cold = true;
    acquired.failure = ready->failure;
    acquired.init_log = std::move(ready->log);
    if (acquired.failure) return acquired;
    auto process = EnvironmentProcess::start(ready->parent, pools_.processes().next_id(), make_log_stream_name_());
    if (process) {
      acquired.environment = std::make_shared<Environment>();
      acquired.environment->process = std::move(process);
      acquired.environment->init_us = ready->init_us;
      return acquired;
    }
    const std::lock_guard lock(mutex_);
    if (template_ == ready->parent) template_.reset();
  }
  return Error{"ServiceException", "the function's template process ends as soon as it starts", {}, 500};
}

void Pool::release(Io& io, std::shared_ptr<Environment> environment, bool reusable, std::uint32_t duration_us) {
  auto& local = local_[this_thread()];
  --local.running;
  // A failure says nothing about the handler: the next ones are alone again until it is known.
  local.typical_us = reusable ? local.typical_us * 0.75 + duration_us * 0.25 : 1e6;
  if (environment->shared) return;
  if (environment->provisioned) {
    if (reusable && !retired_) return keep_provisioned(io, std::move(environment));
    environment->process->close(io);
    --provisioned_;
    // What ended is replaced, off this invocation's path.
    return io.spawn([self = shared_from_this(), &io] {
      std::size_t wanted = 0;
      {
        const std::lock_guard lock(self->mutex_);
        wanted = self->wanted_;
      }
      [[maybe_unused]] const auto again = self->provision(io, wanted);
    });
  }
  if (!reusable || retired_) {
    environment->process->close(io);
    return;
  }
  environment->process->idle_since = std::chrono::steady_clock::now();
  local.idle.push_back(std::move(environment));
  if (local.idle.size() == 1) pools_.idle(io, shared_from_this());
}

std::shared_ptr<Environment> Pool::take_provisioned(std::string& init_log) {
  const std::lock_guard lock(mutex_);
  if (stock_.empty()) return nullptr;
  init_log = std::exchange(stock_log_, {});
  auto environment = std::move(stock_.back());
  stock_.pop_back();
  --stocked_;
  return environment;
}

void Pool::keep_provisioned(Io& io, std::shared_ptr<Environment> environment) {
  environment->process->leave(io);
  const std::lock_guard lock(mutex_);
  if (retired_ || provisioned_ > wanted_) {
    --provisioned_;  // It ends with its last owner, here.
    return;
  }
  stock_.push_back(std::move(environment));
  ++stocked_;
}

Result<Pool::Provisioned> Pool::provision(Io& io, std::size_t wanted) {
  {
    const std::lock_guard lock(mutex_);
    wanted_ = retired_ ? 0 : wanted;
    for (; provisioned_ > wanted_ && !stock_.empty(); --stocked_, --provisioned_) stock_.pop_back();
  }
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (provisioned_ >= wanted_) return Provisioned{provisioned_, nullptr};
      ++provisioned_;  // The one that begins now.
    }
    auto started = start(io);
    if (!started || started->failure) {
      --provisioned_;
      if (!started) return started.error();
      return Provisioned{provisioned_, started->failure};
    }
    started->environment->provisioned = true;
    if (!started->init_log.empty()) {
      const std::lock_guard lock(mutex_);
      stock_log_ = std::move(started->init_log);
    }
    keep_provisioned(io, std::move(started->environment));
  }
}

bool Pool::sweep(Io& io, std::size_t thread) {
  auto& local = local_[thread];
  const auto oldest = retired_ ? MachineTime::max() : std::chrono::steady_clock::now() - pools_.idle_max();
  // Used last is at the back, so the front has been idle longest.
  const auto kept = std::find_if(local.idle.begin(), local.idle.end(),
                                 [&](const auto& environment) { return environment->process->idle_since > oldest; });
  for (auto at = local.idle.begin(); at != kept; ++at) (*at)->process->close(io);
  local.idle.erase(local.idle.begin(), kept);
  std::erase_if(local.shared, [&](const auto& environment) {
    auto& shared = *environment->shared;
    if (!shared.ended() && (!shared.idle() || shared.idle_since() > oldest)) return false;
    if (!shared.ended()) shared.close(io);
    return true;
  });
  return !local.idle.empty() || !local.shared.empty();
}

void Pool::retire() {
  retired_ = true;
  const std::lock_guard lock(mutex_);
  template_.reset();
  wanted_ = 0;
  provisioned_ -= stock_.size();
  stocked_ = 0;
  stock_.clear();
}

Result<Pool::Ready> Pool::ready_template(Io& io) {
  for (;;) {
    std::uint64_t seen = 0;
    {
      const std::lock_guard lock(mutex_);
      if (template_ && template_->gone()) template_.reset();
      if (template_) return Ready{template_, nullptr, {}, 0};
      seen = made_.version();
      if (!making_) {
        making_ = true;
        break;
      }
    }
    // Whoever makes it always says so in the end; the platform's clock may stand still.
    made_.wait(seen, Time{INT64_MAX});
  }
  const auto finish = [this](std::shared_ptr<Template> made) {
    const std::lock_guard lock(mutex_);
    if (!retired_) template_ = std::move(made);
    making_ = false;
    made_.notify();
  };
  try {
    auto made = make_template(io);
    finish(made ? made->parent : nullptr);
    return made;
  } catch (...) {
    finish(nullptr);
    throw;
  }
}

Result<Pool::Ready> Pool::make_template(Io& io) {
  auto code = make_code_();
  if (!code) return code.error();
  const auto begun = std::chrono::steady_clock::now();
  auto started = pools_.processes().start_template(code->package, code->memory_bytes);
  if (!started) return started.error();
  std::shared_ptr<Template> parent = std::move(*started);
  auto report = parent->report(io, begun + init_max);
  const auto init_us = static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun).count());
  if (!report) {
    auto failure = std::make_shared<InitFailure>();
    failure->timed_out = report.error().code == "Sandbox.Timedout";
    failure->json = to_json(Value(Map{{"errorType", report.error().code},
                                      {"errorMessage", failure->timed_out ? "Error: Task timed out after 10.00 seconds"
                                                                          : "Error: " + report.error().message}}));
    failure->init_us = init_us;
    return Ready{nullptr, std::move(failure), {}, init_us};
  }
  if (report->failed) {
    auto failure = std::make_shared<InitFailure>();
    // It is the function's own word: only what is JSON is passed on.
    const auto checked = parse_json(report->text);
    failure->json =
        checked ? to_json(*checked) : R"({"errorType":"Runtime.Unknown","errorMessage":"the report is not JSON"})";
    failure->init_us = init_us;
    return Ready{nullptr, std::move(failure), {}, init_us};
  }
  return Ready{std::move(parent), nullptr, std::move(report->text), init_us};
}

}  // namespace moonbase::functions
