// Pages of other origins that call S3.
#pragma once

#include <moonbase/plugin.hpp>

namespace moonbase::s3 {

// By the bucket's CORS rules. Error AccessForbidden.
Result<HttpHeaders> rules_for_pages(PageCall& call);

}  // namespace moonbase::s3
