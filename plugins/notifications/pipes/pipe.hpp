// Pipes: what becomes of a record on its way. Pure.
#pragma once

#include <cstdint>
#include <moonbase/event_source.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common.hpp"
#include "patterns/pattern.hpp"

namespace moonbase::notifications::pipes {

struct PipeName {
  Owner owner;
  std::string name;
  std::string arn() const { return owner.arn("pipes", "pipe/" + name); }
  friend bool operator==(const PipeName&, const PipeName&) = default;
};

// A record as pipes show it: members of "kinesis" are its own. `parsed` is what paths and filters look at: there
// "body" and "data" that hold JSON are that JSON.
struct PipeEvent {
  Value shown, parsed;
};
PipeEvent event_of(const Value& record);

// A pipe, ready for records.
class CompiledPipe {
 public:
  // The document is what CreatePipe was given; an Error is AWS's.
  static Result<CompiledPipe> compile(PipeName name, const Value& document);

  const PipeName& name() const { return name_; }
  const std::string& source() const { return document_["Source"].string(); }
  const std::string& target() const { return document_["Target"].string(); }
  std::string enrichment() const { return document_["Enrichment"].string_or(""); }

  int batch_size() const { return static_cast<int>(parameters_["BatchSize"].integer_or(is_sqs_ ? 10 : 100)); }
  // How many batches of a shard may be under way at once.
  int lanes() const { return static_cast<int>(parameters_["ParallelizationFactor"].integer_or(1)); }
  std::int64_t window_ms() const { return parameters_["MaximumBatchingWindowInSeconds"].integer_or(0) * 1000; }
  std::int64_t retries_max() const { return parameters_["MaximumRetryAttempts"].integer_or(-1); }  // -1: no end.
  std::int64_t age_seconds_max() const { return parameters_["MaximumRecordAgeInSeconds"].integer_or(-1); }
  bool bisects() const { return !parameters_["OnPartialBatchItemFailure"].is_null(); }
  std::string dead_letter_arn() const { return parameters_["DeadLetterConfig"]["Arn"].string_or(""); }
  SourceStart starts_at() const;
  Time starts_at_time() const { return {parameters_["StartingPositionTimestamp"].integer_or(0)}; }

  bool passes(const PipeEvent& event) const;
  // What the enrichment and the target are given of one event, as JSON.
  std::string enrichment_input(const PipeEvent& event, Time now) const;
  std::string target_input(const PipeEvent& event, Time now) const;
  bool takes_batches() const { return takes_batches_; }  // The target: a list of events at once.
  bool waits_for_answer() const;                         // Of the target.
  // Of Targets::deliver.
  Value enrichment_options() const;
  Value target_options(const PipeEvent& event) const;

 private:
  std::string filled(std::string_view text, const PipeEvent& event, Time now) const;

  PipeName name_;
  Value document_, parameters_;
  bool is_sqs_ = false, takes_batches_ = false;
  std::vector<Pattern> filters_;
};

// The items that a batch's answer names as failed: {"batchItemFailures": [{"itemIdentifier": …}]}.
// Nothing where one has no name: then all have failed.
std::optional<std::vector<std::string>> failed_items(const Value& answer);

}  // namespace moonbase::notifications::pipes
