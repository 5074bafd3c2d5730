#include "pipes/sender.hpp"

#include <algorithm>
#include <moonbase/json.hpp>
#include <set>

namespace moonbase::notifications::pipes {

Sent Sender::send(const CallContext& context, const std::vector<SourceRecord>& records) const {
  Sent sent{std::vector<bool>(records.size(), false), {}};
  std::vector<std::size_t> kept;
  std::vector<PipeEvent> events;
  for (std::size_t i = 0; i < records.size(); ++i) {
    auto event = event_of(records[i].event);
    if (!pipe_.passes(event)) continue;  // Filtered out is dealt with.
    kept.push_back(i);
    events.push_back(std::move(event));
  }
  if (kept.empty()) return sent;
  const auto fail_all = [&](const Error& error) {
    for (const auto each : kept) sent.failed[each] = true;
    sent.error = error;
  };
  if (!pipe_.enrichment().empty()) {
    auto enriched = enrich(context, events);
    if (!enriched) {
      fail_all(enriched.error());
      kernel_.log.warning("the enrichment of the pipe " + pipe_.name().name + " failed: " + sent.error.message);
      return sent;
    }
    // Answers that are one for one keep their records; others stand or fall together.
    if (enriched->size() != kept.size()) {
      if (enriched->empty()) return sent;
      std::vector<SourceRecord> group(enriched->size());
      std::vector<std::size_t> positions(enriched->size());
      for (std::size_t i = 0; i < positions.size(); ++i) positions[i] = i;
      Sent outcome{std::vector<bool>(enriched->size(), false), {}};
      (pipe_.takes_batches() ? send_batch(context, group, positions, *enriched, outcome)
                             : send_each(context, group, positions, *enriched, outcome));
      if (std::find(outcome.failed.begin(), outcome.failed.end(), true) != outcome.failed.end())
        fail_all(outcome.error);
      return sent;
    }
    events = std::move(*enriched);
  }
  if (pipe_.takes_batches())
    send_batch(context, records, kept, events, sent);
  else
    send_each(context, records, kept, events, sent);
  if (!sent.error.code.empty())
    kernel_.log.warning("the target of the pipe " + pipe_.name().name + " failed: " + sent.error.message);
  return sent;
}

Result<std::vector<PipeEvent>> Sender::enrich(const CallContext& context, const std::vector<PipeEvent>& events) const {
  std::string payload = "[";
  for (const auto& event : events) {
    if (payload.size() > 1) payload += ',';
    payload += pipe_.enrichment_input(event, kernel_.clock.now());
  }
  payload += ']';
  const auto answer =
      kernel_.targets.deliver(context, pipe_.enrichment(), std::move(payload), pipe_.enrichment_options());
  if (!answer) return answer.error();
  if (!(*answer)["FunctionError"].is_null())
    return Error{"FunctionError", (*answer)["Payload"].string_or("the function failed")};
  const auto text = (*answer)["Payload"].string_or("");
  std::vector<PipeEvent> enriched;
  if (text.empty() || text == "null") return enriched;
  auto parsed = parse_json(text);
  if (!parsed) return Error{"SerializationException", "The enrichment did not answer JSON."};
  if (!parsed->is_list()) {
    enriched.push_back({*parsed, *parsed});
    return enriched;
  }
  for (auto& each : parsed->list()) enriched.push_back({each, each});
  return enriched;
}

void Sender::send_batch(const CallContext& context, const std::vector<SourceRecord>& records,
                        const std::vector<std::size_t>& kept, const std::vector<PipeEvent>& events, Sent& sent) const {
  std::string payload = "[";
  for (const auto& event : events) {
    if (payload.size() > 1) payload += ',';
    auto input = pipe_.target_input(event, kernel_.clock.now());
    // A template that makes plain text is a string to whoever takes a list.
    if (parse_json(input))
      payload += input;
    else
      append_json_string(payload, input);
  }
  payload += ']';
  const auto fail = [&](Error error) {
    for (const auto each : kept) sent.failed[each] = true;
    sent.error = std::move(error);
  };
  const auto answer =
      kernel_.targets.deliver(context, pipe_.target(), std::move(payload), pipe_.target_options(events.front()));
  if (!answer) return fail(answer.error());
  if (!(*answer)["FunctionError"].is_null())
    return fail({"FunctionError", (*answer)["Payload"].string_or("the function failed")});
  const auto body = parse_json((*answer)["Payload"].string_or("null"));
  const auto failed = body && body->is_map() ? failed_items(*body) : std::vector<std::string>();
  if (!failed) return fail({"FunctionError", "the function named an item without an identifier"});
  const std::set<std::string> names(failed->begin(), failed->end());
  for (const auto each : kept)
    if (names.contains(records[each].item_id)) {
      sent.failed[each] = true;
      sent.error = {"FunctionError", "the function reported items that failed"};
    }
}

void Sender::send_each(const CallContext& context, const std::vector<SourceRecord>& records,
                       const std::vector<std::size_t>& kept, const std::vector<PipeEvent>& events, Sent& sent) const {
  // Nothing overtakes what has failed: in a queue within its group, in a stream at all.
  std::set<std::string> stopped_groups;
  bool stream_stopped = false;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const auto& record = records[kept[i]];
    if (stream_stopped || (!record.group.empty() && stopped_groups.contains(record.group))) {
      sent.failed[kept[i]] = true;
      continue;
    }
    const auto delivered = kernel_.targets.deliver(
        context, pipe_.target(), pipe_.target_input(events[i], kernel_.clock.now()), pipe_.target_options(events[i]));
    if (delivered) continue;
    sent.failed[kept[i]] = true;
    sent.error = delivered.error();
    stopped_groups.insert(record.group);
    stream_stopped = !is_queue_;
  }
}

}  // namespace moonbase::notifications::pipes
