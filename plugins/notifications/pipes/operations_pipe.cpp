#include <moonbase/json.hpp>

#include "pipes/service.hpp"

namespace moonbase::notifications::pipes {
namespace {

Error no_such_pipe(const PipeName& name) {
  return {"NotFoundException", "Pipe " + name.name + " does not exist.", {}, 404};
}

PipeName name_of(const Call& call) { return {Owner::of(call), call.input["Name"].string()}; }

Result<Value> find_pipe(Transaction& tx, const PipeName& name) {
  const auto rows = tx.query("SELECT document FROM pipe WHERE account = ? AND region = ? AND name = ?",
                             name.owner.account, name.owner.region, name.name);
  if (rows.empty()) return no_such_pipe(name);
  return document(rows.front()[0]);
}

bool runs(const Value& pipe) { return pipe["DesiredState"].string_or("RUNNING") == "RUNNING"; }

void save_pipe(Transaction& tx, const PipeName& name, const Value& pipe) {
  tx.query(
      "INSERT INTO pipe (account, region, name, document, runs) VALUES (?, ?, ?, ?, ?) "
      "ON CONFLICT (account, region, name) DO UPDATE SET document = excluded.document, runs = excluded.runs",
      name.owner.account, name.owner.region, name.name, to_json(pipe), runs(pipe) ? 1 : 0);
}

// What the operations that change a pipe answer; `state` is the one that AWS passes through.
Value answer_of(const Value& pipe, const char* state) {
  Value answer = picked(pipe, {"Arn", "CreationTime", "DesiredState", "LastModifiedTime", "Name"});
  answer.set("CurrentState", state);
  return answer;
}

Value shown(Value pipe) {
  pipe.set("CurrentState", runs(pipe) ? "RUNNING" : "STOPPED");
  return pipe;
}

Result<Done> check_settings(const Call& call) {
  for (const char* name : {"KmsKeyIdentifier", "LogConfiguration"})
    if (!call.input[name].is_null()) return not_implemented("pipes " + std::string(call.operation) + " " + name);
  return done;
}

// Starts or stops the poller as the pipe is now, after it was changed. Two who do so at once might do it in the wrong
// order, so each looks again when it has done it.
void follow(Service& service, const PipeName& name) {
  const auto look = [&]() -> Result<Value> {
    return service.kernel.store.read([&](Transaction& tx) -> Result<Value> {
      auto pipe = find_pipe(tx, name);
      return pipe ? std::move(*pipe) : Value();
    });
  };
  auto pipe = look();
  while (pipe) {
    const bool is_running = !pipe->is_null() && runs(*pipe);
    auto compiled = is_running ? CompiledPipe::compile(name, *pipe) : no_such_pipe(name);
    if (compiled)
      service.pollers.start(service.kernel, std::move(*compiled));
    else
      service.pollers.stop(name);
    auto again = look();
    if (again && *again == *pipe) return;
    pipe = std::move(again);
  }
  service.kernel.log.error("the pipe " + name.name + " cannot be read: " + pipe.error().message);
}

Result<Value> set_state(Call& call, Service& service, const char* desired, const char* passing) {
  const auto name = name_of(call);
  auto written = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto found = find_pipe(tx, name);
    if (!found) return found;
    found->set("DesiredState", desired);
    found->set("LastModifiedTime", call.kernel.clock.now().ms);
    save_pipe(tx, name, *found);
    return answer_of(*found, passing);
  });
  if (written) follow(service, name);
  return written;
}

List tag_list(const Value& map) {
  List tags;
  if (map.is_map())
    for (const auto& [key, value] : map.map()) tags.push_back(Map{{"Key", key}, {"Value", value}});
  return tags;
}

Map tag_map(Transaction& tx, const Owner& owner, std::string_view arn) {
  Map tags;
  for (const auto& tag : tags_of(tx, owner, arn)) tags.set(tag["Key"].string(), tag["Value"]);
  return tags;
}

Result<PipeName> tagged_pipe(Transaction& tx, const std::string& text) {
  const auto arn = parse_arn(text);
  constexpr std::string_view kind = "pipe/";
  if (!arn || arn->service != "pipes" || !arn->resource.starts_with(kind))
    return Error{"ValidationException", "The ARN " + text + " is not valid."};
  PipeName name{arn->owner(), std::string(arn->resource.substr(kind.size()))};
  if (auto found = find_pipe(tx, name); !found) return found.error();
  return name;
}

}  // namespace

void begin(Service& service) {
  std::vector<PipeName> running;
  const auto read = service.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    for (const auto& row : tx.query("SELECT account, region, name FROM pipe WHERE runs = 1"))
      running.push_back({{row[0].string(), row[1].string()}, row[2].string()});
    return Value();
  });
  if (!read) return service.kernel.log.error("the pipes cannot be read: " + read.error().message);
  for (const auto& name : running) follow(service, name);
}

Result<Value> create_pipe(Call& call, Service& service) {
  if (auto good = check_settings(call); !good) return good.error();
  const auto name = name_of(call);
  Value pipe = picked(call.input, {"Description", "DesiredState", "Enrichment", "EnrichmentParameters", "Name",
                                   "RoleArn", "Source", "SourceParameters", "Target", "TargetParameters"});
  if (auto compiled = CompiledPipe::compile(name, pipe); !compiled) return compiled.error();
  if (!call.kernel.sources.source_of(pipe["Source"].string()))
    return not_implemented("pipes CreatePipe Source " + pipe["Source"].string());
  const auto now = call.kernel.clock.now().ms;
  pipe.set("Arn", name.arn());
  pipe.set("DesiredState", call.input["DesiredState"].string_or("RUNNING"));
  pipe.set("CreationTime", now);
  pipe.set("LastModifiedTime", now);
  auto written = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (find_pipe(tx, name)) return Error{"ConflictException", "Pipe " + name.name + " already exists.", {}, 409};
    save_pipe(tx, name, pipe);
    put_tags(tx, name.owner, name.arn(), Value(tag_list(call.input["Tags"])));
    return answer_of(pipe, "CREATING");
  });
  if (written) follow(service, name);
  return written;
}

Result<Value> delete_pipe(Call& call, Service& service) {
  const auto name = name_of(call);
  auto written = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto pipe = find_pipe(tx, name);
    if (!pipe) return pipe;
    tx.query("DELETE FROM pipe WHERE account = ? AND region = ? AND name = ?", name.owner.account, name.owner.region,
             name.name);
    tx.query("DELETE FROM pipe_position WHERE account = ? AND region = ? AND pipe = ?", name.owner.account,
             name.owner.region, name.name);
    remove_all_tags(tx, name.owner, name.arn());
    pipe->set("DesiredState", "DELETED");
    return answer_of(*pipe, "DELETING");
  });
  if (written) follow(service, name);
  return written;
}

Result<Value> describe_pipe(Call& call, Service&) {
  const auto name = name_of(call);
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    auto pipe = find_pipe(tx, name);
    if (!pipe) return pipe;
    auto described = shown(std::move(*pipe));
    described.set("Tags", tag_map(tx, name.owner, name.arn()));
    return described;
  });
}

Result<Value> list_pipes(Call& call, Service&) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const PageRequest request{call.input["NamePrefix"].string_or(""), call.input["Limit"].integer_or(100),
                              call.input["NextToken"].string_or("")};
    const auto page = read_page(tx, "SELECT name, document FROM pipe WHERE account = ? AND region = ?",
                                {owner.account, owner.region}, "name", request);
    if (!page) return Error{"ValidationException", "Invalid NextToken."};
    List pipes;
    for (const auto& row : page->rows) {
      const auto pipe = shown(document(row[1]));
      const auto differs = [&](const char* name) {
        return !call.input[name].is_null() && call.input[name] != pipe[name];
      };
      const auto lacks = [&](const char* prefix, const char* name) {
        return !pipe[name].string().starts_with(call.input[prefix].string_or(""));
      };
      if (differs("CurrentState") || differs("DesiredState") || lacks("SourcePrefix", "Source") ||
          lacks("TargetPrefix", "Target"))
        continue;
      pipes.push_back(picked(pipe, {"Arn", "CreationTime", "CurrentState", "DesiredState", "Enrichment",
                                    "LastModifiedTime", "Name", "Source", "Target"}));
    }
    Map answer{{"Pipes", std::move(pipes)}};
    if (!page->next.empty()) answer.set("NextToken", page->next);
    return Value(std::move(answer));
  });
}

Result<Value> list_tags_for_resource(Call& call, Service&) {
  const auto& arn = call.input["resourceArn"].string();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto name = tagged_pipe(tx, arn);
    if (!name) return name.error();
    return Value(Map{{"tags", tag_map(tx, name->owner, arn)}});
  });
}

Result<Value> start_pipe(Call& call, Service& service) { return set_state(call, service, "RUNNING", "STARTING"); }
Result<Value> stop_pipe(Call& call, Service& service) { return set_state(call, service, "STOPPED", "STOPPING"); }

Result<Value> tag_resource(Call& call, Service&) {
  const auto& arn = call.input["resourceArn"].string();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto name = tagged_pipe(tx, arn);
    if (!name) return name.error();
    put_tags(tx, name->owner, arn, Value(tag_list(call.input["tags"])));
    return Value(Map{});
  });
}

Result<Value> untag_resource(Call& call, Service&) {
  const auto& arn = call.input["resourceArn"].string();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto name = tagged_pipe(tx, arn);
    if (!name) return name.error();
    remove_tags(tx, name->owner, arn, call.input["tagKeys"]);
    return Value(Map{});
  });
}

Result<Value> update_pipe(Call& call, Service& service) {
  if (auto good = check_settings(call); !good) return good.error();
  const auto name = name_of(call);
  auto written = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto found = find_pipe(tx, name);
    if (!found) return found;
    for (auto& [member, value] : picked(call.input, {"Description", "DesiredState", "Enrichment",
                                                     "EnrichmentParameters", "RoleArn", "Target", "TargetParameters"}))
      found->set(member, value);
    // Where reading began stays as it was said.
    if (call.input["SourceParameters"].is_map()) {
      Value parameters = (*found)["SourceParameters"];
      if (parameters.is_null()) parameters = Value(Map{});
      for (const auto& [kind, given] : call.input["SourceParameters"].map()) {
        Value merged = given;
        for (const char* kept : {"StartingPosition", "StartingPositionTimestamp"})
          if (const auto& before = parameters[kind][kept]; !before.is_null()) merged.set(kept, before);
        parameters.set(kind, std::move(merged));
      }
      found->set("SourceParameters", std::move(parameters));
    }
    if (auto compiled = CompiledPipe::compile(name, *found); !compiled) return compiled.error();
    found->set("LastModifiedTime", call.kernel.clock.now().ms);
    save_pipe(tx, name, *found);
    return answer_of(*found, "UPDATING");
  });
  if (written) follow(service, name);
  return written;
}

}  // namespace moonbase::notifications::pipes
