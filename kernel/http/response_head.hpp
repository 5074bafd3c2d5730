// The head of another server's response, read as strictly as requests are.
#pragma once

#include <moonbase/http.hpp>
#include <string_view>

#include "http/head.hpp"

namespace moonbase::http {

// Reads a head from the start of `bytes` into status and headers. A refused one has a reason; its
// status means nothing.
HeadResult parse_response_head(std::string_view bytes, std::size_t head_bytes_max, std::size_t headers_max,
                               HttpResponse& response, Framing& framing);

}  // namespace moonbase::http
