#include "pool/pool.hpp"

#include "environment/frames.hpp"

#include <moonbase/json.hpp>

#include <algorithm>
#include <stdexcept>

namespace moonbase::functions {
namespace {

constexpr auto init_max = std::chrono::seconds(10);  // As on Lambda.
constexpr auto sweep_interval = std::chrono::seconds(1);

std::size_t this_thread() {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t mine = next++;
  if (mine >= threads_max) throw std::runtime_error("functions are invoked from more than 256 threads");
  return mine;
}

}  // namespace

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
  auto& idle = idle_[this_thread()];
  if (!idle.empty()) {
    Acquired acquired;
    acquired.environment = std::move(idle.back());
    idle.pop_back();
    return acquired;
  }
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
      acquired.environment = std::make_unique<Environment>();
      acquired.environment->process = std::move(process);
      acquired.environment->init_us = ready->init_us;
      return acquired;
    }
    const std::lock_guard lock(mutex_);
    if (template_ == ready->parent) template_.reset();
  }
  return Error{"ServiceException", "the function's template process ends as soon as it starts", {}, 500};
}

void Pool::release(Io& io, std::unique_ptr<Environment> environment, bool reusable) {
  if (!reusable || retired_) {
    environment->process->close(io);
    return;
  }
  environment->process->idle_since = std::chrono::steady_clock::now();
  idle_[this_thread()].push_back(std::move(environment));
  if (idle_[this_thread()].size() == 1) pools_.idle(io, shared_from_this());
}

bool Pool::sweep(Io& io, std::size_t thread) {
  auto& idle = idle_[thread];
  const auto oldest = retired_ ? MachineTime::max() : std::chrono::steady_clock::now() - pools_.idle_max();
  // Used last is at the back, so the front has been idle longest.
  const auto kept = std::find_if(idle.begin(), idle.end(), [&](const auto& environment) {
    return environment->process->idle_since > oldest;
  });
  for (auto at = idle.begin(); at != kept; ++at) (*at)->process->close(io);
  idle.erase(idle.begin(), kept);
  return !idle.empty();
}

void Pool::retire() {
  retired_ = true;
  const std::lock_guard lock(mutex_);
  template_.reset();
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
    failure->json = to_json(Value(Map{
        {"errorType", report.error().code},
        {"errorMessage", failure->timed_out ? "Error: Task timed out after 10.00 seconds" : "Error: " + report.error().message}}));
    failure->init_us = init_us;
    return Ready{nullptr, std::move(failure), {}, init_us};
  }
  if (report->failed) {
    auto failure = std::make_shared<InitFailure>();
    // It is the function's own word: only what is JSON is passed on.
    const auto checked = parse_json(report->text);
    failure->json = checked ? to_json(*checked) : R"({"errorType":"Runtime.Unknown","errorMessage":"the report is not JSON"})";
    failure->init_us = init_us;
    return Ready{nullptr, std::move(failure), {}, init_us};
  }
  return Ready{std::move(parent), nullptr, std::move(report->text), init_us};
}

}  // namespace moonbase::functions
