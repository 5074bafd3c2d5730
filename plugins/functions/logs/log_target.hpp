// Log groups as targets: what event buses and others deliver to them becomes log events.
#pragma once

#include <moonbase/plugin.hpp>

namespace moonbase::functions {

// To "arn:aws:logs:REGION:ACCOUNT:log-group:NAME", with or without ":*". The group must be there; a
// stream a day is made as needed. As whoever delivers.
Result<Value> deliver_to_log_group(Delivery& delivery);

}  // namespace moonbase::functions
