#include "pipes/service.hpp"

namespace moonbase::notifications::pipes {
namespace {

constexpr NamedOperation<Service> operations[] = {
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
  sources.register_with(registrar);
  register_operations(registrar, operations, service);
  registrar.on_reset([service](std::string_view account) { service->pollers.stop_all(account); });
}

}  // namespace moonbase::notifications::pipes
