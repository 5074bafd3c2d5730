// Notifications: events, schedules, pipes, topics and, as far as it is built, mail. What is not built
// answers 501.
#include <memory>
#include <moonbase/plugin.hpp>

#include "deliveries.hpp"
#include "events/service.hpp"
#include "pipes/service.hpp"
#include "scheduler/service.hpp"
#include "sns/service.hpp"

// Embedded by the build.
extern const char events_model_lua[];
extern const char events_resources_lua[];
extern const char events_schema_sql[];
extern const char pipes_model_lua[];
extern const char pipes_resources_lua[];
extern const char pipes_schema_sql[];
extern const char resources_lua[];
extern const char scheduler_model_lua[];
extern const char scheduler_resources_lua[];
extern const char scheduler_schema_sql[];
extern const char schema_sql[];
extern const char ses_model_lua[];
extern const char sesv2_model_lua[];
extern const char sns_model_lua[];
extern const char sns_resources_lua[];
extern const char sns_schema_sql[];

namespace moonbase::notifications {
namespace {

class Plugin final : public moonbase::Plugin {
  void load(Registrar& registrar) override {
    // What all services here share.
    registrar.schema(schema_sql);
    registrar.resources(resources_lua);
    registrar.task(delivery_task, run_delivery);

    events::load(registrar, std::make_shared<events::Service>(),
                 {events_model_lua, events_schema_sql, events_resources_lua});
    scheduler::load(registrar, {scheduler_model_lua, scheduler_schema_sql, scheduler_resources_lua});
    pipes_ = std::make_shared<pipes::Service>(registrar.kernel());
    pipes::load(registrar, pipes_, {pipes_model_lua, pipes_schema_sql, pipes_resources_lua});
    sns::load(registrar, std::make_shared<sns::Service>(registrar.kernel()),
              {sns_model_lua, sns_schema_sql, sns_resources_lua});

    for (const auto* model : {ses_model_lua, sesv2_model_lua}) registrar.model(model);
  }
  void ready(KernelServices&) override { pipes::begin(*pipes_); }
  void stop(KernelServices&) override { pipes_->pollers.stop_all(""); }

  std::shared_ptr<pipes::Service> pipes_;
};

}  // namespace
}  // namespace moonbase::notifications

MOONBASE_PLUGIN(moonbase::notifications::Plugin, "notifications", "1.0")
