#include "runtimes/runtime_api.hpp"

#include <algorithm>
#include <charconv>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>

#include "runtimes/telemetry.hpp"

namespace moonbase::functions {
namespace {

constexpr std::string_view runtime_prefix = "/2018-06-01/runtime/";
constexpr std::string_view extension_prefix = "/2020-01-01/extension/";
// Our own runtimes' way to say "and now /next", one round trip an invocation, and how long the handler took.
constexpr std::string_view then_next_header = "moonbase-runtime-next";
constexpr std::string_view handler_us_header = "moonbase-runtime-handler-us";
constexpr std::size_t small_body_bytes_max = 256 * 1024;
constexpr std::size_t streamed_bytes_max = 200 * 1024 * 1024;  // As on Lambda.
constexpr std::size_t stream_step_bytes = 64 * 1024;

// JSON whose line ends, which are only space, would end a header.
std::string on_one_line(std::string_view json) {
  std::string line(json);
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return line;
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

}  // namespace

void RuntimeApi::reply(HttpResponse& response, int status, const Value& body) {
  response.status = status;
  response.headers.set("Content-Type", "application/json");
  response.body = to_json(body);
}

void RuntimeApi::refuse(HttpResponse& response, int status, std::string_view type, std::string_view message) {
  reply(response, status, Value(Map{{"errorMessage", message}, {"errorType", type}}));
}

void RuntimeApi::accepted(HttpResponse& response) { reply(response, 202, Value(Map{{"status", "OK"}})); }

// Header values come from outside and go into logs and answers.
std::string RuntimeApi::error_type_of(const HttpHeaders& headers, std::string_view name, std::string_view otherwise) {
  const auto text = headers.get(name);
  return text.empty() || text.size() > 256 ? std::string(otherwise) : std::string(text);
}

void RuntimeApi::handle(HttpRequest& request, HttpResponse& response) {
  auto& environment = *environment_;
  if (!environment.listener_ || !comes_from_inside(request))
    return refuse(response, 403, "Forbidden", "this API belongs to another execution environment");
  std::string_view path = request.path;
  const bool get = request.method == "GET", post = request.method == "POST";
  if (path.starts_with(runtime_prefix)) {
    path.remove_prefix(runtime_prefix.size());
    if (path == "invocation/next" && get) return next(request, response);
    if (path == "init/error" && post) return init_error(request, response);
    if (environment.snap_starts && path == "restore/next" && get) return restore_next(response);
    if (environment.snap_starts && path == "restore/error" && post) return restore_error(request, response);
    if (path.starts_with("invocation/") && post) {
      path.remove_prefix(11);
      const auto slash = path.find('/');
      const auto id = path.substr(0, slash);
      const auto what = slash == path.npos ? std::string_view() : path.substr(slash + 1);
      if (what == "response") return answer(request, response, id);
      if (what == "error") return error(request, response, id);
    }
  } else if (path.starts_with(extension_prefix)) {
    path.remove_prefix(extension_prefix.size());
    if (path == "register" && post) return register_extension(request, response);
    if (path == "event/next" && get) return next_event(request, response);
    if (path == "init/error" && post) return extension_error(request, response, true);
    if (path == "exit/error" && post) return extension_error(request, response, false);
  } else if (request.method == "PUT") {
    while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    if (path == "/2022-07-01/telemetry") return subscribe(request, response, false);
    if (path == "/2020-08-15/logs") return subscribe(request, response, true);
  }
  response.status = 404;
  response.headers.set("Content-Type", "text/plain; charset=utf-8");
  response.body = "404 page not found\n";
}

bool RuntimeApi::comes_from_inside(const HttpRequest& request) const {
  auto& environment = *environment_;
  // Over the connection that its runtime was started with.
  if (request.source_ip.empty()) return true;
  return peer_belongs_to(request.source_port, environment.listener_->port(), environment.root_.pid(),
                         environment.trusted_sockets_);
}

bool RuntimeApi::is_current(std::string_view id) const {
  const auto& current = environment_->current_;
  return environment_->invoking_ && current.taken && !current.done && !current.responding && current.request_id == id;
}

void RuntimeApi::next(HttpRequest& request, HttpResponse& response) {
  auto& environment = *environment_;
  if (environment.runtime_started_ && !environment.init_done_)
    environment.user_agent = request.headers.get("user-agent");
  if (environment.invoking_ && environment.current_.taken && !environment.current_.done)
    return refuse(response, 403, "InvalidStateTransition", "the invocation has no response yet");
  // Whoever asked before has gone, or asks twice: the newest is answered.
  const auto mine = ++environment.next_calls_;
  environment.runtime_waiting_ = true;
  environment.changes_.notify();
  environment.changes_.wait(
      [&] {
        return environment.closed_ || mine != environment.next_calls_ ||
               (environment.invoking_ && environment.current_.request && !environment.current_.taken);
      },
      MachineTime::max());
  if (mine != environment.next_calls_)
    return refuse(response, 403, "InvalidStateTransition", "another call of /next took this one's place");
  // Our own runtimes let the function hear of SIGTERM then.
  if (environment.closed_) return refuse(response, 410, "Runtime.Shutdown", "the environment ends");

  environment.runtime_waiting_ = false;
  auto& current = environment.current_;
  current.taken = true;
  const auto& invocation = *current.request;
  response.headers.set("Content-Type", "application/json");
  response.headers.set("Lambda-Runtime-Aws-Request-Id", current.request_id);
  response.headers.set("Lambda-Runtime-Deadline-Ms", std::to_string(invocation.deadline_ms));
  response.headers.set("Lambda-Runtime-Invoked-Function-Arn", std::string(invocation.function_arn));
  response.headers.set("Lambda-Runtime-Trace-Id", std::string(invocation.trace_id));
  if (!invocation.client_context.empty())
    response.headers.set("Lambda-Runtime-Client-Context", on_one_line(invocation.client_context));
  response.body = invocation.event;
}

void RuntimeApi::answer(HttpRequest& request, HttpResponse& response, std::string_view id) {
  auto& environment = *environment_;
  if (!is_current(id)) return refuse(response, 400, "InvalidRequestID", "Invalid request ID");
  auto& current = environment.current_;
  current.responding = true;
  current.responded = environment.kernel_.clock.now();
  current.answer.content_type = request.headers.get("content-type");
  if (request.headers.get("lambda-runtime-function-response-mode") == "streaming") return stream(request, response);

  // A body that never ends, or is too long, is this environment's own trouble: the deadline counts on.
  const auto read = request.read_body(response_bytes_max);
  if (!environment.invoking_ || current.request_id != id)
    return refuse(response, 400, "InvalidRequestID", "Invalid request ID");
  if (!read) {
    const bool too_large = read.error().status == 413 || read.error().code == "RequestEntityTooLargeException";
    if (!too_large) {
      current.responding = false;
      return refuse(response, 400, "RequestReadError", read.error().message);
    }
    const auto message = "Exceeded maximum allowed payload size (" + std::to_string(response_bytes_max) + " bytes).";
    current.answer.kind = RuntimeEnvironment::Answer::Kind::failure;
    current.answer.error_type = "Function.ResponseSizeTooLarge";
    current.answer.body =
        to_json(Value(Map{{"errorType", "Function.ResponseSizeTooLarge"},
                          {"errorMessage", "Response payload size exceeded maximum allowed payload size (" +
                                               std::to_string(response_bytes_max) + " bytes)."}}));
    current.done = true;
    environment.changes_.notify();
    return refuse(response, 413, "RequestEntityTooLarge", message);
  }
  current.answer.kind = RuntimeEnvironment::Answer::Kind::answer;
  current.answer.body = std::move(request.body);
  current.produced_bytes = current.answer.body.size();
  current.answer.handler_us = number_of(request.headers.get(handler_us_header));
  current.done = true;
  environment.changes_.notify();
  taken(request, response);
}

void RuntimeApi::taken(HttpRequest& request, HttpResponse& response) {
  if (request.headers.contains(then_next_header)) return next(request, response);
  accepted(response);
}

void RuntimeApi::stream(HttpRequest& request, HttpResponse& response) {
  auto& environment = *environment_;
  auto& current = environment.current_;
  const auto id = current.request_id;
  auto& answer = current.answer;
  answer.kind = RuntimeEnvironment::Answer::Kind::answer;
  const auto still_current = [&] {
    return environment.invoking_ && current.request && current.request_id == id && !environment.closed_;
  };
  std::size_t bytes = 0;
  const auto limit = current.request->sink ? streamed_bytes_max : response_bytes_max;
  const auto take = [&](std::string_view part) {
    current.produced_bytes = bytes += part.size();
    if (bytes > limit) return false;
    if (!current.request->sink) {
      answer.body.append(part);
      return true;
    }
    answer.streamed = true;
    // Nobody listens any more: the function goes on all the same, as on Lambda.
    current.sending = true;
    struct Sent {
      RuntimeEnvironment& environment;
      ~Sent() {
        environment.current_.sending = false;
        environment.changes_.notify();
      }
    } sent{environment};
    (*current.request->sink)(part, answer.content_type);
    return true;
  };
  bool fits = take(request.body), whole = true;
  if (!still_current()) return refuse(response, 400, "InvalidRequestID", "Invalid request ID");
  while (fits && request.reader) {
    auto part = request.reader->read(stream_step_bytes);
    if (!still_current()) return refuse(response, 400, "InvalidRequestID", "Invalid request ID");
    if (!part) {
      whole = false;
      break;
    }
    if (part->empty()) break;
    fits = take(*part);
    if (!still_current()) return refuse(response, 400, "InvalidRequestID", "Invalid request ID");
  }
  if (!fits) {
    answer.error_type = "Function.ResponseSizeTooLarge";
  } else if (!whole) {
    answer.error_type = "Runtime.TruncatedResponse";
  } else if (request.reader) {
    const auto trailers = request.reader->trailers();
    answer.error_type = error_type_of(trailers, "lambda-runtime-function-error-type", "");
    if (!answer.error_type.empty() && !answer.streamed) {
      answer.kind = RuntimeEnvironment::Answer::Kind::failure;
      const auto body = from_base64(trailers.get("lambda-runtime-function-error-body"));
      answer.body = body ? *body : to_json(Value(Map{{"errorType", answer.error_type}, {"errorMessage", ""}}));
    }
  }
  if (!answer.error_type.empty() && answer.kind == RuntimeEnvironment::Answer::Kind::answer && !answer.streamed) {
    answer.kind = RuntimeEnvironment::Answer::Kind::failure;
    answer.body = to_json(Value(Map{{"errorType", answer.error_type}, {"errorMessage", "The response ended early."}}));
  }
  current.done = true;
  environment.changes_.notify();
  if (!fits) return refuse(response, 413, "RequestEntityTooLarge", "Exceeded maximum allowed payload size.");
  accepted(response);
}

void RuntimeApi::error(HttpRequest& request, HttpResponse& response, std::string_view id) {
  auto& environment = *environment_;
  if (!is_current(id)) return refuse(response, 400, "InvalidRequestID", "Invalid request ID");
  auto& current = environment.current_;
  current.responding = true;
  const auto read = request.read_body(response_bytes_max);
  if (!environment.invoking_ || current.request_id != id)
    return refuse(response, 400, "InvalidRequestID", "Invalid request ID");
  auto& answer = current.answer;
  answer.kind = RuntimeEnvironment::Answer::Kind::failure;
  answer.error_type = error_type_of(request.headers, "lambda-runtime-function-error-type", "Runtime.Unknown");
  answer.body = read ? std::move(request.body)
                     : to_json(Value(Map{{"errorType", answer.error_type}, {"errorMessage", read.error().message}}));
  current.done = true;
  environment.changes_.notify();
  taken(request, response);
}

void RuntimeApi::init_error(HttpRequest& request, HttpResponse& response) {
  auto& environment = *environment_;
  if (environment.init_done_ || environment.init_error_ || !environment.runtime_started_)
    return refuse(response, 403, "InvalidStateTransition", "State transition is not allowed");
  const auto type = error_type_of(request.headers, "lambda-runtime-function-error-type", "Runtime.Unknown");
  const auto read = request.read_body(small_body_bytes_max);
  environment.init_error_ = RuntimeEnvironment::Init{
      RuntimeEnvironment::Init::Kind::failed,
      read && !request.body.empty()
          ? std::move(request.body)
          : to_json(Value(Map{{"errorType", type}, {"errorMessage", "the runtime gave no reason"}})),
      type};
  environment.changes_.notify();
  accepted(response);
}

RuntimeEnvironment::Extension* RuntimeApi::extension_of(HttpRequest& request, HttpResponse& response) {
  const auto id = request.headers.get("lambda-extension-identifier");
  if (id.empty()) {
    refuse(response, 403, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header");
    return nullptr;
  }
  for (auto& extension : environment_->extensions_)
    if (extension.registered && extension.id == id) return &extension;
  refuse(response, 403, "Extension.UnknownExtensionIdentifier", "Unknown extension " + std::string(id.substr(0, 64)));
  return nullptr;
}

void RuntimeApi::register_extension(HttpRequest& request, HttpResponse& response) {
  auto& environment = *environment_;
  const std::string name(request.headers.get("lambda-extension-name"));
  if (name.empty() || name.size() > 128)
    return refuse(response, 403, "Extension.InvalidExtensionName", "Invalid extension name");
  if (const auto read = request.read_body(small_body_bytes_max); !read)
    return refuse(response, 400, "InvalidRequestFormat", read.error().message);
  const auto body = parse_json(request.body);
  const bool good = body && body->is_map() && ((*body)["events"].is_list() || (*body)["events"].is_null());
  if (!good) return refuse(response, 400, "InvalidRequestFormat", "Could not parse the registration");
  if (environment.init_done_)
    return refuse(response, 403, "Extension.RegistrationClosed", "Extension registration closed already");
  auto& all = environment.extensions_;
  auto found = std::find_if(all.begin(), all.end(), [&](const auto& extension) { return extension.name == name; });
  if (found != all.end() && found->registered)
    return refuse(response, 403, "Extension.AlreadyRegistered", "Extension " + name + " is registered already");
  RuntimeEnvironment::Extension candidate;
  if (found != all.end()) candidate = *found;
  candidate.name = name;
  candidate.invoke_events = candidate.shutdown_events = false;
  const List none;
  for (const auto& event : (*body)["events"].is_list() ? (*body)["events"].list() : none) {
    const bool text = event.is_string();
    if (text && event.string() == "INVOKE") {
      candidate.invoke_events = true;
    } else if (text && event.string() == "SHUTDOWN" && candidate.external) {
      candidate.shutdown_events = true;
    } else {
      return refuse(response, 400, "Extension.InvalidEventType",
                    text && event.string() == "SHUTDOWN" ? "SHUTDOWN event not supported for internal extensions"
                                                         : "Invalid event type");
    }
  }
  if (found == all.end()) {
    // An internal extension, begun by the runtime.
    if (all.size() >= extensions_max)
      return refuse(response, 403, "Extension.TooManyExtensions", "Extension limit (10) reached");
    all.push_back({});
    found = all.end() - 1;
  }
  *found = std::move(candidate);
  found->registered = true;
  found->id = environment.kernel_.ids.uuid();
  response.headers.set("Lambda-Extension-Identifier", found->id);
  Map answer{{"functionName", environment.launch_->function_name},
             {"functionVersion", environment.launch_->function_version},
             {"handler", environment.launch_->handler}};
  if (request.headers.get("lambda-extension-accept-feature").find("accountId") != std::string_view::npos)
    answer.set("accountId", environment.launch_->account);
  environment.changes_.notify();
  reply(response, 200, Value(std::move(answer)));
}

void RuntimeApi::next_event(HttpRequest& request, HttpResponse& response) {
  auto& environment = *environment_;
  auto* extension = extension_of(request, response);
  if (!extension) return;
  const std::string id = extension->id;
  extension->waiting = true;
  environment.changes_.notify();
  // Others may register meanwhile: it is looked up each time.
  const auto find = [&]() -> RuntimeEnvironment::Extension& {
    return *std::find_if(environment.extensions_.begin(), environment.extensions_.end(),
                         [&](const auto& each) { return each.id == id; });
  };
  const auto invoked = [&] { return find().invoke_events && find().event_sent < environment.events_; };
  const auto stopping = [&] { return environment.stopping_; };
  environment.changes_.wait([&] { return stopping() || invoked(); }, MachineTime::max());
  auto& mine = find();
  mine.waiting = false;
  mine.event_sent = environment.events_;
  response.headers.set("Lambda-Extension-Event-Identifier", environment.kernel_.ids.uuid());
  response.headers.set("Content-Type", "application/json");
  if (stopping()) {
    if (!mine.shutdown_events) return refuse(response, 403, "InvalidStateTransition", "the environment is gone");
    response.body = to_json(Value(Map{{"eventType", "SHUTDOWN"},
                                      {"shutdownReason", environment.shutdown_reason_},
                                      {"deadlineMs", environment.shutdown_deadline_ms_}}));
    return;
  }
  response.body = environment.invoke_event_;
}

void RuntimeApi::extension_error(HttpRequest& request, HttpResponse& response, bool init) {
  auto& environment = *environment_;
  auto* extension = extension_of(request, response);
  if (!extension) return;
  const auto type = error_type_of(request.headers, "lambda-extension-function-error-type", "");
  if (type.empty()) return refuse(response, 400, "InvalidRequestFormat", "Missing error type header");
  if (init == environment.init_done_)
    return refuse(response, 403, "InvalidStateTransition", "State transition is not allowed");
  const std::string why = init ? "Extension.InitError" : "Extension.ExitError";
  if (environment.shutdown_reason_.empty()) {
    if (init)
      environment.init_error_ = RuntimeEnvironment::Init{
          RuntimeEnvironment::Init::Kind::failed, to_json(Value(Map{{"errorType", type}, {"errorMessage", why}})), why};
    environment.ended_ = true;
    environment.ending_ = {false, 1};
  }
  environment.changes_.notify();
  accepted(response);
}

void RuntimeApi::subscribe(HttpRequest& request, HttpResponse& response, bool logs_api) {
  auto& environment = *environment_;
  const std::string api = logs_api ? "Logs" : "Telemetry";
  const auto* extension = extension_of(request, response);
  if (!extension) return;
  const auto name = extension->name;
  if (const auto read = request.read_body(small_body_bytes_max); !read)
    return refuse(response, 400, logs_api ? "Logs.ValidationError" : "ValidationError", read.error().message);
  if (environment.init_done_ || environment.ended())
    return refuse(response, 403, api + ".SubscriptionClosed", api + " API subscription is closed already");
  auto& subscriptions = *environment.subscriptions_;
  if (subscriptions.uses_other_api(logs_api))
    return refuse(
        response, 403, api + ".SubscriptionClosed",
        "this environment is subscribed through the " + std::string(logs_api ? "Telemetry" : "Logs") + " API");
  auto subscription = parse_subscription(request.body, logs_api);
  if (!subscription)
    return refuse(response, subscription.error().status, subscription.error().code, subscription.error().message);
  subscription->extension = name;
  auto types = subscription->types();
  std::string names;
  for (const auto& type : types) {
    auto word = type.string();
    word.front() = static_cast<char>(word.front() - 'a' + 'A');
    names += (names.empty() ? "" : ", ") + word;
  }
  subscriptions.subscribe(std::move(*subscription));
  environment.platform(
      logs_api ? "platform.logsSubscription" : "platform.telemetrySubscription",
      {{"name", name}, {"state", "Subscribed"}, {"types", std::move(types)}}, RuntimeEnvironment::Level::info,
      (logs_api ? "LOGS\tName: " : "TELEMETRY\tName: ") + name + "\tState: Subscribed\tTypes: [" + names + "]");
  reply(response, 200, Value("OK"));
}

}  // namespace moonbase::functions
