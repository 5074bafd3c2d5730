// Storage: DynamoDB and its streams, S3 and, as far as it is built, RDS. What is not built answers 501.
#include <moonbase/plugin.hpp>

#include "dynamodb/service.hpp"
#include "s3/service.hpp"

// Embedded by the build.
extern const char dynamodb_model_lua[];
extern const char dynamodb_resources_expressions_lua[];
extern const char dynamodb_resources_items_lua[];
extern const char dynamodb_resources_lua[];
extern const char dynamodb_schema_sql[];
extern const char dynamodb_schema_recovery_sql[];
extern const char dynamodb_views_sql[];
extern const char dynamodbstreams_model_lua[];
extern const char rds_model_lua[];
extern const char rds_data_model_lua[];
extern const char s3_model_lua[];
extern const char s3_resources_lua[];
extern const char s3_schema_sql[];
extern const char s3control_model_lua[];

namespace {

class Plugin final : public moonbase::Plugin {
  void load(moonbase::Registrar& registrar) override {
    moonbase::dynamodb::load(registrar, std::make_shared<moonbase::dynamodb::Service>(),
                             {dynamodb_model_lua, dynamodbstreams_model_lua, dynamodb_schema_sql,
                              dynamodb_schema_recovery_sql, dynamodb_views_sql});
    moonbase::s3::load(registrar, s3_model_lua, s3_schema_sql);
    for (const auto* model : {rds_model_lua, rds_data_model_lua, s3control_model_lua})
      registrar.model(model);
    for (const auto* chunk : {dynamodb_resources_expressions_lua, dynamodb_resources_items_lua, dynamodb_resources_lua,
                              s3_resources_lua})
      registrar.resources(chunk);
  }
  void ready(moonbase::KernelServices& kernel) override { moonbase::s3::settle(kernel); }
};

}  // namespace

MOONBASE_PLUGIN(Plugin, "storage", "1.0")
