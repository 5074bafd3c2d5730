// Deploy: stacks and tags. Only their models: every operation answers 501 until its function is registered here.
#include <moonbase/plugin.hpp>

// <service>/model.lua, embedded by the build.
extern const char cloudformation_model_lua[];
extern const char resourcegroupstaggingapi_model_lua[];

namespace deploy {
namespace {

class Plugin final : public moonbase::Plugin {
  void load(moonbase::Registrar& registrar) override {
    registrar.model(cloudformation_model_lua);
    registrar.model(resourcegroupstaggingapi_model_lua);
  }
};

}  // namespace
}  // namespace deploy

MOONBASE_PLUGIN(deploy::Plugin, "deploy", "0.1")
