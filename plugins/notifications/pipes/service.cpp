#include "pipes/service.hpp"

namespace moonbase::notifications::pipes {
namespace {

struct NamedOperation {
  const char* name;
  Result<Value> (*run)(Call&, Service&);
};

constexpr NamedOperation operations[] = {
    {"CreatePipe", create_pipe},
    {"DeletePipe", delete_pipe},
    {"DescribePipe", describe_pipe},
    {"ListPipes", list_pipes},
    {"ListTagsForResource", list_tags_for_resource},
    {"StartPipe", start_pipe},
    {"StopPipe", stop_pipe},
    {"TagResource", tag_resource},
    {"UntagResource", untag_resource},
    {"UpdatePipe", update_pipe},
};

}  // namespace

void load(Registrar& registrar, std::shared_ptr<Service> service, const Sources& sources) {
  registrar.model(sources.model);
  registrar.schema(sources.schema);
  for (const auto& operation : operations)
    registrar.operation(operation.name, [service, run = operation.run](Call& call) { return run(call, *service); });
  registrar.on_reset([service](std::string_view account) { service->pollers.stop_all(account); });
}

}  // namespace moonbase::notifications::pipes
