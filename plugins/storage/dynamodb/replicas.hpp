// Global tables: one table in several regions.
//
// Replicas share their items and indexes, so that a write in one region is there in all others at once;
// what is a region's own is its ARN, its tags, its stream and its protection. Each region has a row of
// its own in dynamodb_table, whose hidden member "Regions" names all of them and "OtherStreams" the streams of the
// others. Global tables of version 2017.11.29 are made of tables that were there: "Global2017" says since when.
#pragma once

#include <moonbase/ids.hpp>
#include <moonbase/store.hpp>
#include <string>
#include <vector>

#include "catalog.hpp"

namespace moonbase::dynamodb {

constexpr std::size_t replicas_max = 50;

// All regions, or none where the table has no replicas.
std::vector<std::string> regions_of(const Value& definition);
// "Replicas" as DescribeTable answers them: the other regions.
List describe_replicas(const Table& table);

// Carries out UpdateTable's ReplicaUpdates.
Result<Done> update_replicas(Transaction& tx, const Table& table, Value& definition, const Value& updates, Ids& ids,
                             Time now);
// Joins a region's existing, empty table, whose items are then this table's.
Result<Done> join_replica(Transaction& tx, const Table& table, Value& definition, const std::string& region);
// The reverse, for any region: its table goes on alone, with a copy of the items.
Result<Done> part_replica(Transaction& tx, const Table& table, const std::string& region, Time now);
// Whether a table has no items.
bool is_empty(Transaction& tx, const Table& table);

// A region's table is deleted: the others go on. Answers whether there are any.
bool leave_replicas(Transaction& tx, const Table& table, Time now);
// After one region's definition has changed: what they share follows in the other regions' rows.
void sync_replicas(Transaction& tx, const Table& table, const Value& definition);

}  // namespace moonbase::dynamodb
