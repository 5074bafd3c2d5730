// FIFO topics: each subscription gets the messages in the order in which the topic took them. One fiber at a
// time works for a topic. What a subscription cannot take waits in its backlog, and all that comes behind it.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <moonbase/json.hpp>

#include "sns/delivery.hpp"

namespace moonbase::notifications::sns {
namespace {

constexpr std::int64_t messages_max = 100;

// What one subscription is to get in this round, and how far that went.
struct Line {
  Subscription subscription;
  std::vector<std::size_t> messages;
  bool has_backlog = false;
  std::size_t delivered = 0;  // Also what was given up.
  std::int64_t tries = 0;     // Of the message after those.
  std::int64_t due_ms = 0;    // When to try it again.
};

struct Round {
  Topic topic;
  std::vector<Message> messages;
  std::vector<Line> lines;
};

bool has_backlog(Transaction& tx, const Subscription& subscription) {
  const auto& topic = subscription.topic;
  return !tx.query(
                "SELECT position FROM sns_backlog WHERE account = ? AND region = ? AND topic = ? AND subscription = ? "
                "LIMIT 1",
                topic.owner.account, topic.owner.region, topic.name, subscription.id)
              .empty();
}

void append(Transaction& tx, const Subscription& subscription, const Message& message, std::int64_t tries) {
  const auto& topic = subscription.topic;
  const auto last = tx.query(
      "SELECT position FROM sns_backlog WHERE account = ? AND region = ? AND topic = ? AND subscription = ? "
      "ORDER BY position DESC LIMIT 1",
      topic.owner.account, topic.owner.region, topic.name, subscription.id);
  const auto position = last.empty() ? 1 : last.front()[0].integer() + 1;
  tx.query(
      "INSERT INTO sns_backlog (account, region, topic, subscription, position, message, tries) "
      "VALUES (?, ?, ?, ?, ?, ?, ?)",
      topic.owner.account, topic.owner.region, topic.name, subscription.id, position, to_json(keep(message)), tries);
}

void schedule_backlog(Transaction& tx, const Subscription& subscription, Time due) {
  tx.schedule(due, backlog_task, Map{{"SubscriptionArn", subscription.arn()}}, "backlog/" + subscription.arn());
}

// Reads the next messages and who gets them. Nothing to do: no messages.
Result<std::shared_ptr<Round>> read_round(Store& store, const TopicName& name) {
  const auto round = std::make_shared<Round>();
  auto read = store.read([&](Transaction& tx) -> Result<Value> {
    auto topic = find_topic(tx, name);
    if (!topic) return Value();
    round->topic = std::move(*topic);
    for (const auto& row : tx.query("SELECT message FROM sns_outgoing WHERE account = ? AND region = ? AND topic = ? "
                                    "ORDER BY sequence LIMIT ?",
                                    name.owner.account, name.owner.region, name.name, messages_max))
      round->messages.push_back(kept(document(row[0])));
    if (round->messages.empty()) return Value();
    for (auto& subscription : confirmed_subscriptions(tx, name)) {
      const auto filter = subscription.filter();
      Line line;
      for (std::size_t m = 0; m < round->messages.size(); ++m)
        if (const auto& message = round->messages[m];
            filter.matches(message.body_for(subscription.protocol), message.attributes))
          line.messages.push_back(m);
      if (line.messages.empty()) continue;
      line.has_backlog = has_backlog(tx, subscription);
      line.subscription = std::move(subscription);
      round->lines.push_back(std::move(line));
    }
    return Value();
  });
  if (!read) return read.error();
  return round;
}

void deliver_line(Service& service, const Round& round, Line& line) {
  if (line.has_backlog) return;
  for (const auto m : line.messages) {
    const Parcel parcel{round.topic, line.subscription, round.messages[m], 1, service.kernel.clock.now().ms};
    if (const auto due = conclude(service, parcel, try_once(service, parcel, Signed{}))) {
      line.tries = 1;
      line.due_ms = due->ms;
      return;
    }
    ++line.delivered;
  }
}

void finish_round(Transaction& tx, const Round& round) {
  const auto& [owner, name] = round.topic.name;
  tx.query("DELETE FROM sns_outgoing WHERE account = ? AND region = ? AND topic = ? AND sequence <= ?", owner.account,
           owner.region, name, round.messages.back().sequence);
  for (const auto& line : round.lines) {
    for (auto k = line.delivered; k < line.messages.size(); ++k)
      append(tx, line.subscription, round.messages[line.messages[k]], k == line.delivered ? line.tries : 0);
    // A backlog that was there has its task already.
    if (!line.has_backlog && line.delivered < line.messages.size())
      schedule_backlog(tx, line.subscription, Time{line.due_ms});
  }
}

struct Waiting {
  Parcel parcel;
  std::int64_t position = 0;
};
// The first message of the backlog. Nothing where there is none, or nobody who wants it.
Result<std::optional<Waiting>> first_waiting(Store& store, const SubscriptionName& name) {
  std::optional<Waiting> found;
  auto read = store.read([&](Transaction& tx) -> Result<Value> {
    auto topic = find_topic(tx, name.topic);
    auto subscription = find_subscription(tx, name);
    if (!topic || !subscription) return Value();
    const auto rows = tx.query(
        "SELECT position, message, tries FROM sns_backlog WHERE account = ? AND region = ? AND topic = ? AND "
        "subscription = ? ORDER BY position LIMIT 1",
        name.topic.owner.account, name.topic.owner.region, name.topic.name, name.id);
    if (rows.empty()) return Value();
    const auto& row = rows.front();
    found = Waiting{{std::move(*topic), std::move(*subscription), kept(document(row[1])), row[2].integer() + 1, 0},
                    row[0].integer()};
    return Value();
  });
  if (!read) return read.error();
  return found;
}

// Drops the message, or notes the try and when the next one is.
Result<Value> note(Store& store, const Waiting& waiting, const std::optional<Time>& due) {
  const auto& subscription = waiting.parcel.subscription;
  const auto& topic = subscription.topic;
  return store.write([&](Transaction& tx) -> Result<Value> {
    if (!due) {
      tx.query(
          "DELETE FROM sns_backlog WHERE account = ? AND region = ? AND topic = ? AND subscription = ? AND position = "
          "?",
          topic.owner.account, topic.owner.region, topic.name, subscription.id, waiting.position);
      return Value();
    }
    tx.query(
        "UPDATE sns_backlog SET tries = ? WHERE account = ? AND region = ? AND topic = ? AND subscription = ? AND "
        "position = ?",
        waiting.parcel.tries, topic.owner.account, topic.owner.region, topic.name, subscription.id, waiting.position);
    schedule_backlog(tx, subscription, *due);
    return Value();
  });
}

std::int64_t ms_of(const Value& text) {
  // "2027-01-01T00:00:00.000Z", seconds and what is behind them may be left out.
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!text.is_string() ||
      std::sscanf(text.string().c_str(), "%d-%d-%dT%d:%d:%d", &year, &month, &day, &hour, &minute, &second) < 3)
    return 0;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return 0;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * 24LL + hour) * 60 + minute) * 60'000LL + second * 1000LL;
}

}  // namespace

Result<Done> run_fifo(TaskRun& run, Service& service) {
  const auto name = parse_topic_arn(run.payload["TopicArn"].string());
  const TopicLocks::Held held(service.locks, name->arn());
  while (true) {
    const auto round = read_round(run.kernel.store, *name);
    if (!round) return round.error();
    if ((*round)->messages.empty()) return done;
    in_parallel(service.kernel, (*round)->lines.size(),
                [round = *round, &service](std::size_t k) { deliver_line(service, *round, round->lines[k]); });
    auto written = run.kernel.store.write([&](Transaction& tx) -> Result<Value> {
      finish_round(tx, **round);
      return Value();
    });
    if (!written) return written.error();
  }
}

Result<Done> run_backlog(TaskRun& run, Service& service) {
  const auto name = parse_subscription_arn(run.payload["SubscriptionArn"].string());
  const TopicLocks::Held held(service.locks, name->topic.arn());
  while (true) {
    auto waiting = first_waiting(run.kernel.store, *name);
    if (!waiting) return waiting.error();
    if (!*waiting) return done;
    const auto& parcel = (*waiting)->parcel;
    const auto due = conclude(service, parcel, try_once(service, parcel, Signed{}));
    if (auto noted = note(run.kernel.store, **waiting, due); !noted) return noted.error();
    if (due) return done;
  }
}

Result<Done> run_replay(TaskRun& run, Service& service) {
  const auto name = parse_subscription_arn(run.payload["SubscriptionArn"].string());
  const TopicLocks::Held held(service.locks, name->topic.arn());
  std::int64_t after = 0;
  bool more = true;
  while (more) {
    auto copied = run.kernel.store.write([&](Transaction& tx) -> Result<Value> {
      more = false;
      auto subscription = find_subscription(tx, *name);
      if (!subscription) return Value();
      const auto policy = parse_json(subscription->attribute("ReplayPolicy"));
      if (!policy || !policy->is_map()) return Value();
      // Older messages are no longer in the archive, even if nothing has removed them yet.
      const auto topic = find_topic(tx, name->topic);
      if (!topic) return Value();
      const auto oldest_ms = run.kernel.clock.now().ms - topic->archive_days() * day_ms;
      const auto from = std::max(ms_of((*policy)["StartingPoint"]), oldest_ms);
      const auto until = (*policy)["EndingPoint"].is_string() ? ms_of((*policy)["EndingPoint"]) : INT64_MAX;
      const auto filter = subscription->filter();
      auto last = after;
      const auto rows = tx.query(
          "SELECT sequence, message FROM sns_archive WHERE account = ? AND region = ? AND topic = ? AND sequence > ? "
          "AND at_ms >= ? AND at_ms <= ? ORDER BY sequence LIMIT ?",
          name->topic.owner.account, name->topic.owner.region, name->topic.name, after, from, until, messages_max);
      for (const auto& row : rows) {
        last = row[0].integer();
        auto message = kept(document(row[1]));
        message.replayed = true;
        if (filter.matches(message.body_for(subscription->protocol), message.attributes))
          append(tx, *subscription, message, 0);
      }
      more = static_cast<std::int64_t>(rows.size()) == messages_max;
      if (!more) {
        subscription->attributes.set("ReplayStatus", "Completed");
        save_attributes(tx, *subscription);
      }
      schedule_backlog(tx, *subscription, run.kernel.clock.now());
      return Value(last);
    });
    if (!copied) return copied.error();
    if (copied->is_integer()) after = copied->integer();
  }
  return done;
}

}  // namespace moonbase::notifications::sns
