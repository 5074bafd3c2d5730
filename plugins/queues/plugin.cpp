// Queues and streams: SQS. Of the others there are only the models: every operation answers 501 until its
// function is registered here.
#include <moonbase/plugin.hpp>

#include "sqs/service.hpp"

// <service>/model.lua, schema.sql and resources.lua, embedded by the build.
extern const char firehose_model_lua[];
extern const char kinesis_model_lua[];
extern const char sqs_model_lua[];
extern const char sqs_resources_lua[];
extern const char sqs_schema_sql[];

namespace queues {
namespace {

class Plugin final : public moonbase::Plugin {
  void load(moonbase::Registrar& registrar) override {
    registrar.model(firehose_model_lua);
    registrar.model(kinesis_model_lua);
    moonbase::sqs::load(registrar, sqs_model_lua, sqs_schema_sql);
    registrar.resources(sqs_resources_lua);
  }
};

}  // namespace
}  // namespace queues

MOONBASE_PLUGIN(queues::Plugin, "queues", "1.0")
