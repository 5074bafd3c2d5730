// The functions that exist, as things that can be invoked. Everything that invokes comes through here:
// the Invoke operation, the gateway, targets, async tasks.
#pragma once

#include "lambda/function.hpp"
#include "logs/log_store.hpp"
#include "pool/pool.hpp"
#include "runtimes/runtime_environment.hpp"

#include <moonbase/plugin.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace moonbase::functions {

class InlineFunction;
class CodeFolders;
class RuntimePool;

inline constexpr int concurrency_max = 1000;  // An account's, as new accounts have it.

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
  // The same; the answer goes to `sink` piece by piece, where the runtime streams, else at the end.
  Result<InvocationResult> stream(const CallContext& context, const FunctionName& name, const Invocation& invocation,
                                  std::string_view request_id, const ResponseSink& sink);
  // ResourceNotFoundException.
  Result<Done> require(const FunctionName& name);
  // Durably, to be run by the task "lambda-async".
  Result<Done> enqueue(const CallContext& context, const AsyncEvent& event, Store& store);
  Result<Done> run_async(TaskRun& task);

  // The function has changed or is gone: its next invocation sees so.
  void forget(std::string_view account, std::string_view region, std::string_view name);
  void reset(std::string_view account);
  void stop();

  LogStore& logs() { return logs_; }
  KernelServices& kernel() { return kernel_; }

 private:
  struct Live {
    Function function;
    bool is_inline = false;
    std::shared_ptr<Pool> pool;             // lua, native; or:
    std::shared_ptr<RuntimePool> runtimes;  // nodejs*, python*, provided*.
    std::atomic<int>* running = nullptr;  // Of the account.
    CallContext calls;                    // What the handler's own Calls are made with.
    std::array<std::unique_ptr<InlineFunction>, threads_max> inline_states;  // By thread.
    void retire();  // No environment is kept.
    ~Live();
  };
  struct Report;
  friend class ProcessInvocation;

  Result<std::shared_ptr<Live>> find(const FunctionName& name);
  Result<PoolCode> code_of(const Function& function);
  std::string log_stream_name();
  void finish(const Live& live, std::string_view request_id, const LogStream& stream, const Report& report,
              std::string* tail);
  Result<InvocationResult> run_live(const CallContext& context, const std::shared_ptr<Live>& live,
                                    const Invocation& invocation, std::string_view request_id);
  Result<InvocationResult> run_in_environment(const CallContext& context, const std::shared_ptr<Live>& live,
                                              const Invocation& invocation, std::string_view request_id);
  Result<InvocationResult> run_inline(const CallContext& context, const std::shared_ptr<Live>& live,
                                      const Invocation& invocation, std::string_view request_id);

  Result<InvocationResult> run_in_process(const std::shared_ptr<Live>& live, const Invocation& invocation,
                                          std::string_view request_id, const ResponseSink* sink);
  void note_other_version(const std::string& runtime, const std::string& has);

  KernelServices& kernel_;
  LogStore logs_;
  Pools pools_;
  std::unique_ptr<CodeFolders> folders_;
  std::vector<std::string_view> vocabularies_;

  std::shared_mutex mutex_;
  std::atomic<std::uint64_t> changes_{0};
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, std::shared_ptr<Live>, Hash, std::equal_to<>> live_;                 // By ARN.
  std::unordered_map<std::string, std::unique_ptr<std::atomic<int>>, Hash, std::equal_to<>> running_;  // By account.
  std::unordered_set<std::string> versions_noted_;
};

}  // namespace moonbase::functions
