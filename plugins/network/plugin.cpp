// Network: distributions, load balancers, machines and containers. Only their models: every operation answers 501 until its function is registered here.
#include <moonbase/plugin.hpp>

// <service>/model.lua, embedded by the build.
extern const char cloudfront_model_lua[];
extern const char ec2_model_lua[];
extern const char ecs_model_lua[];
extern const char elasticloadbalancingv2_model_lua[];

namespace network {
namespace {

class Plugin final : public moonbase::Plugin {
  void load(moonbase::Registrar& registrar) override {
    registrar.model(cloudfront_model_lua);
    registrar.model(ec2_model_lua);
    registrar.model(ecs_model_lua);
    registrar.model(elasticloadbalancingv2_model_lua);
  }
};

}  // namespace
}  // namespace network

MOONBASE_PLUGIN(network::Plugin, "network", "0.1")
