// The bucket's policy, and whether it lets in everybody.
#include "access.hpp"
#include "errors.hpp"
#include "setting.hpp"
#include "settings.hpp"

namespace moonbase::s3 {
namespace {

const Error no_policy{"NoSuchBucketPolicy", "The bucket policy does not exist"};

Error blocked(const Call& call, const Bucket& bucket) {
  return {"AccessDenied",
          "User: " + call.context.identity.arn + " is not authorized to perform: s3:PutBucketPolicy on resource: \"" +
              bucket.arn() +
              "\" because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.",
          {},
          403};
}

}  // namespace

Result<Value> delete_bucket_policy(Call& call) { return drop_setting(call, Setting::policy); }

Result<Value> get_bucket_policy(Call& call) {
  auto text = setting_or(call, Setting::policy, no_policy);
  if (!text) return text;
  return Value(Map{{"Policy", std::move(*text)}});
}

Result<Value> get_bucket_policy_status(Call& call) {
  const auto text = setting_or(call, Setting::policy, no_policy);
  if (!text) return text;
  const auto bucket = look_up_bucket(call);
  if (!bucket) return bucket.error();
  const auto policy = parse_policy(text->string(), *bucket);
  return Value(Map{{"PolicyStatus", Map{{"IsPublic", policy && is_public(*policy)}}}});
}

Result<Value> put_bucket_policy(Call& call) {
  const auto& text = call.input["Policy"].string();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto bucket = open_bucket(tx, call, call.input["Bucket"].string());
    if (!bucket) return bucket.error();
    const auto policy = parse_policy(text, *bucket);
    if (!policy) return policy.error();
    const bool blocks = read_setting(tx, *bucket, Setting::public_access)["BlockPublicPolicy"].boolean_or(false);
    if (blocks && is_public(*policy)) return blocked(call, *bucket);
    save_setting(tx, *bucket, Setting::policy, text);
    return Value(Map{});
  });
}

}  // namespace moonbase::s3
