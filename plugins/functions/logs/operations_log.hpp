// The logs service, as far as it is built: reading what functions logged.
#pragma once

#include "logs/log_store.hpp"

#include <moonbase/plugin.hpp>

namespace moonbase::functions {

void register_log_operations(Registrar& registrar, LogStore& logs);

}  // namespace moonbase::functions
