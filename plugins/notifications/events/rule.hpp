// Rules: which events they choose, and what each of their targets is given. Pure but for the rows.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "events/bus.hpp"
#include "patterns/index.hpp"
#include "templates/json_path.hpp"

namespace moonbase::notifications::events {

std::string rule_arn(const BusName& bus, std::string_view rule);
Error no_such_rule(const BusName& bus, std::string_view rule);
// The rule's document, or ResourceNotFoundException.
Result<Value> find_rule(Transaction& tx, const BusName& bus, std::string_view rule);
bool is_enabled(const Value& rule);

// A target, ready for events.
class Target {
 public:
  // The document is what PutTargets was given.
  static Result<Target> compile(const Value& document);

  // What an event brings along.
  struct Occasion {
    const Value& event;
    const std::string& text;  // The event as JSON.
    std::string_view rule_arn, rule_name;
    Time now;
  };
  // An Error: the template makes no JSON of this event.
  Result<std::string> payload(const Occasion& occasion) const;
  // Of Targets::deliver.
  Value options(const Occasion& occasion, int hops) const;

  const std::string& id() const { return document_["Id"].string(); }
  const std::string& arn() const { return document_["Arn"].string(); }
  std::int64_t retries_max() const { return document_["RetryPolicy"]["MaximumRetryAttempts"].integer_or(185); }
  std::int64_t age_ms_max() const {
    return document_["RetryPolicy"]["MaximumEventAgeInSeconds"].integer_or(86400) * 1000;
  }
  std::string dead_letter_arn() const { return document_["DeadLetterConfig"]["Arn"].string_or(""); }
  // It goes over the network and may take its time.
  bool is_slow() const;

 private:
  Value document_;
  std::optional<JsonPath> input_path_;
  std::map<std::string, JsonPath, std::less<>> variables_;
  std::optional<JsonPath> partition_key_;
};

// What is asked of a target when it is put; an Error is AWS's.
Result<Done> check_target(const Value& document);

struct CompiledRule {
  std::string name, arn;
  std::vector<Target> targets;
};
struct CompiledArchive {
  std::string name;
  std::optional<Pattern> pattern;  // None: every event.
};

// All of a bus that events meet. Built once after a change, then read by any thread.
struct CompiledBus {
  BusName name;
  Value document;
  std::vector<CompiledRule> rules;        // Enabled, by name.
  std::vector<std::size_t> with_pattern;  // Positions of rules, as the index counts.
  PatternIndex index{std::vector<Pattern>()};
  std::vector<CompiledArchive> archives;

  const CompiledRule* rule(std::string_view name) const;
  std::vector<const CompiledRule*> matching(const Value& event) const;
};
// Null: there is no such bus.
std::shared_ptr<const CompiledBus> load_bus(Transaction& tx, const BusName& name);

}  // namespace moonbase::notifications::events
