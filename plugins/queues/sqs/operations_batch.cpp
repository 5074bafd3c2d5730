// ChangeMessageVisibilityBatch, DeleteMessageBatch, SendMessageBatch.
#include <algorithm>
#include <set>

#include "errors.hpp"
#include "service.hpp"

namespace moonbase::sqs {
namespace {

constexpr std::size_t entries_max = 10;
constexpr std::size_t batch_bytes_max = 1024 * 1024;

bool is_entry_id(const std::string& id) {
  return !id.empty() && id.size() <= 80 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

// The rules that all batches share. `entry_name` as the older protocol calls an entry.
Result<Done> check_entries(const List& entries, const std::string& entry_name) {
  if (entries.empty())
    return Error{"EmptyBatchRequest", "There should be at least one " + entry_name + " in the request."};
  if (entries.size() > entries_max)
    return Error{"TooManyEntriesInBatchRequest",
                 "Maximum number of entries per request are 10. You have sent " + std::to_string(entries.size()) + "."};
  std::set<std::string> ids;
  for (const auto& entry : entries)
    if (!is_entry_id(entry["Id"].string()))
      return Error{"InvalidBatchEntryId",
                   "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at "
                   "most 80 letters long."};
  for (const auto& entry : entries)
    if (!ids.insert(entry["Id"].string()).second)
      return Error{"BatchEntryIdsNotDistinct", "Id " + entry["Id"].string() + " repeated."};
  return done;
}

Value failed_entry(const Value& entry, const Error& error) {
  return Map{{"Id", entry["Id"]}, {"SenderFault", true}, {"Code", error.code}, {"Message", error.message}};
}

// An answer from one result per entry.
Value describe_results(const List& entries, const std::vector<Result<Done>>& results) {
  List successful, failed;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (results[i])
      successful.push_back(Map{{"Id", entries[i]["Id"]}});
    else
      failed.push_back(failed_entry(entries[i], results[i].error()));
  }
  return Map{{"Successful", std::move(successful)}, {"Failed", std::move(failed)}};
}

}  // namespace

Result<Value> change_message_visibility_batch(Service& service, Call& call) {
  const auto& entries = call.input["Entries"].list();
  if (auto checked = check_entries(entries, "ChangeMessageVisibilityBatchRequestEntry"); !checked)
    return checked.error();
  const auto name = queue_named(call);
  if (!name) return name.error();
  constexpr std::int64_t visibility_seconds_max = 43'200;
  std::vector<VisibilityChange> changes;
  std::vector<Result<Done>> results;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto seconds = entries[i]["VisibilityTimeout"].integer_or(0);
    results.emplace_back(done);
    if (seconds < 0 || seconds > visibility_seconds_max) {
      results.back() =
          invalid_parameter("VisibilityTimeout", std::to_string(seconds), "Must be between 0 and 43200, if provided.");
      continue;
    }
    changes.push_back({entries[i]["ReceiptHandle"].string(), seconds});
    places.push_back(i);
  }
  const auto changed = change(service, call.kernel, *name, changes);
  if (!changed) return changed.error();
  for (std::size_t i = 0; i < places.size(); ++i) results[places[i]] = (*changed)[i];
  return describe_results(entries, results);
}

Result<Value> delete_message_batch(Service& service, Call& call) {
  const auto& entries = call.input["Entries"].list();
  if (auto checked = check_entries(entries, "DeleteMessageBatchRequestEntry"); !checked) return checked.error();
  const auto name = queue_named(call);
  if (!name) return name.error();
  std::vector<std::string> handles;
  for (const auto& entry : entries) handles.push_back(entry["ReceiptHandle"].string());
  const auto removed = remove(service, call.kernel, *name, handles);
  if (!removed) return removed.error();
  return describe_results(entries, *removed);
}

Result<Value> send_message_batch(Service& service, Call& call) {
  const auto& entries = call.input["Entries"].list();
  if (auto checked = check_entries(entries, "SendMessageBatchRequestEntry"); !checked) return checked.error();
  const auto name = queue_named(call);
  if (!name) return name.error();
  const auto queue = service.queues.find(call.kernel.store, *name);
  if (!queue) return queue.error();
  List successful, failed;
  std::vector<Sending> messages;
  std::vector<const Value*> accepted;
  std::size_t bytes = 0;
  for (const auto& entry : entries) {
    auto message = read_outgoing(entry, **queue, call.context);
    bytes += message ? message->bytes : entry["MessageBody"].string().size();
    if (message) {
      messages.push_back({std::move(*message), {}});
      accepted.push_back(&entry);
    } else {
      failed.push_back(failed_entry(entry, message.error()));
    }
  }
  if (bytes > batch_bytes_max)
    return Error{"BatchRequestTooLong", "Batch requests cannot be longer than " + std::to_string(batch_bytes_max) +
                                            " bytes. You have sent " + std::to_string(bytes) + " bytes."};
  if (!messages.empty())
    if (auto sent = send(service, call.kernel, *name, messages); !sent) return sent.error();
  for (std::size_t i = 0; i < messages.size(); ++i) {
    auto described = describe_sent(**queue, messages[i]);
    described.set("Id", (*accepted[i])["Id"]);
    successful.push_back(std::move(described));
  }
  return Value(Map{{"Successful", std::move(successful)}, {"Failed", std::move(failed)}});
}

}  // namespace moonbase::sqs
