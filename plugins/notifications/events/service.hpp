// EventBridge: its operations, tasks and targets.
#pragma once

#include <memory>
#include <moonbase/plugin.hpp>

#include "events/catalog.hpp"
#include "events/destination.hpp"
#include "registration.hpp"

namespace moonbase::notifications::events {

// What its operations share beside the store.
struct Service {
  Catalog catalog;
  Destinations destinations;
};

void load(Registrar& registrar, std::shared_ptr<Service> service, const Sources& sources);

// One function an operation, in model order; one file a resource.
Result<Value> cancel_replay(Call& call, Service& service);
Result<Value> create_api_destination(Call& call, Service& service);
Result<Value> create_archive(Call& call, Service& service);
Result<Value> create_connection(Call& call, Service& service);
Result<Value> create_event_bus(Call& call, Service& service);
Result<Value> deauthorize_connection(Call& call, Service& service);
Result<Value> delete_api_destination(Call& call, Service& service);
Result<Value> delete_archive(Call& call, Service& service);
Result<Value> delete_connection(Call& call, Service& service);
Result<Value> delete_event_bus(Call& call, Service& service);
Result<Value> delete_rule(Call& call, Service& service);
Result<Value> describe_api_destination(Call& call, Service& service);
Result<Value> describe_archive(Call& call, Service& service);
Result<Value> describe_connection(Call& call, Service& service);
Result<Value> describe_event_bus(Call& call, Service& service);
Result<Value> describe_replay(Call& call, Service& service);
Result<Value> describe_rule(Call& call, Service& service);
Result<Value> disable_rule(Call& call, Service& service);
Result<Value> enable_rule(Call& call, Service& service);
Result<Value> list_api_destinations(Call& call, Service& service);
Result<Value> list_archives(Call& call, Service& service);
Result<Value> list_connections(Call& call, Service& service);
Result<Value> list_event_buses(Call& call, Service& service);
Result<Value> list_replays(Call& call, Service& service);
Result<Value> list_rule_names_by_target(Call& call, Service& service);
Result<Value> list_rules(Call& call, Service& service);
Result<Value> list_tags_for_resource(Call& call, Service& service);
Result<Value> list_targets_by_rule(Call& call, Service& service);
Result<Value> put_events(Call& call, Service& service);
Result<Value> put_permission(Call& call, Service& service);
Result<Value> put_rule(Call& call, Service& service);
Result<Value> put_targets(Call& call, Service& service);
Result<Value> remove_permission(Call& call, Service& service);
Result<Value> remove_targets(Call& call, Service& service);
Result<Value> start_replay(Call& call, Service& service);
Result<Value> tag_resource(Call& call, Service& service);
Result<Value> test_event_pattern(Call& call, Service& service);
Result<Value> untag_resource(Call& call, Service& service);
Result<Value> update_api_destination(Call& call, Service& service);
Result<Value> update_archive(Call& call, Service& service);
Result<Value> update_connection(Call& call, Service& service);
Result<Value> update_event_bus(Call& call, Service& service);

// The tasks' handlers.
inline constexpr std::string_view schedule_task = "events-schedule";
Result<Done> run_schedule(TaskRun& task);
inline constexpr std::string_view replay_task = "events-replay";
Result<Done> run_replay(TaskRun& task, Service& service);
inline constexpr std::string_view expiry_task = "events-expiry";
Result<Done> run_expiry(TaskRun& task);

// What several files of operations need.
PageRequest page_request(const Call& call);
Error invalid_token();
// Writes when the rule's schedule fires next, and the task for it. The row must be there.
void schedule_rule(Transaction& tx, const BusName& bus, std::string_view name, const Value& rule, Time now);
inline constexpr std::int64_t rules_max = 300, buses_max = 100, targets_max = 5, archives_max = 10;

}  // namespace moonbase::notifications::events
