// Registration: what every service of this plugin hands to the Registrar in the same way.
#pragma once

#include <cstddef>
#include <memory>
#include <moonbase/plugin.hpp>
#include <string_view>

namespace moonbase::notifications {

// A service's own texts, embedded by the build.
struct Sources {
  std::string_view model, schema, resources;
  void register_with(Registrar& registrar) const {
    registrar.model(model);
    registrar.schema(schema);
    registrar.resources(resources);
  }
};

// The function of an operation. Behind the Call it takes what the service's operations share, if anything.
template <class... Shared>
struct NamedOperation {
  std::string_view name;
  Result<Value> (*run)(Call&, Shared&...);
};

template <std::size_t count, class... Shared>
void register_operations(Registrar& registrar, const NamedOperation<Shared...> (&operations)[count],
                         const std::shared_ptr<Shared>&... shared) {
  for (const auto& operation : operations)
    registrar.operation(operation.name, [shared..., run = operation.run](Call& call) { return run(call, *shared...); });
}

}  // namespace moonbase::notifications
