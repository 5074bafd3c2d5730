#include "stack/stacks.hpp"

#include "lua/state.hpp"
#include "stack/package.hpp"

#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>

#include <lua.hpp>

#include <fstream>
#include <iterator>

extern "C" {
extern const char lua_stack_lua[];  // scripts/lua/moonbase/stack.lua and apply.lua, embedded by the build.
extern const char lua_apply_lua[];
}

namespace moonbase::stack {

namespace fs = std::filesystem;

const std::string_view records_schema = R"sql(
  CREATE TABLE stack_resource (
    account TEXT NOT NULL, region TEXT NOT NULL, stack TEXT NOT NULL, id TEXT NOT NULL, position INTEGER NOT NULL,
    constructor TEXT NOT NULL, type TEXT NOT NULL, name TEXT NOT NULL, properties TEXT NOT NULL,
    attributes TEXT NOT NULL, PRIMARY KEY (account, region, stack, id)) STRICT;
  CREATE TABLE stack_outbound (
    account TEXT NOT NULL, region TEXT NOT NULL, stack TEXT NOT NULL, host TEXT NOT NULL,
    PRIMARY KEY (account, region, stack, host)) STRICT;
)sql";

namespace {

constexpr std::int64_t configuration_instructions_max = 500'000'000;

Result<std::string> read_text(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in || !fs::is_regular_file(file)) return Error{"StackError", "there is no stack " + file.string()};
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

// File and line of the caller at a level, as Lua counts them.
int location(lua_State* state) {
  lua_Debug frame;
  const int level = static_cast<int>(luaL_checkinteger(state, 1));
  if (lua_getstack(state, level, &frame) == 0 || lua_getinfo(state, "Sl", &frame) == 0) {
    lua_pushstring(state, "stack");
    lua_pushinteger(state, 0);
    return 2;
  }
  lua_pushstring(state, frame.source[0] == '@' || frame.source[0] == '=' ? frame.source + 1 : frame.short_src);
  lua_pushinteger(state, frame.currentline);
  return 2;
}

// A list of what a function captures.
int upvalues(lua_State* state) {
  luaL_checktype(state, 1, LUA_TFUNCTION);
  lua_newtable(state);
  int count = 0;
  for (int i = 1; lua_getupvalue(state, 1, i) != nullptr; ++i) {
    if (lua_isnil(state, -1))
      lua_pop(state, 1);
    else
      lua_rawseti(state, 2, ++count);
  }
  return 1;
}

int array(lua_State* state) {
  luaL_checktype(state, 1, LUA_TTABLE);
  lua_settop(state, 1);
  lua::mark_list(state);
  return 1;
}

// load(text, name): a function, or nil and the problem. Text only.
int load_text(lua_State* state) {
  std::size_t size = 0;
  const char* text = luaL_checklstring(state, 1, &size);
  if (luaL_loadbufferx(state, text, size, luaL_checkstring(state, 2), "t") == 0) return 1;
  lua_pushnil(state);
  lua_insert(state, -2);
  return 2;
}

}  // namespace

std::vector<fs::path> plugins_of(const fs::path& file) {
  std::vector<fs::path> folders;
  const auto text = read_text(file);
  if (!text) return folders;
  lua::State state;
  state.set_budget(configuration_instructions_max);
  // The first line raises its own settings: nothing behind it runs.
  constexpr char first_line_only[] = "function require() return function(settings) error(settings, 0) end end";
  if (!state.load(first_line_only, "=first line") || !state.call(0, 0)) return folders;
  if (!state.load(*text, "@" + file.filename().string())) return folders;
  lua_State* L = state.get();
  if (lua_pcall(L, 0, 0, 0) == 0 || !lua_istable(L, -1)) return folders;
  const auto settings = lua::read(L, -1);
  if (!settings || !(*settings)["plugins"].is_list()) return folders;
  for (const auto& folder : (*settings)["plugins"].list())
    if (folder.is_string()) folders.push_back((file.parent_path() / folder.string()).lexically_normal());
  return folders;
}

// One run over one stack: its Lua state, its files, and its records.
class Stacks::Pass {
 public:
  Pass(Stacks& stacks, const CallContext& context) : stacks_(stacks), context_(context) {}

  // Runs the configuration pass; afterwards apply.lua's table lies on the Lua stack, then the graph.
  Result<Done> configure(const fs::path& file) {
    folder_ = file.parent_path();
    const auto text = read_text(file);
    if (!text) return text.error();
    state_.set_budget(configuration_instructions_max);
    if (auto prepared = prepare(); !prepared) return prepared;
    if (auto ran = run_chunk(file, *text); !ran) return ran;
    lua_State* L = state_.get();
    lua_getfield(L, module_, "stack");
    if (lua_isnil(L, -1))
      return Error{"StackError", file.filename().string() +
                                     ": a stack begins with: local s = require \"stack\" { name = \"shop\" }"};
    lua_getfield(L, -1, "name");
    name_ = lua_tostring(L, -1);
    lua_getfield(L, -2, "settings");
    lua_getfield(L, -1, "outbound");
    if (lua_istable(L, -1))
      for (int i = 1; lua_rawgeti(L, -1, i), !lua_isnil(L, -1); lua_pop(L, 1), ++i)
        outbound_.emplace_back(lua_tostring(L, -1));
    lua_settop(L, apply_);
    lua_getfield(L, module_, "graph");
    if (auto built = state_.call(0, 1); !built) return built;
    state_.set_budget(INT64_MAX);
    return done;
  }

  // Calls a function of apply.lua, with the graph if configure() has left one.
  Result<Value> applied(const char* function, bool with_graph) {
    lua_State* L = state_.get();
    lua_getfield(L, apply_, function);
    if (with_graph) lua_pushvalue(L, -2);
    if (auto ran = state_.call(with_graph ? 1 : 0, 1); !ran) return ran.error();
    return lua::read(L, -1);
  }

  // Loads the language and the vocabularies.
  Result<Done> prepare() {
    lua_State* L = state_.get();
    lua_newtable(L);
    host_ = lua_gettop(L);
    lua_pushstring(L, "configure");
    lua_setfield(L, host_, "mode");
    List vocabulary;
    for (const auto& chunk : stacks_.vocabulary_) vocabulary.push_back(Map{{"name", chunk.name}, {"text", chunk.text}});
    lua::push(L, Value(std::move(vocabulary)));
    lua_setfield(L, host_, "vocabulary");
    constexpr std::pair<const char*, lua_CFunction> functions[] = {
        {"location", location}, {"upvalues", upvalues}, {"array", array}, {"load", load_text}};
    for (const auto& [name, function] : functions) {
      lua_pushcfunction(L, function);
      lua_setfield(L, host_, name);
    }
    give_functions();
    if (auto loaded = run_embedded(lua_stack_lua, "=moonbase/stack.lua", 0); !loaded) return loaded;
    module_ = lua_gettop(L);
    if (auto loaded = run_embedded(lua_apply_lua, "=moonbase/apply.lua", module_); !loaded) return loaded;
    apply_ = lua_gettop(L);

    state_.push([this](const List& arguments) { return require(arguments); });
    lua_setglobal(L, "moonbase_require");
    // require "stack" is the language; any other name is a file beside the stack.
    constexpr char require_chunk[] =
        "local entry, load, read = ... local loaded = { stack = entry } "
        "function require(name) if loaded[name] == nil then local file = read(name) "
        "local chunk, problem = load(file.text, '@' .. file.name) if not chunk then error(problem, 0) end "
        "local answer = chunk(name) loaded[name] = answer == nil and true or answer end return loaded[name] end";
    luaL_loadstring(L, require_chunk);
    lua_getfield(L, module_, "entry");
    lua_getfield(L, host_, "load");
    lua_getglobal(L, "moonbase_require");
    lua_pushnil(L);
    lua_setglobal(L, "moonbase_require");
    return state_.call(3, 0);
  }

  // Keeps what the stack's first line allows.
  Result<Done> remember_outbound() {
    auto written = stacks_.records_.write([&](Transaction& tx) -> Result<Value> {
      tx.query("DELETE FROM stack_outbound WHERE account = ? AND region = ? AND stack = ?",
               context_.identity.account_id, context_.region, name_);
      for (const auto& host : outbound_)
        tx.query("INSERT INTO stack_outbound (account, region, stack, host) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                 context_.identity.account_id, context_.region, name_, host);
      return Value();
    });
    if (!written) return written.error();
    stacks_.read_outbound();
    return done;
  }

  const std::string& name() const { return name_; }
  void set_name(std::string name) { name_ = std::move(name); }
  Sources sources() const { return {read_}; }

 private:
  Result<Done> run_embedded(const char* text, const char* name, int argument) {
    lua_State* L = state_.get();
    if (auto loaded = state_.load(text, name); !loaded) return loaded;
    if (auto ran = state_.call(0, 1); !ran) return ran;
    if (argument != 0) lua_pushvalue(L, argument);
    lua_pushvalue(L, host_);
    return state_.call(argument != 0 ? 2 : 1, 1);
  }

  Result<Done> run_chunk(const fs::path& file, const std::string& text) {
    const std::string name = file.filename().string();
    files_[name] = text;
    read_.push_back(file);
    if (auto loaded = state_.load(text, "@" + name); !loaded) return loaded;
    return state_.call(0, 0);
  }

  Result<Value> require(const List& arguments) {
    const std::string name = arguments.empty() || !arguments[0].is_string() ? "" : arguments[0].string();
    if (name.empty() || name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") !=
                            std::string::npos)
      return Error{"StackError", "require takes the name of a file beside the stack, such as \"lib.prices\""};
    std::string relative = name;
    for (char& letter : relative)
      if (letter == '.') letter = '/';
    for (const std::string& candidate : {relative + ".lua", relative + "/init.lua"}) {
      const auto text = read_text(folder_ / candidate);
      if (!text) continue;
      files_[candidate] = *text;
      read_.push_back(folder_ / candidate);
      return Value(Map{{"name", candidate}, {"text", *text}});
    }
    return Error{"StackError", "require \"" + name + "\": there is no " + relative + ".lua beside the stack"};
  }

  void give(const char* name, lua::Function function) {
    state_.push(std::move(function));
    lua_setfield(state_.get(), host_, name);
  }

  void give_functions() {
    give("call", [this](const List& arguments) -> Result<Value> {
      if (arguments.size() < 2) return Error{"StackError", "call takes service, operation and input"};
      const Value input = arguments.size() > 2 && !arguments[2].is_list() ? arguments[2] : Value(Map{});
      auto answer = stacks_.services_.call_json(context_, arguments[0].string(), arguments[1].string(), to_json(input));
      if (!answer) return answer.error();
      return parse_json(*answer);
    });
    give("package", [this](const List&) -> Result<Value> { return Value(zip(files_)); });
    give("package_digest", [this](const List&) -> Result<Value> { return Value(sha256_hex(zip(files_))); });
    give("base64", [](const List& arguments) -> Result<Value> { return Value(base64(arguments.at(0).string())); });
    give("digest", [](const List& arguments) -> Result<Value> { return Value(sha256_hex(arguments.at(0).string())); });
    give("files", [this](const List& arguments) -> Result<Value> {
      const fs::path path = folder_ / arguments.at(0).string();
      auto files = read_files(path);
      if (!files) return files.error();
      read_.push_back(path);
      Map named;
      for (auto& [name, content] : *files) named.set(name, std::move(content));
      return Value(std::move(named));
    });
    give("zip", [](const List& arguments) -> Result<Value> {
      Files files;
      for (const auto& [name, content] : arguments.at(0).map()) files[name] = content.string();
      return Value(zip(files));
    });
    give("records", [this](const List&) { return records(); });
    give("remember", [this](const List& arguments) { return remember(arguments.at(0)); });
    give("forget", [this](const List& arguments) { return forget(arguments.at(0).string()); });
  }

  Result<Value> records() {
    return stacks_.records_.read([&](Transaction& tx) -> Result<Value> {
      List records;
      for (const auto& row : tx.query("SELECT * FROM stack_resource WHERE account = ? AND region = ? AND stack = ? "
                                      "ORDER BY position",
                                      context_.identity.account_id, context_.region, name_)) {
        auto properties = parse_json(row["properties"].string());
        auto attributes = parse_json(row["attributes"].string());
        if (!properties || !attributes) throw std::runtime_error("a stack's record is damaged: " + row["id"].string());
        records.push_back(Map{{"id", row["id"]},
                              {"constructor", row["constructor"]},
                              {"type", row["type"]},
                              {"name", row["name"]},
                              {"properties", std::move(*properties)},
                              {"attributes", std::move(*attributes)}});
      }
      return Value(std::move(records));
    });
  }

  Result<Value> remember(const Value& record) {
    return stacks_.records_.write([&](Transaction& tx) -> Result<Value> {
      tx.query(
          "INSERT INTO stack_resource (account, region, stack, id, position, constructor, type, name, properties, "
          "attributes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, region, stack, id) DO UPDATE SET "
          "position = excluded.position, properties = excluded.properties, attributes = excluded.attributes",
          context_.identity.account_id, context_.region, name_, record["id"], record["position"],
          record["constructor"], record["type"], record["name"], to_json(record["properties"]),
          to_json(record["attributes"]));
      return Value();
    });
  }

  Result<Value> forget(const std::string& id) {
    return stacks_.records_.write([&](Transaction& tx) -> Result<Value> {
      tx.query("DELETE FROM stack_resource WHERE account = ? AND region = ? AND stack = ? AND id = ?",
               context_.identity.account_id, context_.region, name_, id);
      return Value();
    });
  }

  Stacks& stacks_;
  const CallContext& context_;
  fs::path folder_;
  std::string name_;
  Files files_;
  std::vector<std::string> outbound_;
  std::vector<fs::path> read_;
  int host_ = 0, module_ = 0, apply_ = 0;
  lua::State state_;  // Last: its functions use what is above.
};

Stacks::Stacks(Services& services, store::SqliteStore& records, std::vector<Vocabulary> vocabulary)
    : services_(services), records_(records), vocabulary_(std::move(vocabulary)) {}

Result<Value> Stacks::plan(const CallContext& context, const fs::path& file, Sources* sources) {
  Pass pass(*this, context);
  const auto configured = pass.configure(file);
  if (sources) *sources = pass.sources();
  if (!configured) return configured.error();
  auto steps = pass.applied("plan", true);
  if (!steps) return steps;
  return Value(Map{{"stack", pass.name()}, {"steps", std::move(*steps)}});
}

Result<Value> Stacks::apply(const CallContext& context, const fs::path& file, Sources* sources) {
  Pass pass(*this, context);
  const auto configured = pass.configure(file);
  if (sources) *sources = pass.sources();
  if (!configured) return configured.error();
  if (auto kept = pass.remember_outbound(); !kept) return kept.error();
  auto steps = pass.applied("apply", true);
  if (!steps) return steps;
  return Value(Map{{"stack", pass.name()}, {"steps", std::move(*steps)}});
}

Result<Value> Stacks::down(const CallContext& context, const std::string& name) {
  Pass pass(*this, context);
  pass.set_name(name);
  if (auto prepared = pass.prepare(); !prepared) return prepared.error();
  auto steps = pass.applied("down", false);
  if (!steps) return steps;
  if (auto forgotten = pass.remember_outbound(); !forgotten) return forgotten.error();
  return Value(Map{{"stack", name}, {"steps", std::move(*steps)}});
}

void Stacks::read_outbound() {
  std::vector<std::string> hosts;
  const auto read = records_.read([&](Transaction& tx) -> Result<Value> {
    for (const auto& row : tx.query("SELECT DISTINCT host FROM stack_outbound")) hosts.push_back(row["host"].string());
    return Value();
  });
  if (read) allow_(std::move(hosts));
}

Result<Value> Stacks::list(const CallContext& context) {
  return records_.read([&](Transaction& tx) -> Result<Value> {
    List resources;
    for (const auto& row : tx.query("SELECT stack, constructor, type, name, attributes FROM stack_resource "
                                    "WHERE account = ? ORDER BY stack, region, position",
                                    context.identity.account_id)) {
      auto attributes = parse_json(row["attributes"].string());
      if (!attributes) throw std::runtime_error("a stack's record is damaged: " + row["name"].string());
      resources.push_back(Map{{"stack", row["stack"]},
                              {"constructor", row["constructor"]},
                              {"type", row["type"]},
                              {"name", row["name"]},
                              {"attributes", std::move(*attributes)}});
    }
    return Value(Map{{"resources", std::move(resources)}});
  });
}

}  // namespace moonbase::stack
