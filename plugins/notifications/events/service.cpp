#include "events/service.hpp"

#include "events/publish.hpp"

namespace moonbase::notifications::events {
namespace {

constexpr NamedOperation<Service> operations[] = {
    {"CancelReplay", cancel_replay},
    {"CreateApiDestination", create_api_destination},
    {"CreateArchive", create_archive},
    {"CreateConnection", create_connection},
    {"CreateEventBus", create_event_bus},
    {"DeauthorizeConnection", deauthorize_connection},
    {"DeleteApiDestination", delete_api_destination},
    {"DeleteArchive", delete_archive},
    {"DeleteConnection", delete_connection},
    {"DeleteEventBus", delete_event_bus},
    {"DeleteRule", delete_rule},
    {"DescribeApiDestination", describe_api_destination},
    {"DescribeArchive", describe_archive},
    {"DescribeConnection", describe_connection},
    {"DescribeEventBus", describe_event_bus},
    {"DescribeReplay", describe_replay},
    {"DescribeRule", describe_rule},
    {"DisableRule", disable_rule},
    {"EnableRule", enable_rule},
    {"ListApiDestinations", list_api_destinations},
    {"ListArchives", list_archives},
    {"ListConnections", list_connections},
    {"ListEventBuses", list_event_buses},
    {"ListReplays", list_replays},
    {"ListRuleNamesByTarget", list_rule_names_by_target},
    {"ListRules", list_rules},
    {"ListTagsForResource", list_tags_for_resource},
    {"ListTargetsByRule", list_targets_by_rule},
    {"PutEvents", put_events},
    {"PutPermission", put_permission},
    {"PutRule", put_rule},
    {"PutTargets", put_targets},
    {"RemovePermission", remove_permission},
    {"RemoveTargets", remove_targets},
    {"StartReplay", start_replay},
    {"TagResource", tag_resource},
    {"TestEventPattern", test_event_pattern},
    {"UntagResource", untag_resource},
    {"UpdateApiDestination", update_api_destination},
    {"UpdateArchive", update_archive},
    {"UpdateConnection", update_connection},
    {"UpdateEventBus", update_event_bus},
};

}  // namespace

void load(Registrar& registrar, std::shared_ptr<Service> service, const Sources& sources) {
  sources.register_with(registrar);
  register_operations(registrar, operations, service);
  registrar.task(dispatch_task,
                 [service](TaskRun& task) { return run_dispatch(service->catalog, service->destinations, task); });
  registrar.task(schedule_task, run_schedule);
  registrar.task(replay_task, [service](TaskRun& task) { return run_replay(task, *service); });
  registrar.task(expiry_task, run_expiry);
  registrar.target("events", [service](Delivery& delivery) {
    const auto arn = parse_arn(delivery.arn);
    const bool is_destination = arn && arn->resource.starts_with("api-destination/");
    return is_destination ? deliver_to_destination(service->destinations, delivery)
                          : deliver_to_bus(service->catalog, delivery);
  });
  registrar.on_reset([service](std::string_view) {
    service->catalog.clear();
    service->destinations.clear();
  });
}

}  // namespace moonbase::notifications::events
