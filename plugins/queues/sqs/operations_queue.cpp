// CreateQueue, DeleteQueue, GetQueueAttributes, GetQueueUrl, ListDeadLetterSourceQueues, ListQueueTags,
// ListQueues, PurgeQueue, SetQueueAttributes, TagQueue, UntagQueue.
#include <algorithm>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>

#include "errors.hpp"
#include "service.hpp"

namespace moonbase::sqs {
namespace {

constexpr std::int64_t page_max = 1000;
constexpr std::int64_t minute_ms = 60 * seconds_ms;
constexpr std::size_t tags_max = 50;

// The number of a queue that is new, or new after a purge, with its counter.
std::int64_t take_number(Transaction& tx, const std::string& account, std::int64_t version,
                         std::int64_t next_sequence) {
  const auto rows = tx.query(
      "INSERT INTO sqs_number (account, next) VALUES (?, 2) "
      "ON CONFLICT (account) DO UPDATE SET next = sqs_number.next + 1 RETURNING next",
      account);
  const auto number = rows[0][0].integer() - 1;
  tx.query(
      "INSERT INTO sqs_counter (account, queue, version, next_sequence, messages, expires, fair) "
      "VALUES (?, ?, ?, ?, 0, 0, 0)",
      account, number, version, next_sequence);
  return number;
}

// What is left under a number goes in the background.
void give_up_number(Transaction& tx, const Queue& queue, Time now) {
  tx.query("DELETE FROM sqs_counter WHERE account = ? AND queue = ?", queue.name.account, queue.number);
  tx.unschedule("sqs-expire", queue.name.account + "/" + std::to_string(queue.number));
  tx.schedule(now, "sqs-clear", Map{{"account", queue.name.account}, {"number", queue.number}});
}

std::string dead_letter_name(const Queue& queue) { return queue.redrive ? queue.redrive->target.name : ""; }

// The redrive policy's target must be there and let the queue name it.
Result<Done> check_dead_letter_queue(Transaction& tx, const Queue& queue, const Value& changes) {
  const auto& text = changes["RedrivePolicy"];
  if (!queue.redrive || text.string_or("").empty()) return done;
  const auto target = read_queue(tx, queue.redrive->target);
  if (!target) return invalid_parameter("RedrivePolicy", text.string(), "Dead letter target does not exist.");
  if (!allows_source(*target, queue.name.arn()))
    return invalid_parameter("RedrivePolicy", text.string(),
                             "Queue does not have permission to use dead letter target: " + target->name.arn() + ".");
  return done;
}

Result<Done> check_together(const Queue& queue) {
  if (queue.attributes["FifoThroughputLimit"].string_or("") == "perMessageGroupId" && !queue.deduplicates_by_group)
    return Error{"InvalidAttributeValue",
                 "Invalid value for the parameter FifoThroughputLimit. Reason: To set FifoThroughputLimit to "
                 "perMessageGroupId, the DeduplicationScope must be messageGroup."};
  return done;
}

Result<Done> check_one_encryption(const Value& changes) {
  if (changes["SqsManagedSseEnabled"].string_or("") == "true" && !changes["KmsMasterKeyId"].string_or("").empty())
    return Error{"InvalidAttributeValue",
                 "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or "
                 "SQS SSE."};
  return done;
}

// Tags as CreateQueue and TagQueue take them, added to those that are there.
Result<Done> add_tags(Value& tags, const Value& more) {
  if (tags.is_null()) tags = Map();
  if (more.is_null()) return done;
  for (const auto& [key, value] : more.map()) {
    if (key.empty() || key.size() > 128)
      return invalid_parameter("Tag keys must be between 1 and 128 characters in length.");
    if (value.string_or("").size() > 256)
      return invalid_parameter("Tag values must be between 0 and 256 characters in length.");
    if (key.starts_with("aws:")) return invalid_parameter("Tag keys cannot start with the reserved prefix aws:.");
    tags.set(key, value);
  }
  if (tags.map().size() > tags_max)
    return invalid_parameter("Too many tags added for queue. Maximum number of tags is 50.");
  return done;
}

void save_queue(Transaction& tx, const Queue& queue, Time now) {
  tx.query(
      "UPDATE sqs_queue SET modified_at_ms = ?, attributes = ?, tags = ?, dead_letter_name = ? "
      "WHERE account = ? AND region = ? AND name = ?",
      now, to_json(queue.attributes), to_json(queue.tags), dead_letter_name(queue), queue.name.account,
      queue.name.region, queue.name.name);
  tx.query("UPDATE sqs_counter SET version = version + 1 WHERE account = ? AND queue = ?", queue.name.account,
           queue.number);
}

// A queue of this name is there: that is fine if nothing was asked for that it is not.
Result<Done> check_same(const Queue& existing, const Value& attributes) {
  if (attributes.is_null()) return done;
  for (const auto& [name, value] : attributes.map()) {
    const auto& current = existing.attributes[name];
    const auto is = current.is_null() ? std::string(attribute_default(name, existing.fifo)) : current.string();
    if (is != value.string_or(""))
      return Error{"QueueNameExists",
                   "A queue already exists with the same name and a different value for attribute " + name};
  }
  return done;
}

// Runs `edit` on a copy of the queue, and keeps what it made of it.
template <class Edit>
Result<Value> edit_queue(Service& service, Call& call, const Edit& edit) {
  const auto name = queue_named(call);
  if (!name) return name.error();
  const auto now = call.kernel.clock.now();
  auto written =
      write_queue(service.queues, call.kernel.store, *name, [&](Transaction& tx, const Queue& queue) -> Result<Value> {
        auto edited = queue;
        if (auto checked = edit(tx, edited); !checked) return checked.error();
        save_queue(tx, *make_queue(std::move(edited)), now);
        return Value(Map());
      });
  service.queues.forget(*name);
  return written;
}

std::string page_token(const std::string& name) { return base64(name); }
// A page of queue urls from rows of names, one more than the page holds.
Value describe_page(const Call& call, const QueueName& owner, const char* member, const Rows& rows, std::size_t page,
                    bool tokens) {
  List urls;
  for (std::size_t i = 0; i < std::min(page, rows.size()); ++i)
    urls.push_back(QueueName{owner.account, owner.region, rows[i][0].string()}.url(call.context.base_url));
  Map output = {{member, std::move(urls)}};
  if (tokens && rows.size() > page) output.set("NextToken", page_token(rows[page - 1][0].string()));
  return output;
}

struct Page {
  std::size_t size = page_max;
  std::string after;
  bool tokens = false;  // Only who asks for pages gets tokens.
};
Result<Page> read_page(const Call& call) {
  Page page;
  const auto& size = call.input["MaxResults"];
  page.tokens = !size.is_null();
  if (page.tokens && (size.integer() < 1 || size.integer() > page_max))
    return invalid_parameter("MaxResults", std::to_string(size.integer()), "Must be between 1 and 1000, if provided.");
  page.size = static_cast<std::size_t>(size.integer_or(page_max));
  if (const auto& token = call.input["NextToken"]; !token.is_null()) {
    if (!page.tokens) return invalid_parameter("MaxResults must be provided with NextToken.");
    const auto after = from_base64(token.string());
    if (!after) return invalid_parameter("Invalid or expired next token.");
    page.after = *after;
  }
  return page;
}

}  // namespace

Result<Value> create_queue(Service& service, Call& call) {
  const auto& attributes = call.input["Attributes"];
  const QueueName name{call.context.identity.account_id, call.context.region, call.input["QueueName"].string()};
  const bool fifo = attributes["FifoQueue"].string_or("") == "true";
  if (auto checked = check_queue_name(name.name, fifo); !checked) return checked.error();
  if (auto checked = check_attributes(attributes, fifo, true, name); !checked) return checked.error();
  if (auto checked = check_one_encryption(attributes); !checked) return checked.error();
  Queue asked;
  asked.name = name;
  merge_attributes(asked.attributes, attributes);
  if (auto checked = add_tags(asked.tags, call.input["tags"]); !checked) return checked.error();
  const auto queue = make_queue(std::move(asked));
  if (auto checked = check_together(*queue); !checked) return checked.error();
  const auto now = call.kernel.clock.now();
  std::int64_t created = 0;  // The new queue's number.
  auto written = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    created = 0;
    if (const auto existing = read_queue(tx, name)) {
      if (auto same = check_same(*existing, attributes); !same) return same.error();
      return Value();
    }
    tx.query("DELETE FROM sqs_deleted WHERE account = ? AND region = ? AND deleted_at_ms <= ?", name.account,
             name.region, now.ms - minute_ms);
    // A stack that replaces its own queue is not kept waiting.
    const bool from_outside = call.http != nullptr;
    if (from_outside && !tx.query("SELECT 1 FROM sqs_deleted WHERE account = ? AND region = ? AND name = ?",
                                  name.account, name.region, name.name)
                             .empty())
      return Error{"QueueDeletedRecently",
                   "You must wait 60 seconds after deleting a queue before you can create another with the same name."};
    if (auto checked = check_dead_letter_queue(tx, *queue, attributes); !checked) return checked.error();
    const auto number = take_number(tx, name.account, 1, 1);
    tx.query(
        "INSERT INTO sqs_queue (account, region, name, number, created_at_ms, modified_at_ms, purged_at_ms, "
        "attributes, "
        "tags, dead_letter_name) VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?)",
        name.account, name.region, name.name, number, now, now, to_json(queue->attributes), to_json(queue->tags),
        dead_letter_name(*queue));
    created = number;
    return Value();
  });
  if (!written) return written.error();
  if (created != 0) service.queues.created(name, created);
  return Value(Map{{"QueueUrl", name.url(call.context.base_url)}});
}

Result<Value> delete_queue(Service& service, Call& call) {
  const auto name = queue_named(call);
  if (!name) return name.error();
  const auto now = call.kernel.clock.now();
  Queue gone;
  auto written =
      write_queue(service.queues, call.kernel.store, *name, [&](Transaction& tx, const Queue& queue) -> Result<Value> {
        gone = queue;
        tx.query("DELETE FROM sqs_queue WHERE account = ? AND region = ? AND name = ?", name->account, name->region,
                 name->name);
        give_up_number(tx, queue, now);
        tx.query(
            "INSERT INTO sqs_deleted (account, region, name, deleted_at_ms) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (account, region, name) DO UPDATE SET deleted_at_ms = excluded.deleted_at_ms",
            name->account, name->region, name->name, now);
        return Value(Map());
      });
  if (written) service.queues.drop(gone);
  return written;
}

Result<Value> get_queue_attributes(Service&, Call& call) {
  const auto name = queue_named(call);
  if (!name) return name.error();
  std::vector<std::string> wanted;
  bool all = false;
  if (!call.input["AttributeNames"].is_null()) {
    for (const auto& one : call.input["AttributeNames"].list()) {
      if (one.string() == "All")
        all = true;
      else if (!is_attribute(one.string()))
        return Error{"InvalidAttributeName", "Unknown Attribute " + one.string() + "."};
      else
        wanted.push_back(one.string());
    }
  }
  QueuePointer queue;
  Counts counts;
  auto read = call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    queue = read_queue(tx, *name);
    if (!queue) return no_such_queue();
    counts = count_messages(tx, *queue, call.kernel.clock.now());
    return Value();
  });
  if (!read) return read.error();
  Map shown;
  const auto show = [&](const std::string& attribute, std::string value) {
    const bool asked = all || std::find(wanted.begin(), wanted.end(), attribute) != wanted.end();
    if (asked && !value.empty()) shown.set(attribute, std::move(value));
  };
  show("QueueArn", queue->name.arn());
  show("ApproximateNumberOfMessages", std::to_string(counts.visible));
  show("ApproximateNumberOfMessagesNotVisible", std::to_string(counts.in_flight));
  show("ApproximateNumberOfMessagesDelayed", std::to_string(counts.delayed));
  show("CreatedTimestamp", std::to_string(Time{queue->created_at_ms}.seconds()));
  show("LastModifiedTimestamp", std::to_string(Time{queue->modified_at_ms}.seconds()));
  for (const auto* attribute : {"VisibilityTimeout", "MaximumMessageSize", "MessageRetentionPeriod", "DelaySeconds",
                                "Policy", "ReceiveMessageWaitTimeSeconds", "RedrivePolicy", "RedriveAllowPolicy",
                                "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled", "FifoQueue",
                                "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"}) {
    const auto& set = queue->attributes[attribute];
    show(attribute, set.is_null() ? std::string(attribute_default(attribute, queue->fifo)) : set.string());
  }
  if (shown.empty()) return Value(Map());
  return Value(Map{{"Attributes", std::move(shown)}});
}

Result<Value> get_queue_url(Service& service, Call& call) {
  const auto owner = call.input["QueueOwnerAWSAccountId"].string_or(call.context.identity.account_id);
  const QueueName name{owner, call.context.region, call.input["QueueName"].string()};
  const auto queue = service.queues.find(call.kernel.store, name);
  if (!queue) return queue.error();
  return Value(Map{{"QueueUrl", name.url(call.context.base_url)}});
}

Result<Value> list_dead_letter_source_queues(Service& service, Call& call) {
  const auto name = queue_named(call);
  if (!name) return name.error();
  const auto page = read_page(call);
  if (!page) return page.error();
  const auto queue = service.queues.find(call.kernel.store, *name);
  if (!queue) return queue.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto rows = tx.query(
        "SELECT name FROM sqs_queue WHERE account = ? AND region = ? AND dead_letter_name = ? AND name > ? "
        "ORDER BY name LIMIT ?",
        name->account, name->region, name->name, page->after, page->size + 1);
    return describe_page(call, *name, "queueUrls", rows, page->size, page->tokens);
  });
}

Result<Value> list_queue_tags(Service& service, Call& call) {
  const auto name = queue_named(call);
  if (!name) return name.error();
  const auto queue = service.queues.find(call.kernel.store, *name);
  if (!queue) return queue.error();
  if ((*queue)->tags.map().empty()) return Value(Map());
  return Value(Map{{"Tags", (*queue)->tags}});
}

Result<Value> list_queues(Service&, Call& call) {
  const auto page = read_page(call);
  if (!page) return page.error();
  const QueueName owner{call.context.identity.account_id, call.context.region, {}};
  const auto prefix = call.input["QueueNamePrefix"].string_or("");
  const auto beyond = prefix + "\x7F";  // Names are ASCII.
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto rows = tx.query(
        "SELECT name FROM sqs_queue WHERE account = ? AND region = ? AND name > ? AND name >= ? AND name < ? "
        "ORDER BY name LIMIT ?",
        owner.account, owner.region, page->after, prefix, beyond, page->size + 1);
    if (rows.empty()) return Value(Map());
    return describe_page(call, owner, "QueueUrls", rows, page->size, page->tokens);
  });
}

// The messages stay under a number that nobody uses any more, until they have been cleared away.
Result<Value> purge_queue(Service& service, Call& call) {
  const auto name = queue_named(call);
  if (!name) return name.error();
  const auto now = call.kernel.clock.now();
  Queue before;
  std::int64_t number = 0;
  auto written =
      write_queue(service.queues, call.kernel.store, *name, [&](Transaction& tx, const Queue& queue) -> Result<Value> {
        if (queue.purged_at_ms > 0 && queue.purged_at_ms + minute_ms > now.ms)
          return Error{"PurgeQueueInProgress",
                       "Only one PurgeQueue operation on " + name->name + " is allowed every 60 seconds."};
        before = queue;
        const auto counter = tx.query("SELECT next_sequence FROM sqs_counter WHERE account = ? AND queue = ?",
                                      name->account, queue.number);
        number = take_number(tx, name->account, queue.version + 1, counter[0][0].integer());
        give_up_number(tx, queue, now);
        tx.query("UPDATE sqs_queue SET number = ?, purged_at_ms = ? WHERE account = ? AND region = ? AND name = ?",
                 number, now, name->account, name->region, name->name);
        return Value(Map());
      });
  if (!written) return written;
  service.queues.drop(before);
  service.queues.created(*name, number);
  return written;
}

Result<Value> set_queue_attributes(Service& service, Call& call) {
  const auto& changes = call.input["Attributes"];
  const auto now = call.kernel.clock.now();
  auto written = edit_queue(service, call, [&](Transaction& tx, Queue& queue) -> Result<Done> {
    if (auto checked = check_attributes(changes, queue.fifo, false, queue.name); !checked) return checked;
    if (auto checked = check_one_encryption(changes); !checked) return checked;
    merge_attributes(queue.attributes, changes);
    const auto edited = make_queue(queue);
    if (auto checked = check_together(*edited); !checked) return checked;
    if (auto checked = check_dead_letter_queue(tx, *edited, changes); !checked) return checked;
    if (edited->retention_seconds != queue.retention_seconds) {
      // The task that removes old messages finds its new time.
      tx.query("UPDATE sqs_counter SET expires = 1 WHERE account = ? AND queue = ?", queue.name.account, queue.number);
      tx.schedule(now, "sqs-expire",
                  Map{{"account", queue.name.account}, {"region", queue.name.region}, {"name", queue.name.name}},
                  queue.name.account + "/" + std::to_string(queue.number));
    }
    return done;
  });
  return written;
}

Result<Value> tag_queue(Service& service, Call& call) {
  return edit_queue(service, call,
                    [&](Transaction&, Queue& queue) { return add_tags(queue.tags, call.input["Tags"]); });
}

Result<Value> untag_queue(Service& service, Call& call) {
  return edit_queue(service, call, [&](Transaction&, Queue& queue) -> Result<Done> {
    for (const auto& key : call.input["TagKeys"].list()) queue.tags.map().erase(key.string());
    return done;
  });
}

}  // namespace moonbase::sqs
