// StartLiveTail: events of up to ten groups, once a second, while the client listens.
#include <algorithm>
#include <moonbase/event_stream.hpp>
#include <moonbase/json.hpp>

#include "logs/log_group.hpp"
#include "logs/operations_log.hpp"

namespace moonbase::functions {
namespace {

constexpr std::int64_t update_ms = 1000, session_ms = 3 * 3'600'000;

// Names or prefixes, where the client gave any.
std::vector<std::string> texts_of(const Value& list) {
  std::vector<std::string> texts;
  if (list.is_list())
    for (const auto& each : list.list()) texts.push_back(each.string());
  return texts;
}

Result<LiveTailFilter> filter_of(const Call& call) {
  const auto& input = call.input;
  LiveTailFilter filter;
  filter.account = call.context.identity.account_id;
  filter.region = call.context.region;
  filter.streams = texts_of(input["logStreamNames"]);
  filter.stream_prefixes = texts_of(input["logStreamNamePrefixes"]);
  for (const auto& each : input["logGroupIdentifiers"].list()) {
    const auto& arn = each.string();
    if (!arn.starts_with("arn:") || arn.ends_with('*'))
      return log_parameter("A log group is named by its ARN here, without an asterisk at its end: " + arn);
    auto name = group_in_arn(call, arn);
    if (!name) return name.error();
    filter.groups.push_back(std::move(*name));
  }
  if (!filter.streams.empty() && !filter.stream_prefixes.empty())
    return log_parameter("Only one of logStreamNamePrefixes and logStreamNames can be specified.");
  if (filter.groups.size() > 1 && !(filter.streams.empty() && filter.stream_prefixes.empty()))
    return log_parameter("Log streams can be specified for a single log group only.");
  auto pattern = LogPattern::parse(input["logEventFilterPattern"].string_or(""));
  if (!pattern) return pattern.error();
  filter.pattern = std::move(*pattern);
  return filter;
}

Value update_of(const LiveTail::Update& update, const std::string& groups) {
  List results;
  for (const auto& event : update.events)
    results.push_back(Map{{"logGroupIdentifier", groups + event.group},
                          {"logStreamName", event.stream},
                          {"message", event.text},
                          {"timestamp", event.at.ms},
                          {"ingestionTime", event.ingested.ms}});
  return Map{{"sessionMetadata", Map{{"sampled", update.sampled}}}, {"sessionResults", std::move(results)}};
}

// Until the client goes, or three hours have passed.
void run_session(LogStore& logs, LiveTail& session, const Value& started, const std::string& groups,
                 BodyWriter& writer) {
  const auto& clock = logs.kernel().clock;
  std::string out;
  const auto send = [&](std::string_view type, const Value& payload) {
    append_stream_event(out, type, "application/json", to_json(payload));
    const bool sent = writer.write(out);
    out.clear();
    return sent;
  };
  // Protocols whose answer is one JSON document begin a stream with what else is in it: nothing.
  append_stream_event(out, "initial-response", "application/x-amz-json-1.1", "{}");
  if (!send("sessionStart", started)) return;
  auto next = clock.now();
  const Time end{next.ms + session_ms};
  for (;;) {
    next.ms = std::max(next.ms + update_ms, clock.now().ms);
    if (!session.wait(std::min(next, end)) || logs.kernel().activity.waits_have_ended()) return;
    if (clock.now() >= end) {
      append_stream_error(out, {"SessionTimeoutException", "The session has been open for three hours.", {}, 400});
      writer.write(out);
      return;
    }
    logs.flush();
    if (!send("sessionUpdate", update_of(session.take(), groups))) return;
  }
}

Result<Value> start_live_tail(Call& call, LogStore& logs) {
  auto filter = filter_of(call);
  if (!filter) return filter.error();
  const auto found = call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    for (const auto& name : filter->groups) {
      const auto group = require_group(tx, call, name);
      if (!group) return group.error();
      if (group->group_class != "STANDARD")
        return Error{
            "InvalidOperationException", "Live Tail is for log groups of the Standard class: " + name, {}, 400};
    }
    return Value();
  });
  if (!found) return found.error();
  if (!call.http)
    return Error{"InvalidOperationException", "A Live Tail session needs a connection of its own.", {}, 400};
  logs.flush();  // What was logged before is not live.
  auto session = logs.tails().open(std::move(*filter));
  if (!session) return Error{"LimitExceededException", "Resource limit exceeded.", {}, 400};

  Map started{{"requestId", call.context.request_id}, {"sessionId", call.kernel.ids.uuid()}};
  for (const char* member : {"logGroupIdentifiers", "logStreamNames", "logStreamNamePrefixes", "logEventFilterPattern"})
    if (!call.input[member].is_null()) started.set(member, call.input[member]);
  call.http->stream = [&logs, session = std::move(session), started = Value(std::move(started)),
                       groups = call.context.identity.account_id + ":"](BodyWriter& writer) {
    run_session(logs, *session, started, groups, writer);
  };
  return Value(Map{});
}

}  // namespace

void register_live_tail_operations(Registrar& registrar, LogStore& logs) {
  registrar.operation("StartLiveTail", [&logs](Call& call) { return start_live_tail(call, logs); });
}

}  // namespace moonbase::functions
