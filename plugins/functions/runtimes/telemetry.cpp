#include "runtimes/telemetry.hpp"

#include <algorithm>
#include <charconv>
#include <moonbase/json.hpp>
#include <utility>

namespace moonbase::functions {
namespace {

using std::chrono::steady_clock;
constexpr std::size_t early_bytes_max = 256 * 1024;
constexpr int tries_max = 3;
constexpr auto retry_after = std::chrono::milliseconds(100);  // Doubled each time.
constexpr auto send_time_max = std::chrono::seconds(2);
constexpr std::uint16_t reserved_port = 9001;  // As on Lambda.

// What is wrong with a request, all of it.
struct Complaints {
  std::string text;
  void add(const std::string& complaint) { text += (text.empty() ? "" : "; ") + complaint; }
};

// Requests say anything: what is no text is none.
std::string text_in(const Value& value, std::string_view otherwise = "") {
  return value.is_string() ? value.string() : std::string(otherwise);
}

// "http://sandbox.localdomain:8080/path"
void read_uri(std::string_view uri, TelemetrySubscription& subscription, Complaints& wrong) {
  constexpr std::string_view scheme = "http://";
  if (!uri.starts_with(scheme)) return wrong.add("URI scheme should be http");
  uri.remove_prefix(scheme.size());
  const auto slash = std::min(uri.find('/'), uri.size());
  auto host = uri.substr(0, slash);
  if (slash < uri.size()) subscription.path = uri.substr(slash);
  const auto colon = std::min(host.find(':'), host.size());
  const auto port = host.substr(std::min(colon + 1, host.size()));
  host = host.substr(0, colon);
  if (host != "sandbox.localdomain" && host != "sandbox") wrong.add("URI host should be sandbox.localdomain");
  if (port.empty()) return wrong.add("URI port is not provided");
  const auto read = std::from_chars(port.data(), port.data() + port.size(), subscription.port);
  if (read.ec != std::errc() || read.ptr != port.data() + port.size() || subscription.port == 0)
    wrong.add("URI port is not valid");
  const bool plain =
      std::all_of(subscription.path.begin(), subscription.path.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (!plain) wrong.add("URI path is not valid");
}

void read_destination(const Value& destination, TelemetrySubscription& subscription, Complaints& wrong) {
  if (!destination.is_map()) return wrong.add("destination should not be empty");
  const auto protocol = text_in(destination["protocol"]);
  if (protocol == "HTTP") {
    read_uri(text_in(destination["URI"]), subscription, wrong);
    const auto method = text_in(destination["method"], "POST");
    if (method != "POST" && method != "PUT") wrong.add("method should be POST or PUT");
    subscription.put = method == "PUT";
  } else if (protocol == "TCP") {
    subscription.http = false;
    const auto port = destination["port"].is_integer() ? destination["port"].integer() : 0;
    if (port < 1 || port > 65535) return wrong.add("port is not provided");
    subscription.port = static_cast<std::uint16_t>(port);
  } else {
    wrong.add("protocol should be HTTP or TCP");
  }
  if (subscription.port == reserved_port) wrong.add("port 9001 is reserved");
}

std::int64_t read_limit(const Value& buffering, const char* name, std::int64_t otherwise, std::int64_t least,
                        std::int64_t most, Complaints& wrong) {
  const auto& value = buffering.is_map() ? buffering[name] : Value();
  if (value.is_null()) return otherwise;
  const auto number = value.is_integer() ? value.integer() : -1;
  if (number >= least && number <= most) return number;
  wrong.add(std::string(name) + " should be between " + std::to_string(least) + " and " + std::to_string(most));
  return otherwise;
}

}  // namespace

List TelemetrySubscription::types() const {
  List types;
  if (platform) types.push_back("platform");
  if (function) types.push_back("function");
  if (extensions) types.push_back("extension");
  return types;
}

Result<TelemetrySubscription> parse_subscription(std::string_view body, bool logs_api) {
  TelemetrySubscription subscription;
  subscription.logs_api = logs_api;
  Complaints wrong;
  const auto parsed = parse_json(body);
  if (!parsed || !parsed->is_map()) {
    wrong.add("the request is not a JSON object");
  } else {
    const auto& request = *parsed;
    const auto schema = text_in(request["schemaVersion"], logs_api ? "2020-08-15" : "");
    if (logs_api ? schema != "2020-08-15" && schema != "2021-03-18"
                 : schema != "2022-07-01" && schema != "2022-12-13" && schema != "2025-01-29")
      wrong.add("schemaVersion is not supported");
    subscription.runtime_done = !logs_api || schema == "2021-03-18";
    read_destination(request["destination"], subscription, wrong);
    if (!request["types"].is_list() || request["types"].list().empty()) wrong.add("types should not be empty");
    for (const auto& each : request["types"].is_list() ? request["types"].list() : List{}) {
      const auto type = each.is_string() ? each.string() : std::string();
      bool* const wanted = type == "platform"    ? &subscription.platform
                           : type == "function"  ? &subscription.function
                           : type == "extension" ? &subscription.extensions
                                                 : nullptr;
      if (wanted) {
        *wanted = true;
      } else {
        wrong.add("types should be platform, function or extension");
      }
    }
    const auto& buffering = request["buffering"];
    subscription.items_max = static_cast<std::size_t>(read_limit(buffering, "maxItems", 10'000, 1'000, 10'000, wrong));
    subscription.bytes_max =
        static_cast<std::size_t>(read_limit(buffering, "maxBytes", 262'144, 262'144, 1'048'576, wrong));
    subscription.age_max = std::chrono::milliseconds(read_limit(buffering, "timeoutMs", 1'000, 25, 30'000, wrong));
  }
  if (!wrong.text.empty()) return Error{logs_api ? "Logs.ValidationError" : "ValidationError", wrong.text, {}, 400};
  return subscription;
}

std::string Telemetry::event(std::string_view type, Value record) const {
  return to_json(Value(Map{{"time", iso_8601(kernel_.clock.now())}, {"type", type}, {"record", std::move(record)}}));
}

bool Telemetry::wants(const TelemetrySubscription& subscription, Source source, std::string_view type) {
  if (source == Source::function) return subscription.function;
  if (source == Source::extension) return subscription.extensions;
  if (!subscription.platform) return false;
  // The older API knows less of the platform, and says that an invocation has ended.
  if (type == "platform.end" || type == "platform.fault") return subscription.logs_api;
  if (!subscription.logs_api) return true;
  if (type == "platform.runtimeDone") return subscription.runtime_done;
  return !type.starts_with("platform.init") && !type.starts_with("platform.restore");
}

void Telemetry::tell(Source source, std::string_view type, Value record) {
  if (!is_wanted()) return;
  const auto json = event(type, std::move(record));
  if (open_ && early_bytes_ + json.size() <= early_bytes_max) {
    early_bytes_ += json.size();
    early_.push_back({source, std::string(type), json});
  }
  for (const auto& to : subscribers_)
    if (wants(to->what, source, type)) add(*to, json);
}

// Whoever reads too slowly loses what does not fit, and is told so.
void Telemetry::add(Subscriber& to, const std::string& json) {
  if (to.bytes + json.size() > 2 * to.what.bytes_max || to.events.size() >= 2 * to.what.items_max) {
    ++to.dropped;
    to.dropped_bytes += json.size();
    return;
  }
  to.bytes += json.size();
  to.events.push_back(json);
  if (to.events.size() == 1) to.leaves_at = steady_clock::now() + to.what.age_max;
  changes_.notify();
}

void Telemetry::subscribe(TelemetrySubscription subscription) {
  std::erase_if(subscribers_,
                [&](const auto& each) { return each->replaced = each->what.extension == subscription.extension; });
  auto subscriber = std::make_shared<Subscriber>();
  subscriber->what = std::move(subscription);
  for (const auto& early : early_)
    if (wants(subscriber->what, early.source, early.type)) add(*subscriber, early.json);
  subscribers_.push_back(subscriber);
  changes_.notify();
  kernel_.io.spawn([self = shared_from_this(), subscriber] { self->deliver(subscriber); });
}

bool Telemetry::uses_other_api(bool logs_api) const {
  return std::any_of(subscribers_.begin(), subscribers_.end(),
                     [&](const auto& each) { return each->what.logs_api != logs_api; });
}

void Telemetry::init_done() {
  open_ = false;
  early_.clear();
}

void Telemetry::hold(bool held) {
  held_ = held;
  changes_.notify();
}

bool Telemetry::is_sending() const {
  return std::any_of(subscribers_.begin(), subscribers_.end(), [](const auto& each) { return each->sending; });
}

bool Telemetry::flush(MachineTime deadline) {
  flushing_ = true;
  changes_.notify();
  return changes_.wait(
      [this] {
        return std::all_of(subscribers_.begin(), subscribers_.end(),
                           [](const auto& each) { return each->events.empty() && !each->sending; });
      },
      deadline);
}

void Telemetry::stop() {
  stopped_ = true;
  changes_.notify();
}

void Telemetry::deliver(const std::shared_ptr<Subscriber>& to) {
  const auto over = [&] { return stopped_ || to->replaced; };
  const auto due = [&] {
    return !held_ && !to->events.empty() &&
           (flushing_ || to->bytes >= to->what.bytes_max || to->events.size() >= to->what.items_max ||
            steady_clock::now() >= to->leaves_at);
  };
  while (!over()) {
    const bool held = held_;
    const auto leaves_at = to->leaves_at;
    changes_.wait([&] { return over() || due() || held_ != held || to->leaves_at != leaves_at; },
                  held ? MachineTime::max() : leaves_at);
    if (over() || !due()) continue;
    std::vector<std::string> batch{std::make_move_iterator(to->events.begin()),
                                   std::make_move_iterator(to->events.end())};
    to->events.clear();
    const auto bytes = std::exchange(to->bytes, 0);
    to->leaves_at = MachineTime::max();
    to->sending = true;
    bool taken = send(*to, batch);
    for (int tries = 1; !taken && !over() && tries < tries_max; ++tries) {
      kernel_.io.sleep_until(steady_clock::now() + retry_after * (1 << (tries - 1)));
      taken = send(*to, batch);
    }
    to->sending = false;
    if (!taken) {
      to->dropped += batch.size();
      to->dropped_bytes += bytes;
    }
    if (taken && to->dropped > 0 && to->what.platform) {
      const auto dropped = std::exchange(to->dropped, 0), dropped_bytes = std::exchange(to->dropped_bytes, 0);
      add(*to, event("platform.logsDropped",
                     Map{{"reason", "Consumer seems to have fallen behind as it has not acknowledged receipt of logs."},
                         {"droppedRecords", static_cast<std::int64_t>(dropped)},
                         {"droppedBytes", static_cast<std::int64_t>(dropped_bytes)}}));
    }
    changes_.notify();
  }
  if (to->connection) kernel_.io.forget(to->connection.get());
  to->connection.reset();
}

bool Telemetry::send(Subscriber& to, const std::vector<std::string>& events) {
  std::string body = to.what.http ? "[" : "";
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (to.what.http && i > 0) body += ',';
    body += events[i];
    if (!to.what.http) body += '\n';
  }
  const auto deadline = steady_clock::now() + send_time_max;
  if (!to.what.http) return write_to(kernel_.io, to.connection, address_, to.what.port, body, deadline);
  return post_to(kernel_.io, address_, to.what, body + "]", deadline);
}

}  // namespace moonbase::functions
