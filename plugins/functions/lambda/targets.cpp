// What names lead to: versions and aliases, their permissions and concurrency, and the way in.
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <moonbase/hash.hpp>
#include <optional>

#include "environment/frames.hpp"
#include "lambda/inline.hpp"
#include "lambda/lineage.hpp"
#include "lambda/local_folder.hpp"
#include "lambda/provisioned.hpp"
#include "lambda/service.hpp"
#include "lambda/version.hpp"
#include "runtimes/runtime_pool.hpp"

namespace moonbase::functions {
namespace {

using std::chrono::steady_clock;

Error too_many_requests(bool reserved) {
  return {
      "TooManyRequestsException",
      "Rate Exceeded.",
      {{"Reason", reserved ? "ReservedFunctionConcurrentInvocationLimitExceeded" : "ConcurrentInvocationLimitExceeded"},
       {"Type", "User"}},
      429};
}

}  // namespace

// One invocation counted against its function's reservation or its account.
class FunctionService::Slot {
 public:
  explicit Slot(Counter& counter) : counter_(counter), taken_(++counter.running <= counter.limit) {}
  ~Slot() { --counter_.running; }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  bool taken() const { return taken_; }

 private:
  Counter& counter_;
  const bool taken_;
};

struct FunctionService::Found {
  std::optional<Function> main, other;
  double other_weight = 0;
  Policy policy;
  std::int64_t own_sum = 0;
  std::optional<std::int64_t> reserved;
  std::string provisioned_alias;  // The alias, where it has provisioned concurrency of its own.
  bool may_recur = false;
};

Result<Value> FunctionService::read_target(Transaction& tx, const FunctionName& name, Found& found) {
  auto function = require_function(tx, name);
  if (!function) return function.error();
  found.main = std::move(*function);
  if (!version_of(name.qualifier)) {
    const auto alias = find_alias(tx, name, name.qualifier);
    for (const auto& [version, weight] : alias ? alias->weights : Map{}) {
      found.other = find_function(tx, name.account, name.region, name.name, version_of(version).value_or(0));
      found.other_weight = weight.number();
    }
    if (!provisioned_rows(tx, name).empty()) found.provisioned_alias = name.qualifier;
  }
  found.policy = read_policy(tx, name);
  found.own_sum = read_own_concurrency(tx, name.account, name.region);
  found.reserved = read_reserved(tx, name);
  found.may_recur = !tx.query(
                           "SELECT function FROM function_recursion WHERE account = ? AND region = ? AND function = ? "
                           "AND recursive_loop = 'Allow'",
                           name.account, name.region, name.name)
                         .empty();
  return Value();
}

std::shared_ptr<FunctionService::Live> FunctionService::make_live(Function function) {
  auto live = std::make_shared<Live>();
  live->function = std::move(function);
  live->version = live->function.version_text();
  live->lineage = lineage_id(live->function.arn());
  live->is_inline = live->function.is_inline();
  live->log_format = platform_log_format(live->function.log_format(), live->function.log_level("SystemLogLevel"),
                                         live->function.log_level("ApplicationLogLevel"));
  auto blobs = live->function.layer_blobs;
  blobs.insert(blobs.end(), {live->function.code_blob, live->function.library_blob});
  live->packages = kernel_.blobs.hold(std::move(blobs));
  live->calls.identity.account_id = live->function.account;
  const auto& role = live->function.role;
  live->calls.identity.arn = "arn:aws:sts::" + live->function.account + ":assumed-role/" +
                             role.substr(role.rfind('/') + 1) + "/" + live->function.name;
  live->calls.identity.issued = true;
  live->calls.region = live->function.region;
  if (is_process_runtime(live->function.runtime)) live->home = std::make_shared<ProvisionedHome>();
  if (live->home)
    live->runtimes = std::make_shared<RuntimePool>(kernel_, pools_.processes(), *folders_, live->function, idle_max());
  live->pool = std::make_shared<Pool>(
      pools_, [this, function = live->function] { return code_of(function); },
      [this, version = live->version] { return log_stream_name(version); }, live->function.runtime == "lua");
  return live;
}

Result<std::shared_ptr<const FunctionService::Target>> FunctionService::find(const FunctionName& name) {
  const auto arn = name.arn();
  {
    const std::shared_lock lock(mutex_);
    if (const auto found = targets_.find(arn); found != targets_.end()) return found->second;
  }
  Found found;
  std::unique_lock lock(mutex_, std::defer_lock);
  bool fresh = false;
  // What was read may be old: whoever changes a row says so behind its commit. Where that never ends, what is old
  // serves this once.
  for (int tries = 0; !fresh && tries < 4; ++tries) {
    if (lock) lock.unlock();
    const auto changes = changes_.load();
    const auto read = kernel_.store.read([&](Transaction& tx) { return read_target(tx, name, found = {}); });
    if (!read) return read.error();
    lock.lock();
    fresh = changes == changes_;
  }
  auto target = std::make_shared<Target>();
  target->qualifier = name.qualifier;
  target->other_weight = found.other_weight;
  target->may_recur = found.may_recur;
  target->arn =
      FunctionName{name.account, name.region, name.name, name.qualifier == "$LATEST" ? std::string() : name.qualifier}
          .arn();
  target->policy = std::move(found.policy);
  auto& account = accounts_[name.account + "/" + name.region];
  if (!account) account = std::make_unique<Counter>();
  const FunctionName unqualified{name.account, name.region, name.name, {}};
  auto& family = families_[unqualified.arn()];
  if (!family) family = std::make_shared<Family>();
  if (fresh || !family->counts) {
    account->limit = concurrency_max - static_cast<int>(found.own_sum);
    family->count(found.reserved, *account);
  }
  const auto live_of = [&](Function function) {
    const LiveKey key{function.version, found.provisioned_alias};
    if (const auto known = family->lives.find(key); fresh && known != family->lives.end()) return known->second;
    auto live = make_live(std::move(function));
    live->family = family;
    if (fresh)
      family->lives[key] = live;
    else
      live->retire();
    return live;
  };
  target->live = live_of(std::move(*found.main));
  if (found.other) target->other = live_of(std::move(*found.other));
  if (fresh) {
    targets_[arn] = target;
    family->targets.push_back(arn);
  }
  return std::shared_ptr<const Target>(std::move(target));
}

std::shared_ptr<FunctionService::Live> FunctionService::choose(const Target& target) {
  if (!target.other) return target.live;
  const double chance = static_cast<double>(kernel_.ids.number() >> 11) * 0x1p-53;
  return chance < target.other_weight ? target.other : target.live;
}

Result<Done> FunctionService::check_recursion(const CallContext& context, const Target& target) {
  if (context.trace.empty() || target.may_recur) return done;
  if (lineage_count(context.trace, target.live->lineage) < recursion_max) return done;
  return Error{"RecursiveInvocationException",
               "Lambda has detected that your function " + target.live->function.name +
                   " is being invoked in a recursive loop with other Amazon Web Services resources and stopped it.",
               {{"Type", "User"}},
               400};
}

Result<Done> FunctionService::check_permitted(const CallContext& context, const Target& target) {
  constexpr std::string_view action = "lambda:InvokeFunction";
  const auto& who = context.identity;
  // Its own account may, unless the policy says no.
  const bool own = who.service.empty() && who.account_id == target.live->function.account;
  if (own && target.policy.empty()) return done;
  const auto answer = ask(target.policy, {.who = who, .action = action, .resource = target.arn, .keys = policy_keys()});
  if (answer == PolicyAnswer::allows || (own && answer == PolicyAnswer::says_nothing)) return done;
  // Gateways were let in before there were policies: a function without any keeps its routes.
  if (target.policy.empty() && who.service == "apigateway.amazonaws.com") return done;
  return Error{"AccessDeniedException",
               "User: " + (who.service.empty() ? who.arn : who.service) +
                   " is not authorized to perform: " + std::string(action) + " on resource: " + target.arn +
                   (answer == PolicyAnswer::denies
                        ? " with an explicit deny in a resource-based policy"
                        : " because no resource-based policy allows the " + std::string(action) + " action"),
               {{"Type", "User"}},
               403};
}

Result<Done> FunctionService::check(const CallContext& context, const FunctionName& name) {
  const auto target = find(name);
  if (!target) return target.error();
  return check_permitted(context, **target);
}

void FunctionService::Family::count(std::optional<std::int64_t> own_limit, Counter& account) {
  own.limit = static_cast<int>(own_limit.value_or(0));
  reserved = own_limit.has_value();
  counts = own_limit ? &own : &account;
}

void FunctionService::concurrency_changed(const FunctionName& name) {
  for (;;) {
    const auto changes = changes_.load();
    std::optional<std::int64_t> reserved;
    const auto sum = kernel_.store.read([&](Transaction& tx) -> Result<Value> {
      reserved = read_reserved(tx, name);
      return Value(read_own_concurrency(tx, name.account, name.region));
    });
    if (!sum) return kernel_.log.error("concurrency cannot be read: " + sum.error().message);
    const std::unique_lock lock(mutex_);
    if (changes != changes_) continue;
    ++changes_;
    auto& account = accounts_[name.account + "/" + name.region];
    if (!account) account = std::make_unique<Counter>();
    account->limit = static_cast<int>(concurrency_max - sum->integer());
    const auto family = families_.find(FunctionName{name.account, name.region, name.name, {}}.arn());
    if (family != families_.end()) family->second->count(reserved, *account);
    return;
  }
}

FunctionService::Family* FunctionService::forget_targets(const std::string& arn) {
  ++changes_;
  const auto found = families_.find(arn);
  if (found == families_.end()) return nullptr;
  for (const auto& target : found->second->targets) targets_.erase(target);
  found->second->targets.clear();
  return found->second.get();
}

void FunctionService::forget_settings(std::string_view account, std::string_view region, std::string_view name) {
  const FunctionName key{std::string(account), std::string(region), std::string(name), {}};
  const std::unique_lock lock(mutex_);
  forget_targets(key.arn());
}

void FunctionService::forget(std::string_view account, std::string_view region, std::string_view name,
                             std::int64_t version) {
  const FunctionName key{std::string(account), std::string(region), std::string(name), {}};
  std::vector<std::shared_ptr<Live>> gone;  // They end behind the lock.
  // In one step: whoever finds the function in between would keep what is old.
  const std::unique_lock lock(mutex_);
  auto* family = forget_targets(key.arn());
  if (!family) return;
  std::erase_if(family->lives, [&](auto& entry) {
    if (entry.first.first != version) return false;
    entry.second->retire();
    gone.push_back(std::move(entry.second));
    return true;
  });
}

void FunctionService::forget_all(std::string_view account, std::string_view region, std::string_view name) {
  const FunctionName key{std::string(account), std::string(region), std::string(name), {}};
  const auto arn = key.arn();
  std::map<LiveKey, std::shared_ptr<Live>> gone;  // They hold their family, so it must not hold them.
  const std::unique_lock lock(mutex_);
  auto* family = forget_targets(arn);
  if (!family) return;
  gone.swap(family->lives);
  for (const auto& [version, live] : gone) live->retire();
  families_.erase(arn);
}

void FunctionService::reset(std::string_view account) {
  {
    const std::unique_lock lock(mutex_);
    ++changes_;
    std::erase_if(targets_, [&](const auto& entry) {
      return account.empty() || entry.second->live->function.account == account;
    });
    std::erase_if(families_, [&](const auto& entry) {
      // arn:aws:lambda:REGION:ACCOUNT:function:NAME
      if (!account.empty() && entry.first.find(":" + std::string(account) + ":function:") == entry.first.npos)
        return false;
      auto lives = std::move(entry.second->lives);
      entry.second->lives.clear();
      for (const auto& [version, live] : lives) live->retire();
      return true;
    });
  }
  urls_changed();
  logs_.reset(account);
}

Result<InvocationResult> FunctionService::invoke(const CallContext& context, Invocation invocation) {
  if (invocation.client_context.size() > client_context_bytes_max)
    return Error{"InvalidRequestContentException", "The client context is too long.", {{"Type", "User"}}, 400};
  if (!invocation.event) {
    // Gateways name functions by ARN, as they are kept here: nothing to take apart.
    std::shared_ptr<const Target> target;
    {
      const std::shared_lock lock(mutex_);
      if (const auto found = targets_.find(invocation.function); found != targets_.end()) target = found->second;
    }
    if (target) return run_target(context, std::move(target), invocation, kernel_.ids.uuid(), nullptr);
  }
  const auto name = parse_function_name(invocation.function, context);
  if (!name) return name.error();
  if (invocation.event) {
    const auto found = find(*name);
    if (!found) return found.error();
    if (auto permitted = check_permitted(context, **found); !permitted) return permitted.error();
    const auto queued = enqueue(
        context, {*name, std::move(invocation.payload), std::move(invocation.client_context), kernel_.ids.uuid()},
        kernel_.store);
    if (!queued) return queued.error();
    return InvocationResult{{}, {}, (*found)->live->version, {}};
  }
  return run(context, *name, invocation, kernel_.ids.uuid());
}

Result<InvocationResult> FunctionService::run(const CallContext& context, const FunctionName& name,
                                              const Invocation& invocation, std::string_view request_id) {
  auto target = find(name);
  if (!target) return target.error();
  return run_target(context, std::move(*target), invocation, request_id, nullptr);
}

Result<InvocationResult> FunctionService::stream(const CallContext& context, const FunctionName& name,
                                                 const Invocation& invocation, std::string_view request_id,
                                                 const ResponseSink& sink) {
  auto target = find(name);
  if (!target) return target.error();
  return run_target(context, std::move(*target), invocation, request_id, &sink);
}

std::shared_ptr<const FunctionService::Target> FunctionService::with_folder_as_it_is(
    std::shared_ptr<const Target> target) {
  auto& live = *target->live;
  const auto& function = live.function;
  const auto* const folder = function.version == 0 ? function.tags.find(code_folder_tag) : nullptr;
  if (!folder || !folder->is_string()) return target;
  const auto& path = folder->string();
  std::uint64_t now = 0;
  kernel_.io.blocking([&] { now = fingerprint_of(path); });
  if (live.folder_seen.exchange(now) == now) return target;
  std::optional<Result<std::string>> zip;
  kernel_.io.blocking([&] { zip.emplace(zip_folder(path)); });
  if (*zip && hex(sha256(**zip)) == function.code_blob) return target;

  CallContext owner;
  owner.identity.account_id = function.account;
  owner.identity.arn = "arn:aws:iam::" + function.account + ":root";
  owner.region = function.region;
  const auto updated = kernel_.services.call(
      owner, "lambda", "UpdateFunctionCode",
      Map{{"FunctionName", function.name}, {"S3Bucket", hot_reload_bucket}, {"S3Key", path}});
  if (!updated) {
    kernel_.log.warning("the code of " + function.name + " stays as it was: " + updated.error().message);
    return target;
  }
  auto found = find({function.account, function.region, function.name, target->qualifier});
  if (!found) return target;  // Deleted meanwhile.
  (*found)->live->folder_seen = now;
  return std::move(*found);
}

Result<InvocationResult> FunctionService::run_target(const CallContext& context, std::shared_ptr<const Target> target,
                                                     const Invocation& invocation, std::string_view request_id,
                                                     const ResponseSink* sink) {
  if (auto permitted = check_permitted(context, *target); !permitted) return permitted.error();
  if (auto ends = check_recursion(context, *target); !ends) return ends.error();
  target = with_folder_as_it_is(std::move(target));
  auto live = choose(*target);
  if (!live->runtimes) sink = nullptr;  // Its answers are whole.
  return run_live({context, std::move(target), std::move(live), invocation, request_id, sink});
}

Result<InvocationResult> FunctionService::run_live(const Work& work) {
  // Most callers wait longer than the function may take, and nothing needs to watch them. A stream's caller watches
  // for itself.
  constexpr auto init_max = std::chrono::seconds(10);
  const auto longest = std::chrono::seconds(work.live->function.timeout_seconds) + init_max;
  const auto deadline = work.context.deadline;
  if (!work.live->is_inline && !work.sink && deadline != MachineTime::max() && deadline - steady_clock::now() < longest)
    return run_beside(work);
  return run_counted(work);
}

Result<InvocationResult> FunctionService::run_counted(const Work& work) {
  auto& family = *work.live->family;
  // What is provisioned serves first; beyond that the function draws on its account like any other. A reservation
  // counts both.
  std::optional<Slot> slot;
  if (const auto provisioned = work.live->provisioned(); provisioned > 0 && !family.reserved) {
    work.live->provisioned_slots.limit = static_cast<int>(provisioned);
    slot.emplace(work.live->provisioned_slots);
    if (!slot->taken()) slot.reset();
  }
  if (!slot) slot.emplace(*family.counts.load());
  if (!slot->taken()) return too_many_requests(family.reserved);
  if (work.live->runtimes) return run_in_process(work);
  if (work.live->is_inline) return run_inline(work);
  return run_in_environment(work);
}

namespace {

// Between a caller and the function that may outlive its wait; both are fibers of one loop.
struct Beside {
  int ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  CallContext context;
  Invocation invocation;
  std::string request_id;
  std::optional<Result<InvocationResult>> result;
  ~Beside() {
    if (ended >= 0) close(ended);
  }
};

}  // namespace

Result<InvocationResult> FunctionService::run_beside(const Work& work) {
  const auto both = std::make_shared<Beside>();
  if (both->ended < 0) return Error{"ServiceException", "Out of file descriptors.", {{"Type", "Service"}}, 500};
  both->context = work.context;
  both->context.deadline = MachineTime::max();
  both->invocation = work.invocation;
  both->request_id = work.request_id;
  kernel_.io.spawn([this, both, target = work.target, live = work.live] {
    both->result = run_counted({both->context, target, live, both->invocation, both->request_id});
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(both->ended, &one, sizeof one);
  });
  if (!both->result) kernel_.io.wait_readable(both->ended, work.context.deadline);
  kernel_.io.forget(both->ended);
  if (both->result) return std::move(*both->result);
  return Error{"TimeoutError", "The caller gave up before the function ended.", {}, 504};
}

}  // namespace moonbase::functions
