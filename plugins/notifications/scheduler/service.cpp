#include "scheduler/service.hpp"

namespace moonbase::notifications::scheduler {
namespace {

constexpr NamedOperation<> operations[] = {
    {"CreateSchedule", create_schedule},
    {"CreateScheduleGroup", create_schedule_group},
    {"DeleteSchedule", delete_schedule},
    {"DeleteScheduleGroup", delete_schedule_group},
    {"GetSchedule", get_schedule},
    {"GetScheduleGroup", get_schedule_group},
    {"ListScheduleGroups", list_schedule_groups},
    {"ListSchedules", list_schedules},
    {"ListTagsForResource", list_tags_for_resource},
    {"TagResource", tag_resource},
    {"UntagResource", untag_resource},
    {"UpdateSchedule", update_schedule},
};

}  // namespace

void load(Registrar& registrar, const Sources& sources) {
  sources.register_with(registrar);
  register_operations(registrar, operations);
  registrar.task(run_task, run_schedule);
}

}  // namespace moonbase::notifications::scheduler
