#include "runtimes/runtime_pool.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <utility>

namespace moonbase::functions {
namespace {

using std::chrono::steady_clock;
constexpr auto sweep_interval = std::chrono::seconds(1);
// Who is called again at once is not worth stopping.
constexpr auto freeze_after = std::chrono::milliseconds(100);
// When it pays to wait for an environment instead of waking, or starting, another.
constexpr int running_min = 2;  // On this loop.
constexpr double short_us_max = 1000;
constexpr auto patience = std::chrono::milliseconds(10);          // Since somebody's turn came. A start takes longer.
constexpr auto patience_max = std::chrono::milliseconds(100);     // In all.
constexpr auto no_patience_time = std::chrono::milliseconds(50);  // Behind waiting in vain.

}  // namespace

Result<std::shared_ptr<const RuntimeLaunch>> RuntimePool::launch() {
  {
    const std::lock_guard lock(mutex_);
    if (launch_) return launch_;
  }
  // Two at a time unpack the same folder twice, and one of them is dropped.
  std::optional<Result<std::shared_ptr<CodeFolder>>> code, layers;
  bool namespaces = false;
  kernel_.io.blocking([&] {
    folders_.prepare();
    code.emplace(folders_.unpack(kernel_.blobs, {function_.code_blob}));
    if (!function_.layer_blobs.empty()) layers.emplace(folders_.unpack(kernel_.blobs, function_.layer_blobs));
    namespaces = (processes_.hello().layers & layer_process_namespaces) != 0;
  });
  if (!*code) return code->error();
  if (layers && !*layers) return layers->error();
  RuntimeCode folders{**code, layers ? **layers : nullptr};
  auto made = std::make_shared<const RuntimeLaunch>(
      launch_of(function_, folders, folders_, kernel_.servers.platform_url(), namespaces));
  const std::lock_guard lock(mutex_);
  if (!launch_) {
    code_ = std::move(folders);
    launch_ = std::move(made);
  }
  return launch_;
}

// Its credentials must outlive the longest invocation.
bool RuntimePool::is_usable(const RuntimeLease& lease) const {
  return lease.environment->settled() && lease.environment->expires > kernel_.clock.now();
}

RuntimeLease RuntimePool::lend(Local& local, RuntimeLease lease) {
  ++local.running;
  lease.running = {&local, [self = shared_from_this()](Local* of) { --of->running; }};
  return lease;
}

RuntimeLease RuntimePool::take() {
  auto& local = local_[this_thread()];
  if (local.running >= running_min && local.handler_us <= short_us_max && steady_clock::now() >= local.wait_again_at)
    if (auto lease = wait_for_one(local); lease.environment) return lease;
  auto& idle = local.idle;
  while (!idle.empty()) {
    // What is provisioned serves first.
    auto at = std::find_if(idle.rbegin(), idle.rend(), [](const RuntimeLease& each) { return !!each.provisioned; });
    if (at == idle.rend()) at = idle.rbegin();
    auto lease = std::move(*at);
    idle.erase(std::next(at).base());
    if (lease.provisioned) --provisioned_idle_;
    if (is_usable(lease)) return lend(local, std::move(lease));
    lease.environment->close("spindown");
  }
  return {};
}

RuntimeLease RuntimePool::wait_for_one(Local& local) {
  Waiter waiter{internal::Parker::current(), {}};
  struct Leave {
    Local& local;
    Waiter& waiter;
    ~Leave() { std::erase(local.waiting, &waiter); }
  } leave{local, waiter};
  local.waiting.push_back(&waiter);
  const auto begun = steady_clock::now();
  for (auto now = begun; !waiter.lease.environment; now = steady_clock::now()) {
    const auto deadline = std::min(std::max(begun, local.progress_at) + patience, begun + patience_max);
    if (now >= deadline) {
      local.wait_again_at = now + no_patience_time;
      break;
    }
    waiter.parker->park_until(deadline);
  }
  return std::move(waiter.lease);
}

RuntimeLease RuntimePool::make(std::shared_ptr<const RuntimeLaunch> launch, LogStore& logs,
                               std::shared_ptr<LogStream> stream) {
  RuntimeLease lease;
  lease.stream = std::move(stream);
  lease.tail = std::make_shared<std::string*>(nullptr);
  // The environment keeps the pool, whose folders it uses.
  auto log = [self = shared_from_this(), &logs, stream_of = lease.stream, tail = lease.tail](std::string_view text,
                                                                                             bool whole) {
    const auto now = self->kernel_.clock.now();
    whole ? logs.append_whole(*stream_of, now, text) : logs.append(*stream_of, now, text);
    if (auto* const out = *tail) {
      out->append(text);
      if (!out->empty() && out->back() != '\n') out->push_back('\n');
      constexpr std::size_t kept = 16 * 1024;
      if (out->size() > 4 * kept) out->erase(0, out->size() - kept);
    }
  };
  lease = lend(local_[this_thread()], std::move(lease));
  lease.environment =
      std::make_shared<RuntimeEnvironment>(kernel_, processes_, std::move(launch), lease.stream->name, std::move(log));
  return lease;
}

void RuntimePool::keep_provisioned_at_most(std::size_t most) {
  provisioned_max_ = static_cast<int>(most);
  for (auto& lease : local_[this_thread()].idle) {
    if (provisioned_idle_ <= provisioned_max_) return;
    if (std::exchange(lease.provisioned, nullptr)) --provisioned_idle_;
  }
}

void RuntimePool::give_back(RuntimeLease lease, std::optional<std::uint64_t> handler_us, MachineTime deadline) {
  *lease.tail = nullptr;
  auto& average = local_[this_thread()].handler_us;
  // One that was held up says little about the next.
  const auto took = handler_us ? std::min(static_cast<double>(*handler_us), 4 * short_us_max) : unknown_handler_us;
  average += (took - average) / 8;
  if (lease.environment->settled()) return keep(std::move(lease));
  if (lease.environment->ended()) return lease.environment->close("failure");
  // The answer is there, and the runtime or an extension has not come back yet.
  kernel_.io.spawn([self = shared_from_this(), lease = std::move(lease), deadline] {
    if (lease.environment->settle(deadline)) return self->keep(lease);
    lease.environment->close(lease.environment->ended() ? "failure" : "timeout");
  });
}

void RuntimePool::keep(RuntimeLease lease) {
  if (retired_) return lease.environment->close("spindown");
  auto& local = local_[this_thread()];
  if (!local.waiting.empty() && !lease.provisioned && is_usable(lease)) {
    auto& first = *local.waiting.front();
    local.waiting.pop_front();
    local.progress_at = steady_clock::now();
    first.lease = std::move(lease);
    first.parker->wake();
    return;
  }
  lease.running.reset();
  lease.environment->idle_since = steady_clock::now();
  if (lease.provisioned && provisioned_idle_ >= provisioned_max_) lease.provisioned.reset();
  if (lease.provisioned) ++provisioned_idle_;
  local.idle.push_back(std::move(lease));
  if (local.janitor) return;
  local.janitor = true;
  kernel_.io.spawn([self = shared_from_this(), &local] {
    while (!local.idle.empty()) {
      const bool all_frozen = std::all_of(local.idle.begin(), local.idle.end(),
                                          [](const auto& each) { return each.environment->frozen(); });
      self->kernel_.io.sleep_until(steady_clock::now() + (all_frozen ? sweep_interval : freeze_after));
      self->sweep(local);
    }
    local.janitor = false;
  });
}

void RuntimePool::sweep(Local& local) {
  const auto oldest = retired_ ? MachineTime::max() : steady_clock::now() - idle_max_;
  std::erase_if(local.idle, [&](const RuntimeLease& lease) {
    auto& environment = *lease.environment;
    const bool kept = lease.provisioned && !retired_;
    if (environment.settled() && (kept || environment.idle_since > oldest)) {
      if (environment.idle_since + freeze_after <= steady_clock::now()) environment.freeze();
      return false;
    }
    environment.close(environment.ended() ? "failure" : "spindown");
    if (lease.provisioned) --provisioned_idle_;
    return true;
  });
}

}  // namespace moonbase::functions
