// The DynamoDB service: what its operations share, and the operations.
#pragma once

#include <functional>
#include <memory>
#include <moonbase/plugin.hpp>
#include <string>
#include <string_view>

#include "catalog.hpp"
#include "dax.hpp"
#include "items.hpp"
#include "request.hpp"
#include "stream_source.hpp"

namespace moonbase::dynamodb {

// One per plugin. Any thread may use it.
struct Service {
  Catalog tables;
  ExpressionCache expressions;
  StreamSignals stream_signals;
  Dax dax;
  std::unique_ptr<StreamSource> stream_source;
};

// Texts that the build embeds into the plugin.
struct Sources {
  std::string_view model, streams_model, schema, recovery_schema, views;
};

// Registers both models, the schema and every operation that is built.
void load(Registrar& registrar, const std::shared_ptr<Service>& service, const Sources& sources);

// Runs `body` in a write transaction in which `table` is the named table as it is; again with the
// table's new definition when it was changed in the meantime. The body says what it wrote.
using TableBody = std::function<Result<Value>(Transaction&, const Table&, Written&)>;
Result<Value> write_table(Service& service, Call& call, const TableName& name, const TableBody& body);

// The same for several tables, which may be the same one more than once.
using Tables = std::vector<TablePointer>;
using TablesBody = std::function<Result<Value>(Transaction&, const Tables&, std::vector<Written>&)>;
Result<Value> write_tables(Service& service, Call& call, const std::vector<TableName>& names, const TablesBody& body);

// After a commit: the table's size has changed, and its stream.
void note_written(Service& service, const Table& table, const Written& written);

Error conditional_check_failed(const Value& return_values, const StoredItem* item);

// Steps of UpdateItem that transactions share.
Result<Done> check_keeps_key(const Table& table, const BoundExpression& update);
Result<StoredItem> updated_item(const Table& table, const BoundExpression& update, const StoredItem* before,
                                const Map& key);

// The definition as clients see it.
Value described(const Table& table);
// Counts what was not counted since this process began; from then on the writes keep count.
Result<Done> count_items(Store& store, const Table& table);
// Changes a table's definition; the Error rolls it back.
using Change = std::function<Result<Value>(Transaction&, const Table&, Value& definition)>;
Result<Value> change_definition(Service& service, Call& call, const TableName& name, const Error& missing,
                                const Change& change);

// operations_backup.cpp
Result<Value> create_backup(Service& service, Call& call);
Result<Value> delete_backup(Service& service, Call& call);
Result<Value> describe_backup(Service& service, Call& call);
Result<Value> describe_continuous_backups(Service& service, Call& call);
Result<Value> list_backups(Service& service, Call& call);
Result<Value> restore_table_from_backup(Service& service, Call& call);
Result<Value> restore_table_to_point_in_time(Service& service, Call& call);
Result<Value> update_continuous_backups(Service& service, Call& call);
// A table with recovery was deleted: its items become a backup of the system's, for 35 days.
void keep_deleted_table(Transaction& tx, const Table& table, Ids& ids, Time now);
Result<Done> expire_backup(TaskRun& run);

// operations_table.cpp
Result<Value> create_table(Service& service, Call& call);
Result<Value> delete_table(Service& service, Call& call);
Result<Value> describe_table(Service& service, Call& call);
Result<Value> list_tables(Service& service, Call& call);
Result<Value> update_table(Service& service, Call& call);

// operations_global.cpp
Result<Value> create_global_table(Service& service, Call& call);
Result<Value> describe_global_table(Service& service, Call& call);
Result<Value> describe_global_table_settings(Service& service, Call& call);
Result<Value> describe_table_replica_auto_scaling(Service& service, Call& call);
Result<Value> list_global_tables(Service& service, Call& call);
Result<Value> update_global_table(Service& service, Call& call);
Result<Value> update_global_table_settings(Service& service, Call& call);
Result<Value> update_table_replica_auto_scaling(Service& service, Call& call);

// operations_vector.cpp
Result<Value> search_vectors(Service& service, Call& call);
Result<Done> update_vector_indexes(Transaction& tx, const Table& table, Value& definition, const Value& updates,
                                   Time now);

// operations_settings.cpp
Result<Value> delete_resource_policy(Service& service, Call& call);
Result<Value> describe_contributor_insights(Service& service, Call& call);
Result<Value> describe_endpoints(Service& service, Call& call);
Result<Value> describe_limits(Service& service, Call& call);
Result<Value> describe_time_to_live(Service& service, Call& call);
Result<Value> get_resource_policy(Service& service, Call& call);
Result<Value> list_contributor_insights(Service& service, Call& call);
Result<Value> list_tags_of_resource(Service& service, Call& call);
Result<Value> put_resource_policy(Service& service, Call& call);
Result<Value> tag_resource(Service& service, Call& call);
Result<Value> untag_resource(Service& service, Call& call);
Result<Value> update_contributor_insights(Service& service, Call& call);
Result<Value> update_time_to_live(Service& service, Call& call);
// Adds or replaces tags of a definition.
Result<Done> add_tags(Value& definition, const Value& tags);

// operations_stream.cpp
Result<Value> describe_stream(Service& service, Call& call);
Result<Value> get_records(Service& service, Call& call);
Result<Value> get_shard_iterator(Service& service, Call& call);
Result<Value> list_streams(Service& service, Call& call);

// tasks.cpp
Result<Done> backfill_expiry(TaskRun& run);
Result<Done> backfill_index(Service& service, TaskRun& run);
Result<Done> clear_space(TaskRun& run);
Result<Done> expire_items(Service& service, TaskRun& run);
Result<Done> forget_expiry(TaskRun& run);
Result<Done> trim_undo(TaskRun& run);
Result<Done> trim_stream(TaskRun& run);

// operations_batch.cpp
Result<Value> batch_get_item(Service& service, Call& call);
Result<Value> batch_write_item(Service& service, Call& call);

// operations_transact.cpp
Result<Value> transact_get_items(Service& service, Call& call);
Result<Value> transact_write_items(Service& service, Call& call);

// TransactionCanceledException, for these reasons in order.
Error cancelled(List reasons);

// operations_partiql.cpp
Result<Value> batch_execute_statement(Service& service, Call& call);
Result<Value> execute_statement(Service& service, Call& call);
Result<Value> execute_transaction(Service& service, Call& call);

// operations_item.cpp
Result<Value> delete_item(Service& service, Call& call);
Result<Value> get_item(Service& service, Call& call);
Result<Value> put_item(Service& service, Call& call);
Result<Value> update_item(Service& service, Call& call);

// operations_query.cpp
Result<Value> query(Service& service, Call& call);
Result<Value> scan(Service& service, Call& call);

}  // namespace moonbase::dynamodb
