// Observability: metrics, traces and the audit trail. Only their models: every operation answers 501 until its function is registered here.
#include <moonbase/plugin.hpp>

// <service>/model.lua, embedded by the build.
extern const char cloudtrail_model_lua[];
extern const char cloudwatch_model_lua[];
extern const char xray_model_lua[];

namespace observability {
namespace {

class Plugin final : public moonbase::Plugin {
  void load(moonbase::Registrar& registrar) override {
    registrar.model(cloudtrail_model_lua);
    registrar.model(cloudwatch_model_lua);
    registrar.model(xray_model_lua);
  }
};

}  // namespace
}  // namespace observability

MOONBASE_PLUGIN(observability::Plugin, "observability", "0.1")
