#include "kernel.hpp"

#include "dispatch/admin.hpp"
#include "dispatch/calls.hpp"
#include "dispatch/directory.hpp"
#include "dispatch/door.hpp"
#include "dispatch/issued_credentials.hpp"
#include "durable_file.hpp"
#include "http/client.hpp"
#include "http/origin.hpp"
#include "http/server.hpp"
#include "journal/journal.hpp"
#include "logs.hpp"
#include "loop/loops.hpp"
#include "lua/lua_plugin.hpp"
#include "plugin/loader.hpp"
#include "plugin/member.hpp"
#include "random_ids.hpp"
#include "stack/stacks.hpp"
#include "store/connection.hpp"
#include "tasks/clock.hpp"
#include "tasks/runner.hpp"

#include <moonbase/internal/parker.hpp>
#include <moonbase/json.hpp>

#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <mutex>
#include <stdexcept>

namespace moonbase::kernel {
namespace {

namespace fs = std::filesystem;

// What answers for functions until a plugin does.
class NoFunctions final : public FunctionInvoker {
 public:
  Result<InvocationResult> invoke(const CallContext&, Invocation) override {
    return not_implemented("functions: no plugin that runs them is loaded");
  }
  std::vector<LogLine> recent_lines(const CallContext&, std::string_view, std::uint64_t) override { return {}; }
};

// Whoever runs functions, once a plugin has said so.
class FunctionsSwitch final : public FunctionInvoker {
 public:
  void set(FunctionInvoker& invoker) { invoker_ = &invoker; }
  Result<InvocationResult> invoke(const CallContext& context, Invocation invocation) override {
    return invoker_->invoke(context, std::move(invocation));
  }
  std::vector<LogLine> recent_lines(const CallContext& context, std::string_view function,
                                    std::uint64_t after) override {
    return invoker_->recent_lines(context, function, after);
  }

 private:
  NoFunctions none_;
  FunctionInvoker* invoker_ = &none_;
};

class MemberRegistrar final : public Registrar {
 public:
  MemberRegistrar(plugin::Member& member, FunctionsSwitch& functions, std::vector<stack::Vocabulary>& vocabulary)
      : member_(member), functions_(functions), vocabulary_(vocabulary) {}

  void model(std::string_view lua) override {
    member_.services.push_back(std::make_unique<plugin::Service>(lua, member_));
  }
  void operation(std::string_view name, Operation operation) override {
    if (member_.services.empty()) throw std::runtime_error("operation() before model() in plugin " + member_.name);
    if (!member_.services.back()->operations.emplace(std::string(name), std::move(operation)).second)
      throw std::runtime_error("plugin " + member_.name + " registers " + std::string(name) + " twice");
  }
  void pages(PageRules rules) override {
    if (member_.services.empty()) throw std::runtime_error("pages() before model() in plugin " + member_.name);
    member_.services.back()->pages = std::move(rules);
  }
  void schema(std::string_view sql) override { member_.schema.push_back(sql); }
  void views(std::string_view sql) override { member_.views.push_back(sql); }
  void view_function(std::string_view name, std::function<std::string(std::string_view)> text_of) override {
    member_.view_functions.emplace_back(std::string(name), std::move(text_of));
  }
  void task(std::string_view handler, TaskHandler run) override {
    member_.tasks.emplace(std::string(handler), std::move(run));
  }
  void target(std::string_view arn_service, TargetHandler deliver) override {
    member_.targets.emplace(std::string(arn_service), std::move(deliver));
  }
  void event_source(std::string_view arn_service, EventSource& source) override {
    member_.sources.emplace(std::string(arn_service), &source);
  }
  void health(std::string_view name, std::function<Value()> state) override {
    member_.health.emplace_back(std::string(name), std::move(state));
  }
  void http(HttpMatch match, HttpHandler handler) override {
    member_.http.emplace_back(std::move(match), std::move(handler));
  }
  void function_invoker(FunctionInvoker& invoker) override { functions_.set(invoker); }
  void resources(std::string_view lua) override {
    member_.resources.push_back(lua);
    vocabulary_.push_back({member_.name + "/resources.lua", lua});
  }
  std::vector<std::string_view> all_resources() const override {
    std::vector<std::string_view> texts;
    for (const auto& chunk : vocabulary_) texts.push_back(chunk.text);
    return texts;
  }
  void on_reset(std::function<void(std::string_view)> reset) override { member_.resets.push_back(std::move(reset)); }
  KernelServices& kernel() override { return *member_.kernel; }

 private:
  plugin::Member& member_;
  FunctionsSwitch& functions_;
  std::vector<stack::Vocabulary>& vocabulary_;
};

}  // namespace

struct Kernel::Inside {
  explicit Inside(Options given)
      : options(std::move(given)),
        log(make_log("kernel", options.log_level)),
        ids(options.seed),
        journal(options.journal_entries_max),
        loops(options.loops, clock, loop_options()),
        calls(directory, clock, ids, journal, *log),
        runner(clock, runner_hooks()),
        outbound(loops.io(), outbound_policy({}), options.trusted_certificates),
        servers(clock, *log),
        door(directory, calls, clock, ids, *log) {
    if (options.memory) {
      std::string folder = (fs::temp_directory_path() / "moonbase-XXXXXX").string();
      if (!::mkdtemp(folder.data())) throw std::runtime_error("cannot make a folder in " + folder);
      options.data = folder;
    }
    credentials = std::make_unique<dispatch::IssuedCredentials>(platform_key(), ids);
    door.set_credentials(*credentials);
    door.set_origins(origins());
  }

  Options options;
  std::unique_ptr<Log> log;
  MetricsBoard metrics;
  tasks::PlatformClock clock;
  RandomIds ids;
  journal::Journal journal;
  loop::Loops loops;
  dispatch::Directory directory;
  dispatch::Calls calls;
  Activity activity;
  tasks::Runner runner;
  http::Client outbound;
  http::LocalServers servers;
  dispatch::Door door;
  std::unique_ptr<dispatch::IssuedCredentials> credentials;
  FunctionsSwitch functions;
  std::vector<stack::Vocabulary> vocabulary;
  std::vector<std::unique_ptr<MemberRegistrar>> registrars;
  std::vector<std::unique_ptr<plugin::Member>> members;
  std::unique_ptr<store::SqliteStore> stack_records;
  std::unique_ptr<stack::Stacks> stacks;
  std::unique_ptr<dispatch::Admin> admin;
  std::string base_url;
  bool started = false;

  loop::LoopOptions loop_options() {
    loop::LoopOptions loop_options;
    loop_options.on_exception = [this](const std::exception_ptr& raised) {
      try {
        std::rethrow_exception(raised);
      } catch (const std::exception& failure) {
        log->error(std::string("a fiber ended by an exception: ") + failure.what());
      } catch (...) {
        log->error("a fiber ended by an exception of unknown type");
      }
    };
    return loop_options;
  }

  tasks::Runner::Hooks runner_hooks() {
    return {[this](std::function<void()> work) { loops.spawn(std::move(work)); },
            [this](tasks::Runner::Run& run) { return carry_out(run); },
            [this](const std::string& message) { log->warning(message); },
            [this] { return loops.first_clock_deadline(); },
            [this] { return activity.count(); },
            [this] { loops.settle(); }};
  }

  store::Options store_options(const std::string& name) const {
    store::Options store_options;
    store_options.file = options.data / (name + ".sqlite");
    store_options.durable = !options.memory;
    return store_options;
  }

  // What the command line allows, and what the stacks do.
  http::OutboundPolicy outbound_policy(std::vector<std::string> hosts) const {
    http::OutboundPolicy policy;
    hosts.insert(hosts.end(), options.outbound.begin(), options.outbound.end());
    for (auto& host : hosts) {
      if (host == "private")
        policy.allow_private = true;
      else
        policy.hosts.push_back(std::move(host));
    }
    return policy;
  }

  http::OriginPolicy origins() const { return {options.allowed_hosts, options.allowed_origins}; }

  // The secret that everything issued follows from: made at first start, readable by nobody else.
  std::string platform_key() {
    constexpr std::size_t key_bytes = 32;
    if (options.memory || options.seed) return ids.random_bytes(key_bytes);
    if (const auto made = make_folder_durably(options.data.string()); !made)
      throw std::runtime_error(made.error().message);
    fs::permissions(options.data, fs::perms::owner_all);
    const auto file = options.data / "key";
    std::ifstream in(file, std::ios::binary);
    std::string key{std::istreambuf_iterator<char>(in), {}};
    if (key.size() == key_bytes) return key;
    key = ids.random_bytes(key_bytes);
    if (const auto written = write_durably(file.string(), 0600, key); !written)
      throw std::runtime_error(written.error().message);
    return key;
  }

  void load() {
    for (const auto& file : options.plugins) {
      auto loaded = plugin::load(file);
      if (!loaded) throw std::runtime_error(loaded.error().message);
      add(std::move(*loaded));
    }
    for (const auto& folder : options.lua_plugins) {
      auto loaded = lua::load_plugin(folder);
      if (!loaded) throw std::runtime_error(loaded.error().message);
      add(std::move(*loaded));
    }
    for (auto& member : members) directory.add(*member);
    stack_records = std::make_unique<store::SqliteStore>(store_options("stacks"),
                                                         std::vector<std::string_view>{stack::records_schema},
                                                         [](Time) {});
    stacks = std::make_unique<stack::Stacks>(calls, *stack_records, vocabulary);
    stacks->on_outbound([this](std::vector<std::string> hosts) { outbound.set_policy(outbound_policy(std::move(hosts))); });
  }

  void add(std::shared_ptr<plugin::Loaded> loaded) {
    auto member = std::make_unique<plugin::Member>();
    member->loaded = std::move(loaded);
    member->name = member->loaded->name;
    member->log = make_log(member->name, options.log_level);
    member->metrics = make_metrics(metrics, member->name);
    member->blobs = std::make_unique<store::FileBlobs>(options.data / (member->name + ".blobs"), !options.memory);
    // Made anew below, once the schema is known; a plugin may keep the reference to its kernel.
    auto store = std::make_unique<LateStore>();
    auto& late = *store;
    stores.push_back(std::move(store));
    member->kernel.reset(new KernelServices{late, *member->blobs, clock, ids, calls, calls, functions, loops.io(),
                                            *member->log, *member->metrics, *credentials, outbound, calls, activity,
                                            servers});
    registrars.push_back(std::make_unique<MemberRegistrar>(*member, functions, vocabulary));
    member->loaded->plugin->load(*registrars.back());
    member->store = std::make_unique<store::SqliteStore>(
        store_options(member->name), member->schema,
        [this, name = member->name](Time due) { runner.scheduled(name, due); });
    late.store = member->store.get();
    runner.add(member->name, *member->store);
    members.push_back(std::move(member));
  }

  // A plugin may hold its KernelServices from load() on, but its store needs the schema it registers there.
  struct LateStore final : Store {
    store::SqliteStore* store = nullptr;
    Result<Value> write(const Body& body) override { return opened().write(body); }
    Result<Value> read(const Body& body) override { return opened().read(body); }
    store::SqliteStore& opened() const {
      if (!store) throw std::logic_error("the store works from Plugin::ready on, not in Plugin::load");
      return *store;
    }
  };
  std::vector<std::unique_ptr<LateStore>> stores;

  plugin::Member* member_named(std::string_view name) const {
    for (const auto& member : members)
      if (member->name == name) return member.get();
    return nullptr;
  }

  Result<Done> carry_out(tasks::Runner::Run& run) {
    // "handler" of the same plugin, or "plugin/handler".
    std::string_view handler = run.task.handler;
    std::string_view plugin = run.plugin;
    if (const auto slash = handler.find('/'); slash != std::string_view::npos) {
      plugin = handler.substr(0, slash);
      handler.remove_prefix(slash + 1);
    }
    const auto began = MachineTime::clock::now();
    CallContext context;
    context.identity.account_id = run.task.account_id;
    context.identity.arn = run.task.arn;
    context.region = run.task.region;
    context.base_url = run.task.base_url;
    context.cause = run.task.cause;
    context.request_id = ids.uuid();
    auto outcome = [&]() -> Result<Done> {
      auto* member = member_named(plugin);
      const auto found = member ? member->tasks.find(handler) : std::map<std::string, TaskHandler>::iterator();
      if (!member || found == member->tasks.end())
        return Error{"InternalFailure", "no plugin has a task handler " + run.task.handler};
      const auto payload = parse_json(run.task.payload, {.depth_max = 200, .bytes_max = 64u << 20});
      if (!payload) return Error{"InternalFailure", "the payload of a task is damaged: " + payload.error().message};
      store::CallStore store(*member->store, context);
      const auto& own = *member->kernel;
      KernelServices kernel = own.with(store);
      TaskRun task{handler, *payload, run.task.attempt, run.task.due, context, kernel};
      try {
        return found->second(task);
      } catch (const std::exception& failure) {
        return Error{"InternalFailure", failure.what()};
      }
    }();
    if (!outcome)
      log->warning("task " + run.plugin + "/" + run.task.handler + ", attempt " + std::to_string(run.task.attempt) +
                   ": " + outcome.error().code + ": " + outcome.error().message);
    journal::Entry entry;
    entry.at = clock.now();
    entry.duration_us =
        std::chrono::duration_cast<std::chrono::microseconds>(MachineTime::clock::now() - began).count();
    entry.kind = journal::Entry::Kind::task;
    entry.id = context.request_id;
    entry.cause = context.cause;
    entry.service = plugin;
    entry.operation = handler;
    entry.error = outcome ? std::string_view() : std::string_view(outcome.error().code);
    entry.account = context.identity.account_id;
    entry.region = context.region;
    journal.write(entry);
    return outcome;
  }

  void start() {
    if (!options.memory) fs::create_directories(options.data);
    internal::set_clock_waiting(&clock);
    clock.on_change([this] { loops.clock_changed(); });
    loops.start();
    started = true;
    loops.run_on_loop([&] {
      stacks->read_outbound();
      for (auto& member : members) member->loaded->plugin->ready(*member->kernel);
    });
    runner.start();
  }

  void stop() {
    if (!started) return;
    started = false;
    loops.run_on_loop([&] {
      if (!runner.stop(loops.io(), MachineTime::clock::now() + std::chrono::seconds(8)))
        log->warning("some tasks had not ended; they run again at the next start");
      for (auto& member : members) member->loaded->plugin->stop(*member->kernel);
    });
    loops.stop();
    for (auto& member : members) member->store->close();
    stack_records->close();
    internal::set_clock_waiting(nullptr);
  }
};

Kernel::Kernel(Options options) {
  store::configure_engine();
  inside_ = std::make_unique<Inside>(std::move(options));
  inside_->load();
  inside_->admin = std::make_unique<dispatch::Admin>(*this);
}

Kernel::~Kernel() {
  stop();
  const bool temporary = inside_->options.memory;
  const auto folder = inside_->options.data;
  inside_.reset();
  std::error_code ignored;  // A temporary folder that stays does no harm.
  if (temporary) fs::remove_all(folder, ignored);
}

void Kernel::start() { inside_->start(); }
Activity& Kernel::activity() { return inside_->activity; }
void Kernel::end_waits() {
  inside_->activity.end_waits();
  inside_->journal.written().notify();
}
void Kernel::stop() { inside_->stop(); }

void Kernel::handle(HttpRequest& request, HttpResponse& response) {
  if (!inside_->admin->handles(request.path)) return inside_->door.handle(request, response);
  if (const auto refused = http::refuse_foreign(request, inside_->origins(), http::Surface::admin)) {
    response.status = 403;
    response.body = refused->message + "\n";
    return;
  }
  inside_->admin->handle(request, response);
}

void Kernel::reset(const std::string& account_id) {
  for (auto& member : inside_->members) {
    for (const auto& reset : member->resets) reset(account_id);
    member->store->reset(account_id);
    for (const auto& reset : member->resets) reset(account_id);  // What was read again in between.
  }
  inside_->stack_records->reset(account_id);
  if (account_id.empty()) inside_->journal.clear();
}

loop::Loops& Kernel::loops() { return inside_->loops; }
tasks::PlatformClock& Kernel::clock() { return inside_->clock; }
tasks::Runner& Kernel::tasks() { return inside_->runner; }
journal::Journal& Kernel::journal() { return inside_->journal; }
stack::Stacks& Kernel::stacks() { return *inside_->stacks; }
dispatch::Calls& Kernel::calls() { return inside_->calls; }
const dispatch::Directory& Kernel::directory() const { return inside_->directory; }
const std::vector<std::unique_ptr<plugin::Member>>& Kernel::members() const { return inside_->members; }
FunctionInvoker& Kernel::functions() { return inside_->functions; }
Ids& Kernel::ids() { return inside_->ids; }
Log& Kernel::log() { return *inside_->log; }
const Options& Kernel::options() const { return inside_->options; }
void Kernel::set_base_url(std::string url) {
  inside_->servers.set_platform_url(url);
  inside_->base_url = std::move(url);
}
const std::string& Kernel::base_url() const { return inside_->base_url; }
std::string Kernel::metrics_text() const { return inside_->metrics.text(); }

std::string Kernel::health_json() const {
  Map plugins;
  for (const auto& member : inside_->members) plugins.set(member->name, member->loaded->version);
  Map health{{"status", "running"}, {"plugins", std::move(plugins)}};
  for (const auto& member : inside_->members)
    for (const auto& [name, state] : member->health) health.set(name, state());
  return to_json(Value(std::move(health)));
}

}  // namespace moonbase::kernel
