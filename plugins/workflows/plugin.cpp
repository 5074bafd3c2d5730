// Workflows. Only their models: every operation answers 501 until its function is registered here.
#include <moonbase/plugin.hpp>

// <service>/model.lua, embedded by the build.
extern const char sfn_model_lua[];
extern const char swf_model_lua[];

namespace workflows {
namespace {

class Plugin final : public moonbase::Plugin {
  void load(moonbase::Registrar& registrar) override {
    registrar.model(sfn_model_lua);
    registrar.model(swf_model_lua);
  }
};

}  // namespace
}  // namespace workflows

MOONBASE_PLUGIN(workflows::Plugin, "workflows", "0.1")
