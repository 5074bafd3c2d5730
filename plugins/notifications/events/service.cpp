#include "events/service.hpp"

#include "events/publish.hpp"

namespace moonbase::notifications::events {
namespace {

struct NamedOperation {
  const char* name;
  Result<Value> (*run)(Call&, Service&);
};

constexpr NamedOperation operations[] = {
    {"CreateEventBus", create_event_bus},
    {"DeleteEventBus", delete_event_bus},
    {"DeleteRule", delete_rule},
    {"DescribeEventBus", describe_event_bus},
    {"DescribeRule", describe_rule},
    {"DisableRule", disable_rule},
    {"EnableRule", enable_rule},
    {"ListEventBuses", list_event_buses},
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
    {"TagResource", tag_resource},
    {"TestEventPattern", test_event_pattern},
    {"UntagResource", untag_resource},
    {"UpdateEventBus", update_event_bus},
};

}  // namespace

void load(Registrar& registrar, std::shared_ptr<Service> service, const Sources& sources) {
  registrar.model(sources.model);
  registrar.schema(sources.schema);
  for (const auto& operation : operations)
    registrar.operation(operation.name, [service, run = operation.run](Call& call) { return run(call, *service); });
  registrar.task(dispatch_task, [service](TaskRun& task) { return run_dispatch(service->catalog, task); });
  registrar.task(schedule_task, run_schedule);
  registrar.target("events", [service](Delivery& delivery) { return deliver_to_bus(service->catalog, delivery); });
  registrar.on_reset([service](std::string_view) { service->catalog.clear(); });
}

}  // namespace moonbase::notifications::events
