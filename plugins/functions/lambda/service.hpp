// The functions that exist, as things that can be invoked. Everything that invokes comes through here:
// the Invoke operation, the gateway, targets, async tasks.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <moonbase/plugin.hpp>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "lambda/function.hpp"
#include "lambda/packages.hpp"
#include "lambda/policy.hpp"
#include "lambda/provisioned.hpp"
#include "logs/log_store.hpp"
#include "pool/pool.hpp"
#include "runtimes/platform_log.hpp"
#include "runtimes/runtime_environment.hpp"

namespace moonbase::functions {

class InlineFunction;
class CodeFolders;
class RuntimePool;

inline constexpr int concurrency_max = 1000;  // An account's, as new accounts have it.
inline constexpr int unreserved_min = 100;    // What reservations must leave.

struct AsyncEvent {
  FunctionName function;
  std::string payload, client_context, request_id;
};

// Any fiber may use it.
class FunctionService final : public FunctionInvoker {
 public:
  FunctionService(KernelServices& kernel, Processes& processes);
  ~FunctionService() override;

  // Stack words of all plugins, for templates. Before the first invocation.
  void vocabularies(std::vector<std::string_view> texts) { vocabularies_ = std::move(texts); }

  Result<InvocationResult> invoke(const CallContext& context, Invocation invocation) override;
  std::vector<LogLine> recent_lines(const CallContext& context, std::string_view function,
                                    std::uint64_t after) override;

  // The parts of invoke(), for the operation: `request_id` is the one that its client sees.
  Result<InvocationResult> run(const CallContext& context, const FunctionName& name, const Invocation& invocation,
                               std::string_view request_id);
  // Whether there is such a function, and this caller may invoke it.
  Result<Done> check(const CallContext& context, const FunctionName& name);
  // The same as run(); where the runtime streams its answer, that goes to `sink` piece by piece.
  Result<InvocationResult> stream(const CallContext& context, const FunctionName& name, const Invocation& invocation,
                                  std::string_view request_id, const ResponseSink& sink);
  // Durably, to be run by the task "lambda-async".
  Result<Done> enqueue(const CallContext& context, const AsyncEvent& event, Store& store);
  Result<Done> run_async(TaskRun& task);

  // A version of the function has changed or is gone: its next invocation sees so.
  void forget(std::string_view account, std::string_view region, std::string_view name, std::int64_t version = 0);
  // Its aliases, permissions or concurrency have changed; what runs goes on.
  void forget_settings(std::string_view account, std::string_view region, std::string_view name);
  // What a version or alias has provisioned may have changed: starts and ends environments, off the caller's path.
  void provision(const FunctionName& name);
  void provision_all();  // Once, before the first request.
  struct ProvisionedState {
    std::int64_t started = 0;
    bool failed = false;
  };
  ProvisionedState provisioned_state(const FunctionName& name);

  // What the function has reserved or provisioned has changed.
  void concurrency_changed(const FunctionName& name);
  // All of its versions are gone.
  void forget_all(std::string_view account, std::string_view region, std::string_view name);
  void reset(std::string_view account);
  void stop();

  // Function URLs, or who may use them, have changed: counts up.
  void urls_changed() { ++url_changes_; }
  std::uint64_t url_changes() const { return url_changes_; }

  LogStore& logs() { return logs_; }
  Packages& packages() { return packages_; }
  KernelServices& kernel() { return kernel_; }

 private:
  // Invocations that run, and how many may.
  struct Counter {
    std::atomic<int> running{0}, limit{concurrency_max};
  };
  struct Live;
  using LiveKey = std::pair<std::int64_t, std::string>;
  // What the versions of one function share. Under the mutex, but for the counters.
  struct Family {
    Counter own;                            // Where it has reserved concurrency.
    std::atomic<Counter*> counts{nullptr};  // That, or its account's.
    std::atomic<bool> reserved{false};
    // By version and, of those that serve an alias only, that alias: it has provisioned concurrency of its own.
    std::map<LiveKey, std::shared_ptr<Live>> lives;
    std::vector<std::string> targets;
    // Invocations count against what the function has reserved, else against its account.
    void count(std::optional<std::int64_t> own_limit, Counter& account);
  };
  struct Live {
    Function function;
    std::string version;  // "$LATEST" or a number.
    std::string lineage;  // What stands for the function in traces.
    bool is_inline = false;
    PlatformLogFormat log_format;
    std::unique_ptr<BlobHold> packages;     // What environments are made from.
    std::shared_ptr<Pool> pool;             // lua, native; or:
    std::shared_ptr<RuntimePool> runtimes;  // nodejs*, python*, provided*.
    std::shared_ptr<Family> family;
    CallContext calls;  // What the handler's own Calls are made with.
    std::array<std::unique_ptr<InlineFunction>, threads_max> inline_states;  // By thread.
    std::atomic<std::uint64_t> folder_seen{0};  // How its folder looked when its code was compared with it.

    Counter provisioned_slots;
    std::atomic<std::size_t> provisioned_wanted{0};
    std::atomic<bool> provisioned_failed{false};
    std::shared_ptr<ProvisionedHome> home;  // Of runtimes.
    bool home_kept = false;                 // Its fiber has begun.
    std::size_t provisioned() const;        // Started.
    void retire();                          // No environment is kept.
    ~Live();
  };
  class Slot;
  // What a name with or without qualifier leads to.
  struct Target {
    std::string qualifier;
    std::shared_ptr<Live> live, other;  // other: an alias's second version, or null.
    double other_weight = 0;
    bool may_recur = false;  // RecursiveLoop Allow.
    std::string arn;         // As policies name it.
    Policy policy;
  };
  // One invocation on its way. Views, but for what it runs on.
  struct Work {
    const CallContext& context;
    std::shared_ptr<const Target> target;
    std::shared_ptr<Live> live;  // Of the target.
    const Invocation& invocation;
    std::string_view request_id;
    const ResponseSink* sink = nullptr;  // Where the answer goes as the runtime makes it; null: into the result.

    std::string arn() const;  // By which the function was invoked.
  };
  static std::chrono::milliseconds idle_max();
  friend class ProcessInvocation;

  // Under the mutex. Answers the family of the function with this ARN, or null.
  Family* forget_targets(const std::string& arn);
  // What was read for a target, before anybody else can see it.
  struct Found;
  Result<Value> read_target(Transaction& tx, const FunctionName& name, Found& found);
  std::shared_ptr<Live> make_live(Function function);
  Result<std::shared_ptr<const Target>> find(const FunctionName& name);
  std::shared_ptr<Live> choose(const Target& target);
  static Result<Done> check_recursion(const CallContext& context, const Target& target);
  static Result<Done> check_permitted(const CallContext& context, const Target& target);
  Result<PoolCode> code_of(const Function& function);
  std::string log_stream_name(const std::string& version);
  // Checks what the caller may, chooses the version and runs it.
  // Where the code of $LATEST is a folder (local_folder.hpp): with what is in it now.
  std::shared_ptr<const Target> with_folder_as_it_is(std::shared_ptr<const Target> target);
  Result<InvocationResult> run_target(const CallContext& context, std::shared_ptr<const Target> target,
                                      const Invocation& invocation, std::string_view request_id,
                                      const ResponseSink* sink);
  Result<InvocationResult> run_live(const Work& work);
  // Answers TimeoutError when the caller gives up; the function goes on.
  Result<InvocationResult> run_beside(const Work& work);
  Result<InvocationResult> run_counted(const Work& work);
  Result<InvocationResult> run_in_environment(const Work& work);
  Result<InvocationResult> run_inline(const Work& work);
  Result<InvocationResult> run_in_process(const Work& work);
  // On the loop where the provisioned environments are; nothing where that has ended.
  std::optional<Result<InvocationResult>> run_at_home(const Work& work);
  // Starts an environment of a runtime that is a program; `token` lives as long as it.
  Result<bool> start_provisioned(const std::shared_ptr<Live>& live, std::shared_ptr<ProvisionedHome::Token> token);
  void provision_now(const FunctionName& name);
  void provision_live(const std::shared_ptr<Live>& live, std::size_t wanted);
  // Ends what served aliases of the function that have nothing provisioned any more, or another version.
  void end_unwanted(const FunctionName& name, std::map<LiveKey, std::size_t>& wanted);
  void keep_home(const std::shared_ptr<Live>& live);

  void note_other_version(const std::string& runtime, const std::string& has);

  KernelServices& kernel_;
  LogStore logs_;
  Packages packages_;
  Pools pools_;
  std::unique_ptr<CodeFolders> folders_;
  std::vector<std::string_view> vocabularies_;

  std::shared_mutex mutex_;
  std::atomic<std::uint64_t> changes_{0}, url_changes_{0};
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  template <class T>
  using ByName = std::unordered_map<std::string, T, Hash, std::equal_to<>>;
  ByName<std::shared_ptr<const Target>> targets_;  // By ARN, with the qualifier where there is one.
  ByName<std::shared_ptr<Family>> families_;       // By ARN without one.
  ByName<std::unique_ptr<Counter>> accounts_;      // By "account/region".
  std::unordered_set<std::string> versions_noted_;
  std::deque<FunctionName> to_provision_;
  bool provisioning_ = false;
};

}  // namespace moonbase::functions
