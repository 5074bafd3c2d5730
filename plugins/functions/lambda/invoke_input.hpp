// What Invoke and InvokeWithResponseStream are given.
#pragma once

#include <cstddef>
#include <moonbase/call.hpp>

namespace moonbase::functions {

// Payload, ClientContext and LogType, checked: the payload is JSON. Takes the payload out of the input.
Result<Invocation> invocation_of(Call& call, std::size_t bytes_max);

}  // namespace moonbase::functions
