// What clients say of a body that has been read whole: Content-MD5 and x-amz-checksum-….
#pragma once

#include <moonbase/http.hpp>
#include <moonbase/result.hpp>

namespace moonbase::http {

// Errors, all 400: InvalidDigest, InvalidRequest (no such digest), BadDigest (another body's).
Result<Done> check_body_digests(const HttpRequest& request);

}  // namespace moonbase::http
