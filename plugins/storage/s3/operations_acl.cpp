// Access lists. Every bucket's owner owns all that is in it (BucketOwnerEnforced, as AWS makes buckets), so there is
// one list, which says so, and none that can be put.
#include <algorithm>
#include <array>

#include "acl.hpp"
#include "errors.hpp"
#include "object_input.hpp"
#include "read_object.hpp"
#include "settings.hpp"

namespace moonbase::s3 {
namespace {

constexpr auto owners_canned_list = "bucket-owner-full-control";
constexpr std::array grants = {"GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP"};

Error no_lists() { return {"AccessControlListNotSupported", "The bucket does not allow ACLs", {}, 400}; }

Value list_of(const Bucket& bucket) {
  const auto id = canonical_user_id(bucket.account);
  return Map{
      {"Owner", owner_of(bucket.account)},
      {"Grants", List{Map{{"Grantee", Map{{"Type", "CanonicalUser"}, {"ID", id}}}, {"Permission", "FULL_CONTROL"}}}}};
}

bool has_grants(const Value& input) {
  return std::any_of(grants.begin(), grants.end(), [&](const char* member) { return !input[member].is_null(); });
}

// The list that there is, and no other.
bool is_owners_list(const Value& policy, const Bucket& bucket) {
  const auto id = canonical_user_id(bucket.account);
  const auto& list = policy["Grants"];
  return policy["Owner"]["ID"].string_or(id) == id && list.is_list() && list.list().size() == 1 &&
         list[0]["Permission"].string_or("") == "FULL_CONTROL" && list[0]["Grantee"]["ID"].string_or("") == id;
}

Result<Value> put_list(const Call& call, const Bucket& bucket) {
  const auto& policy = call.input["AccessControlPolicy"];
  if (policy.is_null() && call.input["ACL"].is_null() && !has_grants(call.input))
    return Error{"MissingSecurityHeader",
                 "Your request was missing a required header",
                 {{"MissingHeaderName", "x-amz-acl"}},
                 400};
  if (!policy.is_null() && is_owners_list(policy, bucket)) return Value(Map{});
  if (auto allowed = check_object_acl(call.input); !allowed || !policy.is_null()) return no_lists();
  return Value(Map{});
}

}  // namespace

Result<Done> check_object_acl(const Value& input) {
  if (has_grants(input) || input["ACL"].string_or(owners_canned_list) != owners_canned_list) return no_lists();
  return done;
}

Result<Done> check_bucket_acl(const Value& input) {
  const auto list = input["ACL"].string_or("private");
  if (!has_grants(input) && (list == "private" || list == owners_canned_list)) return done;
  return Error{"InvalidBucketAclWithObjectOwnership",
               "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
               {},
               400};
}

Result<Value> get_bucket_acl(Call& call) {
  const auto bucket = look_up_bucket(call);
  if (!bucket) return bucket.error();
  return list_of(*bucket);
}

Result<Value> get_object_acl(Call& call) {
  if (auto valid = check_version_id(call.input["VersionId"]); !valid) return valid.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto bucket = open_bucket(tx, call, call.input["Bucket"].string());
    if (!bucket) return bucket.error();
    const auto object = wanted_version(tx, call, *bucket, call.input["Key"].string(), call.input["VersionId"]);
    if (!object) return object.error();
    return list_of(*bucket);
  });
}

Result<Value> put_bucket_acl(Call& call) {
  const auto bucket = look_up_bucket(call);
  if (!bucket) return bucket.error();
  return put_list(call, *bucket);
}

Result<Value> put_object_acl(Call& call) {
  if (auto valid = check_version_id(call.input["VersionId"]); !valid) return valid.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto bucket = open_bucket(tx, call, call.input["Bucket"].string());
    if (!bucket) return bucket.error();
    const auto object = wanted_version(tx, call, *bucket, call.input["Key"].string(), call.input["VersionId"]);
    if (!object) return object.error();
    return put_list(call, *bucket);
  });
}

}  // namespace moonbase::s3
