// Auth: users, roles, keys, certificates, secrets and parameters. Only their models: every operation answers 501 until its function is registered here.
#include <moonbase/plugin.hpp>

// <service>/model.lua, embedded by the build.
extern const char acm_model_lua[];
extern const char cognito_identity_model_lua[];
extern const char cognito_idp_model_lua[];
extern const char iam_model_lua[];
extern const char kms_model_lua[];
extern const char secretsmanager_model_lua[];
extern const char ssm_model_lua[];
extern const char sts_model_lua[];
extern const char wafv2_model_lua[];

namespace auth {
namespace {

class Plugin final : public moonbase::Plugin {
  void load(moonbase::Registrar& registrar) override {
    registrar.model(acm_model_lua);
    registrar.model(cognito_identity_model_lua);
    registrar.model(cognito_idp_model_lua);
    registrar.model(iam_model_lua);
    registrar.model(kms_model_lua);
    registrar.model(secretsmanager_model_lua);
    registrar.model(ssm_model_lua);
    registrar.model(sts_model_lua);
    registrar.model(wafv2_model_lua);
  }
};

}  // namespace
}  // namespace auth

MOONBASE_PLUGIN(auth::Plugin, "auth", "0.1")
