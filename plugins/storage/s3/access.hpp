// Access: who may do what with a bucket. Its owner may, unless the bucket's policy says no; others may if it says yes.
#pragma once

#include <moonbase/call.hpp>
#include <moonbase/policy.hpp>
#include <string>
#include <string_view>

#include "bucket.hpp"

namespace moonbase::s3 {

inline constexpr std::string_view source_owner_member = "ExpectedSourceBucketOwner";

// A policy's text, for this bucket. Errors MalformedPolicy, and NotImplemented for what is not evaluated.
Result<Policy> parse_policy(const std::string& text, const Bucket& bucket);
// Whether it lets in everybody.
bool is_public(const Policy& policy);

// Whether this call may be carried out, as far as buckets, keys and policies tell before looking at objects.
// `owner_member` names what the request expects of the owner; with source_owner_member, the bucket is a copy's source.
// Error AccessDenied.
Result<Done> check_access(Transaction& tx, const Call& call, const Bucket& bucket, std::string_view owner_member);

// The action that policies know an operation by: "s3:GetObject" for HeadObject.
std::string action_of(std::string_view operation, bool of_version);

}  // namespace moonbase::s3
