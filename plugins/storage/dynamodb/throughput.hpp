// Provisioned throughput and the maxima of tables on demand, enforced for tables that carry the tag
// `moonbase:throughput` = "enforced".
//
// Each table and each global index has a bucket of read and one of write units. It fills with what is
// provisioned, up to five minutes' worth that were not used, or on demand with a second's maximum; a request is let
// through while anything is in it, and what the request turns out to use may overdraw it.
#pragma once

#include <memory>
#include <moonbase/clock.hpp>
#include <moonbase/result.hpp>
#include <mutex>

namespace moonbase::dynamodb {

struct Capacity;
struct Index;
struct Table;

constexpr double provisioned_burst_seconds = 300, on_demand_burst_seconds = 1;
constexpr auto throughput_tag = "moonbase:throughput";

// Any thread may use it.
class Bucket {
 public:
  // `units_per_second` is 0 where there is no limit.
  bool admits(double units_per_second, double burst_seconds, Time now);
  void take(double units_per_second, double units);

 private:
  std::mutex mutex_;
  bool begun_ = false;
  double units_ = 0;
  Time filled_;
};
struct Throughput {
  Bucket read, write;
};

// ProvisionedThroughputExceededException, or on demand ThrottlingException, where nothing is left. `index` may be null.
Result<Done> admit_read(const Table& table, const Index* index, Time now);
// Of the table and all its global indexes: one that cannot follow holds the table's writes back.
Result<Done> admit_write(const Table& table, Time now);
void charge_read(const Table& table, const Capacity& used);
void charge_write(const Table& table, const Capacity& used);

}  // namespace moonbase::dynamodb
