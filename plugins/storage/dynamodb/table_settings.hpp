// What a table has beside its keys and indexes: encryption, limits of on-demand throughput, warm throughput, a
// resource policy. Their checks and the form in which they are kept and described. Pure.
#pragma once

#include <moonbase/result.hpp>
#include <moonbase/value.hpp>
#include <string>
#include <string_view>

namespace moonbase::dynamodb {

// --- Encryption ----------------------------------------------------------------------------------

// SSESpecification as SSEDescription; null: the key that AWS owns, which is not described. `table_arn` says whose.
// Nothing is encrypted with the key, nor is it looked up: see README.md.
Result<Value> describe_encryption(const Value& specification, const std::string& table_arn);
// UpdateTable's: the definition's SSEDescription follows.
Result<Done> change_encryption(Value& definition, const Value& specification);

// --- OnDemandThroughput --------------------------------------------------------------------------

// `described` is a table's or an index's definition, `index` its name or empty. A change takes -1 for "no limit".
Result<Done> set_on_demand(Value& described, const Value& limits, bool provisioned, std::string_view index,
                           bool change);

// --- Warm throughput -----------------------------------------------------------------------------

// Read and write units: what was asked for, and at least what the capacity mode begins with.
Value warm_throughput(const Value& described, bool provisioned);
// A table or an index is made, or changed: warm throughput only grows.
Result<Done> set_warm(Value& described, const Value& asked, bool provisioned, std::string_view index, bool change);

// --- Resource policies ---------------------------------------------------------------------------

// {Policy, RevisionId}. Revisions differ, also of one moment.
Result<Value> make_policy(const std::string& policy, const Value& present, std::int64_t now_ms);

}  // namespace moonbase::dynamodb
