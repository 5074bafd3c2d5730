#include "throughput.hpp"

#include <algorithm>

#include "items.hpp"

namespace moonbase::dynamodb {
namespace {

Error table_exceeded() {
  return {"ProvisionedThroughputExceededException",
          "The level of configured provisioned throughput for the table was exceeded. Consider increasing your "
          "provisioning level with the UpdateTable API."};
}
Error index_exceeded() {
  return {"ProvisionedThroughputExceededException",
          "The level of configured provisioned throughput for one or more global secondary indexes of the table was "
          "exceeded. Consider increasing your provisioning level for the under-provisioned global secondary indexes "
          "with the UpdateTable API"};
}

void charge(const Table& table, const Capacity& used, Bucket Throughput::*bucket) {
  if (!table.throttles) return;
  double own = used.table;
  for (const auto& [name, units] : used.local) own += units;  // A local index lives from its table.
  (table.throughput.get()->*bucket).take(own);
  for (const auto& [name, units] : used.global)
    if (const auto* index = table.find_index(name)) (index->throughput.get()->*bucket).take(units);
}

}  // namespace

bool Bucket::admits(double units_per_second, Time now) {
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

void Bucket::take(double units) {
  const std::lock_guard lock(mutex_);
  units_ -= units;
}

Result<Done> admit_read(const Table& table, const Index* index, Time now) {
  if (!table.throttles) return done;
  if (index && index->global) {
    if (!index->throughput->read.admits(index->read_units, now)) return index_exceeded();
    return done;
  }
  if (!table.throughput->read.admits(table.read_units, now)) return table_exceeded();
  return done;
}

Result<Done> admit_write(const Table& table, Time now) {
  if (!table.throttles) return done;
  if (!table.throughput->write.admits(table.write_units, now)) return table_exceeded();
  for (const auto& index : table.indexes)
    if (index.global && !index.throughput->write.admits(index.write_units, now)) return index_exceeded();
  return done;
}

void charge_read(const Table& table, const Capacity& used) { charge(table, used, &Throughput::read); }
void charge_write(const Table& table, const Capacity& used) { charge(table, used, &Throughput::write); }

}  // namespace moonbase::dynamodb
