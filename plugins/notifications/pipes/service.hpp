// EventBridge Pipes: its operations and its pollers.
#pragma once

#include <memory>
#include <moonbase/plugin.hpp>

#include "pipes/poller.hpp"
#include "registration.hpp"

namespace moonbase::notifications::pipes {

struct Service {
  const KernelServices& kernel;  // Of the plugin: pollers outlive the Calls that start them.
  Pollers pollers;
};

void load(Registrar& registrar, std::shared_ptr<Service> service, const Sources& sources);
// Starts what was running. On a fiber.
void begin(Service& service);

Result<Value> create_pipe(Call& call, Service& service);
Result<Value> delete_pipe(Call& call, Service& service);
Result<Value> describe_pipe(Call& call, Service& service);
Result<Value> list_pipes(Call& call, Service& service);
Result<Value> list_tags_for_resource(Call& call, Service& service);
Result<Value> start_pipe(Call& call, Service& service);
Result<Value> stop_pipe(Call& call, Service& service);
Result<Value> tag_resource(Call& call, Service& service);
Result<Value> untag_resource(Call& call, Service& service);
Result<Value> update_pipe(Call& call, Service& service);

}  // namespace moonbase::notifications::pipes
