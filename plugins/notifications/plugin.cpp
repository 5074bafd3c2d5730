// Notifications: topics, mail, events and schedules. Only their models: every operation answers 501 until its function is registered here.
#include <moonbase/plugin.hpp>

// <service>/model.lua, embedded by the build.
extern const char events_model_lua[];
extern const char pipes_model_lua[];
extern const char scheduler_model_lua[];
extern const char ses_model_lua[];
extern const char sesv2_model_lua[];
extern const char sns_model_lua[];

namespace notifications {
namespace {

class Plugin final : public moonbase::Plugin {
  void load(moonbase::Registrar& registrar) override {
    registrar.model(events_model_lua);
    registrar.model(pipes_model_lua);
    registrar.model(scheduler_model_lua);
    registrar.model(ses_model_lua);
    registrar.model(sesv2_model_lua);
    registrar.model(sns_model_lua);
  }
};

}  // namespace
}  // namespace notifications

MOONBASE_PLUGIN(notifications::Plugin, "notifications", "0.1")
