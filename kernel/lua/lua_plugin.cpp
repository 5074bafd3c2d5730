#include "lua/lua_plugin.hpp"

#include "lua/state.hpp"
#include "model/model.hpp"

#include <moonbase/json.hpp>

#include <lua.hpp>

#include <fstream>
#include <iterator>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

extern "C" {
extern const char lua_plugin_lua[];  // scripts/lua/moonbase/plugin.lua, embedded by the build.
}

namespace moonbase::lua {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t instructions_max = 200'000'000;

std::optional<std::string> read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return {};
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

// A Lua state with the plugin's handlers, and the call it works on.
class Worker {
 public:
  Worker(const std::string& text, const std::string& chunk) {
    lua_State* L = state_.get();
    must(state_.load(lua_plugin_lua, "=plugin.lua"));
    must(state_.load(text, chunk));
    must(state_.call(0, 1));
    if (!lua_istable(L, -1)) throw std::runtime_error(chunk.substr(1) + " returns no table of handlers");
    lua_pushvalue(L, -1);
    handlers_ = luaL_ref(L, LUA_REGISTRYINDEX);
    push_host();
    must(state_.call(2, 1));
    entry_ = luaL_ref(L, LUA_REGISTRYINDEX);
  }

  // Names of the functions in the handlers' table, or in its `tasks`.
  std::vector<std::string> names(bool tasks) {
    lua_State* L = state_.get();
    std::vector<std::string> names;
    lua_rawgeti(L, LUA_REGISTRYINDEX, handlers_);
    if (tasks) lua_getfield(L, -1, "tasks");
    if (lua_istable(L, -1)) {
      lua_pushnil(L);
      while (lua_next(L, -2) != 0) {
        if (lua_type(L, -2) == LUA_TSTRING && lua_isfunction(L, -1)) names.emplace_back(lua_tostring(L, -2));
        lua_pop(L, 1);
      }
    }
    lua_settop(L, 0);
    return names;
  }

  Result<Value> run(const char* kind, std::string_view name, Value fields, CallContext& context,
                    KernelServices& kernel) {
    context_ = &context;
    kernel_ = &kernel;
    state_.set_budget(instructions_max);
    lua_State* L = state_.get();
    lua_rawgeti(L, LUA_REGISTRYINDEX, entry_);
    lua_pushstring(L, kind);
    lua_pushlstring(L, name.data(), name.size());
    push(L, fields);
    auto result = [&]() -> Result<Value> {
      if (auto ran = state_.call(3, 1); !ran) return ran.error();
      return read(L, -1);
    }();
    lua_settop(L, 0);
    // A client's error has a code of the model; anything else that was raised is a bug in the handler.
    if (!result && result.error().code == "LuaError") throw std::runtime_error(result.error().message);
    if (result && result->is_null()) return Value(Map{});
    return result;
  }

 private:
  static void must(const Result<Done>& result) {
    if (!result) throw std::runtime_error(result.error().message);
  }

  using Method = Result<Value> (Worker::*)(lua_State*);
  template <Method method>
  static int host_function(lua_State* L) {
    auto* worker = static_cast<Worker*>(lua_touserdata(L, lua_upvalueindex(1)));
    Result<Value> result = Value();
    try {
      result = (worker->*method)(L);
    } catch (const std::exception& failure) {
      result = Error{"LuaError", failure.what()};
    }
    lua_settop(L, 0);
    lua_pushboolean(L, result.ok());
    if (result)
      push(L, *result);
    else
      push(L, Map{{"code", result.error().code}, {"message", result.error().message}});
    return 2;
  }

  template <Method method>
  void give(const char* name) {
    lua_pushlightuserdata(state_.get(), this);
    lua_pushcclosure(state_.get(), host_function<method>, 1);
    lua_setfield(state_.get(), -2, name);
  }

  void push_host() {
    lua_newtable(state_.get());
    give<&Worker::query>("query");
    give<&Worker::changes>("changes");
    give<&Worker::schedule>("schedule");
    give<&Worker::now_ms>("now_ms");
    give<&Worker::uuid>("uuid");
    give<&Worker::write>("write");
    give<&Worker::read_store>("read");
    give<&Worker::call>("call");
  }

  Transaction& transaction() const {
    if (!transaction_) throw std::runtime_error("a transaction ends with its body");
    return *transaction_;
  }

  Result<Value> query(lua_State* L) {
    std::size_t size = 0;
    const char* sql = luaL_checklstring(L, 1, &size);
    const auto count = static_cast<int>(luaL_checkinteger(L, 2));
    std::vector<Value> values;
    for (int i = 0; i < count; ++i) {
      auto value = lua_gettop(L) >= 3 + i ? read(L, 3 + i) : Result<Value>(Value());
      if (!value) return value;
      values.push_back(std::move(*value));
    }
    const std::vector<Parameter> parameters(values.begin(), values.end());
    List rows;
    transaction().each({sql, size}, parameters, [&](const Row& row) {
      Map columns;
      for (std::size_t i = 0; i < row.size(); ++i) columns.set(row.column(i), row[i]);
      rows.push_back(std::move(columns));
      return true;
    });
    return Value(std::move(rows));
  }
  Result<Value> changes(lua_State*) { return Value(transaction().changes()); }
  Result<Value> schedule(lua_State* L) {
    const Time due{static_cast<std::int64_t>(luaL_checknumber(L, 1))};
    const std::string handler = luaL_checkstring(L, 2);
    auto payload = read(L, 3);
    if (!payload) return payload;
    transaction().schedule(due, handler, *payload, luaL_checkstring(L, 4));
    return Value();
  }
  Result<Value> now_ms(lua_State*) { return Value(kernel_->clock.now().ms); }
  Result<Value> uuid(lua_State*) { return Value(kernel_->ids.uuid()); }
  Result<Value> call(lua_State* L) {
    const std::string service = luaL_checkstring(L, 1), operation = luaL_checkstring(L, 2);
    const auto input = read(L, 3);
    if (!input) return input.error();
    auto answer = kernel_->services.call_json(*context_, service, operation,
                                              input->is_list() ? "{}" : to_json(*input));
    if (!answer) return answer.error();
    return parse_json(*answer);
  }
  Result<Value> write(lua_State* L) { return in_transaction(L, true); }
  Result<Value> read_store(lua_State* L) { return in_transaction(L, false); }

  // The body runs on the writer's thread while this fiber waits: one at a time, as a Lua state wants it.
  Result<Value> in_transaction(lua_State* L, bool writes) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    if (transaction_) return Error{"LuaError", "a transaction cannot begin inside another"};
    const Store::Body body = [&](Transaction& tx) -> Result<Value> {
      transaction_ = &tx;
      lua_pushvalue(L, 1);
      const auto ran = state_.call(0, 1);
      transaction_ = nullptr;
      if (!ran) return ran.error();
      auto value = read(L, -1);
      lua_settop(L, 1);
      return value;
    };
    return writes ? kernel_->store.write(body) : kernel_->store.read(body);
  }

  State state_;
  int handlers_ = 0, entry_ = 0;
  CallContext* context_ = nullptr;
  KernelServices* kernel_ = nullptr;
  Transaction* transaction_ = nullptr;
};

class LuaPlugin final : public Plugin {
 public:
  explicit LuaPlugin(const fs::path& folder)
      : handlers_file_((folder / "handlers.lua").string()),
        model_(required(folder / "model.lua")),
        handlers_(required(handlers_file_)),
        schema_(read_file(folder / "schema.sql")),
        resources_(read_file(folder / "resources.lua")) {}

  const std::string& model() const { return model_; }

  void load(Registrar& registrar) override {
    registrar.model(model_);
    if (schema_) registrar.schema(*schema_);
    if (resources_) registrar.resources(*resources_);
    auto worker = take();
    for (const auto& name : worker->names(false))
      registrar.operation(name, [this](Call& call) { return run(call); });
    for (const auto& name : worker->names(true))
      registrar.task(name, [this](TaskRun& task) { return run(task); });
    give_back(std::move(worker));
  }

 private:
  static std::string required(const fs::path& file) {
    auto text = read_file(file);
    if (!text) throw std::runtime_error(file.string() + " is missing: a Lua plugin has model.lua and handlers.lua");
    return *text;
  }

  static Map fields_of(const CallContext& context) {
    return Map{{"account", context.identity.account_id},
               {"region", context.region},
               {"request_id", context.request_id},
               {"base_url", context.base_url}};
  }

  Result<Value> run(Call& call) {
    Map fields = fields_of(call.context);
    fields.set("operation", call.operation);
    fields.set("input", std::move(call.input));
    auto worker = take();
    auto result = worker->run("call", call.operation, Value(std::move(fields)), call.context, call.kernel);
    give_back(std::move(worker));
    return result;
  }

  Result<Done> run(TaskRun& task) {
    Map fields = fields_of(task.context);
    fields.set("payload", task.payload);
    fields.set("attempt", task.attempt);
    auto worker = take();
    const auto result = worker->run("task", task.handler, Value(std::move(fields)), task.context, task.kernel);
    give_back(std::move(worker));
    if (!result) return result.error();
    return done;
  }

  // A worker that threw is not given back: its state may be anything.
  std::unique_ptr<Worker> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        auto worker = std::move(idle_.back());
        idle_.pop_back();
        return worker;
      }
    }
    return std::make_unique<Worker>(handlers_, "@" + handlers_file_);
  }
  void give_back(std::unique_ptr<Worker> worker) {
    constexpr std::size_t idle_max = 64;
    const std::lock_guard lock(mutex_);
    if (idle_.size() < idle_max) idle_.push_back(std::move(worker));
  }

  const std::string handlers_file_, model_, handlers_;
  const std::optional<std::string> schema_, resources_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Worker>> idle_;
};

}  // namespace

Result<std::shared_ptr<plugin::Loaded>> load_plugin(const fs::path& folder) {
  try {
    auto plugin = std::make_unique<LuaPlugin>(folder);
    const auto header = model::read_header(plugin->model(), (folder / "model.lua").string());
    auto loaded = std::make_shared<plugin::Loaded>();
    loaded->name = header.name;
    loaded->version = header.version;
    loaded->file = folder;
    loaded->plugin = std::move(plugin);
    return loaded;
  } catch (const std::exception& failure) {
    return Error{"PluginError", folder.string() + " was not loaded: " + failure.what()};
  }
}

}  // namespace moonbase::lua
