// EventBridge Scheduler: its operations and its task.
#pragma once

#include <moonbase/plugin.hpp>

#include "registration.hpp"
#include "scheduler/schedule.hpp"

namespace moonbase::notifications::scheduler {

void load(Registrar& registrar, const Sources& sources);

Result<Value> create_schedule(Call& call);
Result<Value> create_schedule_group(Call& call);
Result<Value> delete_schedule(Call& call);
Result<Value> delete_schedule_group(Call& call);
Result<Value> get_schedule(Call& call);
Result<Value> get_schedule_group(Call& call);
Result<Value> list_schedule_groups(Call& call);
Result<Value> list_schedules(Call& call);
Result<Value> list_tags_for_resource(Call& call);
Result<Value> tag_resource(Call& call);
Result<Value> untag_resource(Call& call);
Result<Value> update_schedule(Call& call);

inline constexpr std::string_view run_task = "scheduler-run";
Result<Done> run_schedule(TaskRun& task);

// The group's document, or ResourceNotFoundException. The default group is always there.
Result<Value> find_group(Transaction& tx, const Owner& owner, std::string_view name);
PageRequest page_request(const Call& call);
Error invalid_token();

}  // namespace moonbase::notifications::scheduler
