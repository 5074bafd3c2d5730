// Event source mappings: what is polled for which function, and how. Rows and rules, no other I/O.
#pragma once

#include <moonbase/plugin.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lambda/filter.hpp"
#include "lambda/function.hpp"

namespace moonbase::functions {

enum class SourceKind { sqs, dynamodb, kinesis };

struct EventSourceMapping {
  FunctionName function;
  std::string uuid, source_arn;
  bool enabled = true;
  Map configuration;  // Members of GetEventSourceMapping: BatchSize, FilterCriteria, …
  Time start_at, modified_at;
  Map tags;

  SourceKind kind() const;
  bool is_fifo() const { return source_arn.ends_with(".fifo"); }
  std::int64_t number(const char* member, std::int64_t otherwise) const;
  bool flag(const char* member) const;
  bool reports_failures() const;  // FunctionResponseTypes has ReportBatchItemFailures.
  std::string on_failure() const;
  // Queues: how many batches run beside each other at most.
  std::int64_t batches_max() const;
};

std::optional<SourceKind> source_kind(std::string_view arn);
EventSourceMapping mapping_of(const Row& row);
std::optional<EventSourceMapping> find_mapping(Transaction& tx, const std::string& account, const std::string& region,
                                               std::string_view uuid);
void put_mapping(Transaction& tx, const EventSourceMapping& mapping);
// What GetEventSourceMapping shows.
Map describe(const EventSourceMapping& mapping, std::string_view state, std::string_view last_result);

// Takes over what Create or Update says; Create has filled in the source. AWS's refusals.
Result<Done> change_mapping(const Call& call, EventSourceMapping& mapping, bool create);

// The patterns of FilterCriteria.
Result<std::vector<FilterPattern>> filters_of(const Value& criteria);
// A record's event as filters see it: a queue's body and a stream's data as the JSON that they hold.
Value filter_view(SourceKind kind, const Value& event);

}  // namespace moonbase::functions
