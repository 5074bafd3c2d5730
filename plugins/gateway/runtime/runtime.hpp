// The runtime: answers requests to deployed APIs.
#pragma once

#include <moonbase/plugin.hpp>

#include "runtime/apis.hpp"

namespace moonbase::gateway {

// Hosts and paths that lead here.
HttpMatch runtime_match();

// Any fiber may call it.
HttpResponse serve(Apis& apis, HttpCall& call);

}  // namespace moonbase::gateway
