// Queues and streams. Only their models: every operation answers 501 until its function is registered here.
#include <moonbase/plugin.hpp>

// <service>/model.lua, embedded by the build.
extern const char firehose_model_lua[];
extern const char kinesis_model_lua[];
extern const char sqs_model_lua[];

namespace queues {
namespace {

class Plugin final : public moonbase::Plugin {
  void load(moonbase::Registrar& registrar) override {
    registrar.model(firehose_model_lua);
    registrar.model(kinesis_model_lua);
    registrar.model(sqs_model_lua);
  }
};

}  // namespace
}  // namespace queues

MOONBASE_PLUGIN(queues::Plugin, "queues", "0.1")
