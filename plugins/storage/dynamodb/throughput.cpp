#include "throughput.hpp"

#include <algorithm>

#include "items.hpp"

namespace moonbase::dynamodb {
namespace {

// What is short: the table or one of its global indexes (null: the table), for reads or writes.
Error exceeded(const Table& table, const Index* index, const char* operation) {
  const bool provisioned = table.is_provisioned();
  auto resource = table.definition["TableArn"].string();
  if (index) resource += "/index/" + index->name;
  const auto reason = std::string(index ? "Index" : "Table") + operation +
                      (provisioned ? "ProvisionedThroughputExceeded" : "MaxOnDemandThroughputExceeded");
  const Value reasons = List{Map{{"reason", reason}, {"resource", resource}}};
  if (!provisioned) {
    Error error{"ThrottlingException",
                "Throughput exceeds the maximum OnDemandThroughput configured on table or index"};
    error.members.set("throttlingReasons", reasons);
    return error;
  }
  Error error{"ProvisionedThroughputExceededException",
              index
                  ? "The level of configured provisioned throughput for one or more global secondary indexes of the "
                    "table was exceeded. Consider increasing your provisioning level for the under-provisioned global "
                    "secondary indexes with the UpdateTable API"
                  : "The level of configured provisioned throughput for the table was exceeded. Consider increasing "
                    "your provisioning level with the UpdateTable API."};
  error.members.set("ThrottlingReasons", reasons);
  return error;
}

double burst_seconds(const Table& table) {
  return table.is_provisioned() ? provisioned_burst_seconds : on_demand_burst_seconds;
}

// Of reads or of writes.
struct Side {
  Bucket Throughput::*bucket;
  double Table::*of_table;
  double Index::*of_index;
  const char* name;
};
constexpr Side reads = {&Throughput::read, &Table::read_units, &Index::read_units, "Read"};
constexpr Side writes = {&Throughput::write, &Table::write_units, &Index::write_units, "Write"};

Result<Done> admit(const Table& table, const Index* index, const Side& side, Time now) {
  auto& throughput = index ? *index->throughput : *table.throughput;
  const auto units = index ? index->*side.of_index : table.*side.of_table;
  if (!(throughput.*side.bucket).admits(units, burst_seconds(table), now)) return exceeded(table, index, side.name);
  return done;
}

void charge(const Table& table, const Capacity& used, const Side& side) {
  if (!table.throttles) return;
  double own = used.table;
  for (const auto& [name, units] : used.local) own += units;  // A local index lives from its table.
  (*table.throughput.*side.bucket).take(table.*side.of_table, own);
  for (const auto& [name, units] : used.global)
    if (const auto* index = table.find_index(name))
      (*index->throughput.*side.bucket).take(index->*side.of_index, units);
}

}  // namespace

bool Bucket::admits(double units_per_second, double burst_seconds, Time now) {
  if (units_per_second <= 0) return true;
  const std::lock_guard lock(mutex_);
  if (!begun_) {
    begun_ = true;
    units_ = units_per_second;
    filled_ = now;
  }
  const auto seconds = static_cast<double>(std::max<std::int64_t>(0, now.ms - filled_.ms)) / 1000;
  units_ = std::min(units_ + seconds * units_per_second, burst_seconds * units_per_second);
  filled_ = now;
  return units_ > 0;
}

void Bucket::take(double units_per_second, double units) {
  if (units_per_second <= 0) return;
  const std::lock_guard lock(mutex_);
  units_ -= units;
}

Result<Done> admit_read(const Table& table, const Index* index, Time now) {
  if (!table.throttles) return done;
  return admit(table, index && index->global ? index : nullptr, reads, now);
}

Result<Done> admit_write(const Table& table, Time now) {
  if (!table.throttles) return done;
  if (auto admitted = admit(table, nullptr, writes, now); !admitted) return admitted;
  for (const auto& index : table.indexes)
    if (index.global)
      if (auto admitted = admit(table, &index, writes, now); !admitted) return admitted;
  return done;
}

void charge_read(const Table& table, const Capacity& used) { charge(table, used, reads); }
void charge_write(const Table& table, const Capacity& used) { charge(table, used, writes); }

}  // namespace moonbase::dynamodb
