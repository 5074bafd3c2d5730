// Access lists: what requests may say of them where the bucket's owner owns everything.
#pragma once

#include <moonbase/result.hpp>
#include <moonbase/value.hpp>

namespace moonbase::s3 {

// ACL and Grant* of a request that makes an object. Error AccessControlListNotSupported.
Result<Done> check_object_acl(const Value& input);
// The same of CreateBucket. Error InvalidBucketAclWithObjectOwnership.
Result<Done> check_bucket_acl(const Value& input);

}  // namespace moonbase::s3
