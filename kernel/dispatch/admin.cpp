#include "dispatch/admin.hpp"

#include "dispatch/calls.hpp"
#include "dispatch/directory.hpp"
#include "dispatch/door.hpp"
#include "journal/journal.hpp"
#include "kernel.hpp"
#include "loop/loops.hpp"
#include "stack/stacks.hpp"
#include "tasks/clock.hpp"
#include "tasks/runner.hpp"
#include "time_text.hpp"

#include <moonbase/json.hpp>

#include <charconv>
#include <chrono>
#include <map>
#include <string>

namespace moonbase::dispatch {
namespace {

constexpr std::string_view prefix = "/_moonbase/";
constexpr std::size_t body_bytes_max = 1 << 20;
constexpr auto advance_patience = std::chrono::seconds(60);
constexpr auto idle_comment_after = std::chrono::seconds(15);
constexpr std::size_t journal_most_default = 1000;

using Parameters = std::map<std::string, std::string>;

Parameters parameters_of(const HttpRequest& request) {
  Parameters parameters;
  for (auto& [name, value] : parse_query(request.query)) parameters[name] = value;
  return parameters;
}

std::string get(const Parameters& parameters, const std::string& name) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? "" : found->second;
}

std::uint64_t get_number(const Parameters& parameters, const std::string& name, std::uint64_t otherwise) {
  const auto text = get(parameters, name);
  std::uint64_t number = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

void answer_json(HttpResponse& response, int status, std::string json) {
  response.status = status;
  response.headers.set("Content-Type", "application/json");
  response.body = std::move(json);
  response.body += '\n';
}

void answer(HttpResponse& response, const Result<Value>& result) {
  if (result) return answer_json(response, 200, to_json(*result));
  const auto& error = result.error();
  answer_json(response, error.status != 0 ? error.status : 400,
              to_json(Value(Map{{"error", error.code}, {"message", error.message}})));
}

Error bad_request(std::string message) { return {"BadRequest", std::move(message), {}, 400}; }

Result<Value> body_of(HttpRequest& request) {
  if (auto read = request.read_body(body_bytes_max); !read) return read.error();
  if (request.body.empty()) return Value(Map{});
  auto body = parse_json(request.body);
  if (!body) return bad_request("The body is not JSON: " + body.error().message);
  if (!body->is_map()) return bad_request("The body is a JSON object.");
  return body;
}

// On whose behalf: an account and region given in the query, as for a signed request.
CallContext context_of(kernel::Kernel& kernel, const HttpRequest& request, const Parameters& parameters) {
  CallContext context;
  context.identity = identity_of(get(parameters, "account"));
  if (const auto region = get(parameters, "region"); !region.empty()) context.region = region;
  context.request_id = kernel.ids().uuid();
  context.base_url = request.base_url();
  context.source_ip = request.source_ip;
  return context;
}

Value clock_value(tasks::PlatformClock& clock) {
  const Time now = clock.now();
  return Map{{"now", iso_8601(now)}, {"now_ms", now.ms}, {"stopped", clock.stopped()}};
}

// {"stop":true}, {"resume":true}, {"set":"2027-01-01T00:00:00Z"}, {"advance":"2h"}; in this order if several.
Result<Value> change_clock(kernel::Kernel& kernel, HttpRequest& request) {
  auto body = body_of(request);
  if (!body) return body;
  auto& clock = kernel.clock();
  for (const auto& [name, value] : body->map())
    if (name != "stop" && name != "resume" && name != "set" && name != "advance")
      return bad_request("The clock takes stop, resume, set and advance, not \"" + name + "\".");
  Time target{};
  const auto& set = (*body)["set"];
  const auto& advance = (*body)["advance"];
  if (!set.is_null()) {
    const auto time = set.is_string() ? parse_iso_8601(set.string()) : std::nullopt;
    if (!time) return bad_request("\"set\" takes a time such as \"2027-01-01T00:00:00Z\".");
    target = *time;
  }
  std::int64_t advance_ms = 0;
  if (!advance.is_null()) {
    const auto duration_ms = advance.is_string()    ? parse_duration_ms(advance.string())
                             : advance.is_integer() ? std::optional(advance.integer() * 1000)
                                                    : std::nullopt;
    if (!duration_ms || *duration_ms < 0)
      return bad_request("\"advance\" takes a duration such as \"2h\", \"90s\" or \"1d12h\".");
    advance_ms = *duration_ms;
  }
  if ((*body)["stop"].is_boolean() && (*body)["stop"].boolean()) clock.stop();
  if ((*body)["resume"].is_boolean() && (*body)["resume"].boolean()) clock.resume();

  int pending = 0;
  const auto patience = MachineTime::clock::now() + advance_patience;
  auto& io = kernel.loops().io();
  if (!set.is_null()) {
    if (target < clock.now()) clock.set(target);
    pending = kernel.tasks().advance_to(io, target, patience);
  }
  if (!advance.is_null()) pending = kernel.tasks().advance_to(io, Time{clock.now().ms + advance_ms}, patience);
  Value now = clock_value(clock);
  if (pending > 0) now.set("pending", pending);
  return now;
}

// Every operation: "built", "partly" (its model is there, parameters answer 501) or "not built".
Value coverage(const Directory& directory, const std::string& only) {
  Map services;
  for (const auto* service : directory.all()) {
    const auto& name = service->model.header().name;
    if (!only.empty() && only != name) continue;
    Map operations;
    int built = 0;
    for (const auto& operation : service->model.service().operations) {
      const bool is_built = service->operations.contains(operation.name);
      built += is_built ? 1 : 0;
      operations.set(operation.name, is_built ? "built" : "not built");
    }
    const auto count = operations.size();
    services.set(name, Map{{"built", built}, {"operations_count", count}, {"operations", std::move(operations)}});
  }
  return Map{{"services", std::move(services)}};
}

void serve_journal(kernel::Kernel& kernel, const HttpRequest& request, HttpResponse& response) {
  const auto parameters = parameters_of(request);
  journal::Filter filter;
  filter.after = get_number(parameters, "after", 0);
  filter.id = get(parameters, "id");
  filter.service = get(parameters, "service");
  filter.operation = get(parameters, "operation");
  filter.account = get(parameters, "account");
  filter.errors_only = get(parameters, "errors") == "true";
  const auto most = get_number(parameters, "most", journal_most_default);
  const bool follow = get(parameters, "follow") == "true" ||
                      request.headers.get("Accept").find("text/event-stream") != std::string_view::npos;
  if (!follow) {
    std::string json = "{\"entries\":[";
    bool first = true;
    for (const auto& entry : kernel.journal().query(filter, most)) {
      if (!first) json += ",\n";
      first = false;
      json += journal::to_json(entry);
    }
    return answer_json(response, 200, json + "]}");
  }
  response.headers.set("Content-Type", "text/event-stream");
  response.headers.set("Cache-Control", "no-store");
  response.stream = [&kernel, filter, most](BodyWriter& out) mutable {
    auto& journal = kernel.journal();
    journal.follow(true);
    struct Unfollow {
      journal::Journal& journal;
      ~Unfollow() { journal.follow(false); }
    } const unfollow{journal};
    // A comment now and then finds out whether anybody still listens; on the machine's time, so that
    // nobody who advances the platform's clock meets it.
    const auto listening = std::make_shared<bool>(true);
    kernel.loops().io().spawn([&kernel, listening] {
      while (*listening) {
        kernel.loops().io().sleep_until(MachineTime::clock::now() + idle_comment_after);
        kernel.journal().written().notify();
      }
    });
    struct Leave {
      std::shared_ptr<bool> listening;
      ~Leave() { *listening = false; }
    } const leave{listening};
    bool open = out.write(": follow\n\n");
    while (open && !kernel.activity().waits_have_ended()) {
      const auto seen = journal.written().version();
      bool idle = true;
      for (const auto& entry : journal.query(filter, most)) {
        idle = false;
        filter.after = entry.sequence;
        open = open && out.write("id: " + std::to_string(entry.sequence) + "\ndata: " + journal::to_json(entry) + "\n\n");
      }
      if (open && idle) open = out.write(": idle\n\n");
      if (open) journal.written().wait(seen, Time{INT64_MAX});
    }
  };
}

Result<Value> serve_stacks(kernel::Kernel& kernel, std::string_view action, HttpRequest& request) {
  const auto context = context_of(kernel, request, parameters_of(request));
  if (action.empty()) return kernel.stacks().list(context);
  auto body = body_of(request);
  if (!body) return body;
  if (action == "down") {
    if (!(*body)["stack"].is_string()) return bad_request("\"stack\" names the stack to delete.");
    return kernel.stacks().down(context, (*body)["stack"].string());
  }
  if (!(*body)["file"].is_string()) return bad_request("\"file\" is the path of the stack.");
  const std::filesystem::path file = (*body)["file"].string();
  if (action == "plan") return kernel.stacks().plan(context, file);
  if (action == "apply") return kernel.stacks().apply(context, file);
  return bad_request("Stacks know plan, apply and down.");
}

// POST /_moonbase/call/SERVICE/OPERATION with the input as AWS JSON.
void serve_call(kernel::Kernel& kernel, std::string_view path, HttpRequest& request, HttpResponse& response) {
  const auto slash = path.find('/');
  if (slash == std::string_view::npos) return answer(response, bad_request("POST /_moonbase/call/SERVICE/OPERATION"));
  if (auto read = request.read_body(64u << 20); !read) return answer(response, read.error());
  const auto context = context_of(kernel, request, parameters_of(request));
  const auto output = kernel.calls().call_json(context, path.substr(0, slash), path.substr(slash + 1),
                                               request.body.empty() ? "{}" : std::string_view(request.body));
  if (!output) return answer(response, output.error());
  answer_json(response, 200, *output);
}

// POST /_moonbase/invoke/FUNCTION with the event.
Result<Value> serve_invoke(kernel::Kernel& kernel, std::string_view function, HttpRequest& request) {
  if (auto read = request.read_body(8u << 20); !read) return read.error();
  Invocation invocation;
  invocation.function = percent_decode(function);
  invocation.payload = request.body.empty() ? "{}" : request.body;
  invocation.log_tail = true;
  const auto outcome =
      kernel.functions().invoke(context_of(kernel, request, parameters_of(request)), std::move(invocation));
  if (!outcome) return outcome.error();
  return Value(Map{{"payload", outcome->payload},
                   {"function_error", outcome->function_error},
                   {"executed_version", outcome->executed_version},
                   {"log", outcome->log_tail}});
}

Value serve_logs(kernel::Kernel& kernel, const HttpRequest& request) {
  const auto parameters = parameters_of(request);
  List lines;
  for (const auto& line : kernel.functions().recent_lines(context_of(kernel, request, parameters),
                                                          get(parameters, "function"),
                                                          get_number(parameters, "after", 0)))
    lines.push_back(Map{
        {"sequence", line.sequence}, {"at", iso_8601(line.at)}, {"function", line.function}, {"text", line.text}});
  return Map{{"lines", std::move(lines)}};
}

}  // namespace

bool Admin::handles(std::string_view path) const { return path.starts_with(prefix); }

void Admin::handle(HttpRequest& request, HttpResponse& response) {
  const std::string_view path = std::string_view(request.path).substr(prefix.size());
  const bool reads = request.method == "GET" || request.method == "HEAD";
  const bool changes = request.method == "POST";
  try {
    if (path == "health" && reads) return answer_json(response, 200, kernel_.health_json());
    if (path == "clock" && reads) return answer(response, clock_value(kernel_.clock()));
    if (path == "clock" && changes) return answer(response, change_clock(kernel_, request));
    if (path == "coverage" && reads)
      return answer(response, coverage(kernel_.directory(), get(parameters_of(request), "service")));
    if (path == "journal" && reads) return serve_journal(kernel_, request, response);
    if (path == "metrics" && reads) {
      response.headers.set("Content-Type", "text/plain; version=0.0.4");
      response.body = kernel_.metrics_text();
      return;
    }
    if (path == "reset" && changes) {
      kernel_.reset(get(parameters_of(request), "account"));
      return answer(response, Value(Map{{"status", "empty"}}));
    }
    if (path == "stacks" && reads) return answer(response, serve_stacks(kernel_, "", request));
    if (path.starts_with("stacks/") && changes) return answer(response, serve_stacks(kernel_, path.substr(7), request));
    if (path.starts_with("invoke/") && changes)
      return answer(response, serve_invoke(kernel_, path.substr(7), request));
    if (path == "logs" && reads) return answer(response, serve_logs(kernel_, request));
    if (path.starts_with("call/") && changes) return serve_call(kernel_, path.substr(5), request, response);
  } catch (const std::exception& failure) {
    kernel_.log().error(request.method + " " + request.path + " failed: " + failure.what());
    return answer(response, Error{"InternalFailure", failure.what(), {}, 500});
  }
  answer(response, Error{"NotFound",
                         "There is " +
                             (reads || changes ? "no " + request.method + " " : "no method " + request.method + " for ") +
                             request.path +
                             ". Moonbase has GET health, clock, coverage, journal, logs, metrics and stacks; POST "
                             "clock, reset, stacks/plan, stacks/apply, stacks/down, invoke/FUNCTION and "
                             "call/SERVICE/OPERATION.",
                         {},
                         404});
}

}  // namespace moonbase::dispatch
