// A handler's `http.get`: a request to a server outside, on behalf of one invocation.
#pragma once

#include <moonbase/http_client.hpp>
#include <moonbase/io.hpp>
#include <moonbase/result.hpp>

#include <string>
#include <string_view>

namespace moonbase::functions {

// Request and answer as in a fetch frame (environment/frames.hpp). `request` is a handler's own word.
// Suspends the fiber, until the deadline at most. Errors: the client's, or ValidationException.
Result<std::string> fetch(HttpClient& client, std::string_view request, std::string_view body, MachineTime deadline);

}  // namespace moonbase::functions
