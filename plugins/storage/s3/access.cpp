#include "access.hpp"

#include <algorithm>
#include <array>
#include <moonbase/http.hpp>
#include <moonbase/json.hpp>
#include <stdexcept>
#include <utility>
#include <vector>

#include "errors.hpp"
#include "setting.hpp"

namespace moonbase::s3 {
namespace {

constexpr std::size_t policy_bytes_max = 20 * 1024;
constexpr std::string_view secure_transport = "aws:securetransport", list_prefix = "s3:prefix",
                           list_delimiter = "s3:delimiter";

// Operations whose action is not named like them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 35> actions = {{
    {"CompleteMultipartUpload", "PutObject"},
    {"CopyObject", "PutObject"},
    {"CreateMultipartUpload", "PutObject"},
    {"DeleteBucketCors", "PutBucketCORS"},
    {"DeleteBucketEncryption", "PutEncryptionConfiguration"},
    {"DeleteBucketLifecycle", "PutLifecycleConfiguration"},
    {"DeleteBucketOwnershipControls", "PutBucketOwnershipControls"},
    {"DeleteBucketReplication", "PutReplicationConfiguration"},
    {"DeleteBucketTagging", "PutBucketTagging"},
    {"DeleteObjects", "DeleteObject"},
    {"DeletePublicAccessBlock", "PutBucketPublicAccessBlock"},
    {"GetBucketAccelerateConfiguration", "GetAccelerateConfiguration"},
    {"GetBucketCors", "GetBucketCORS"},
    {"GetBucketEncryption", "GetEncryptionConfiguration"},
    {"GetBucketLifecycleConfiguration", "GetLifecycleConfiguration"},
    {"GetBucketNotificationConfiguration", "GetBucketNotification"},
    {"GetBucketReplication", "GetReplicationConfiguration"},
    {"GetObjectLockConfiguration", "GetBucketObjectLockConfiguration"},
    {"GetPublicAccessBlock", "GetBucketPublicAccessBlock"},
    {"HeadBucket", "ListBucket"},
    {"HeadObject", "GetObject"},
    {"ListMultipartUploads", "ListBucketMultipartUploads"},
    {"ListObjectVersions", "ListBucketVersions"},
    {"ListObjects", "ListBucket"},
    {"ListObjectsV2", "ListBucket"},
    {"ListParts", "ListMultipartUploadParts"},
    {"PutBucketAccelerateConfiguration", "PutAccelerateConfiguration"},
    {"PutBucketCors", "PutBucketCORS"},
    {"PutBucketEncryption", "PutEncryptionConfiguration"},
    {"PutBucketLifecycleConfiguration", "PutLifecycleConfiguration"},
    {"PutBucketNotificationConfiguration", "PutBucketNotification"},
    {"PutObjectLockConfiguration", "PutBucketObjectLockConfiguration"},
    {"PutPublicAccessBlock", "PutBucketPublicAccessBlock"},
    {"UploadPart", "PutObject"},
    {"UploadPartCopy", "PutObject"},
}};
// Those of which a version has its own action.
constexpr std::array<std::string_view, 7> versioned = {"DeleteObject",    "DeleteObjectTagging", "GetObject",
                                                       "GetObjectAcl",    "GetObjectTagging",    "PutObjectAcl",
                                                       "PutObjectTagging"};

Error malformed(std::string message) { return {"MalformedPolicy", std::move(message), {}, 400}; }

PolicyDialect dialect() {
  return {"s3 PutBucketPolicy", {secure_transport, list_prefix, list_delimiter}, [](std::string_view element) {
            if (element == "Principal") return malformed("Invalid principal in policy");
            if (element == "Action") return malformed("Policy has invalid action");
            if (element == "Resource") return malformed("Policy has invalid resource");
            return malformed("Invalid policy syntax.");
          }};
}

Result<PolicyStatement> parse_statement(const Value& statement, const Bucket& bucket) {
  for (const auto* field : {"Effect", "Principal", "Action", "Resource"})
    if (statement[field].is_null() && statement["Not" + std::string(field)].is_null())
      return malformed("Missing required field " + std::string(field));
  auto parsed = PolicyStatement::parse(statement, dialect());
  if (!parsed) return parsed;
  for (const auto& action : parsed->actions())
    if (action != "*" && !action.starts_with("s3:")) return malformed("Policy has invalid action");
  for (const auto& resource : parsed->resources()) {
    const auto own = bucket.arn();
    if (!resource.starts_with(own + "/") && !wildcard_matches(resource, own) && !wildcard_matches(resource, own + "/"))
      return malformed("Policy has invalid resource");
  }
  return parsed;
}

// Without a signature. As everywhere on the platform that is the first account; only where the bucket has a policy,
// which may speak of nobody in particular, it is nobody.
bool is_anonymous(const Call& call, const Bucket& bucket) {
  return bucket.has(Setting::policy) && call.http && call.context.identity.access_key_id.empty() &&
         call.context.identity.service.empty();
}

struct Asked {
  std::string action;
  std::string resource;
};

// "bucket/key?versionId=…" or "/bucket/key", encoded.
Asked asked_of_source(const Call& call, const Bucket& bucket) {
  std::string_view source = call.input["CopySource"].string();
  const auto question = source.rfind("?versionId=");
  const bool of_version = question != std::string_view::npos;
  auto path = percent_decode(source.substr(0, question));
  if (path.starts_with('/')) path.erase(0, 1);
  const auto slash = path.find('/');
  return {action_of("GetObject", of_version),
          bucket.arn() + "/" + (slash == std::string::npos ? "" : path.substr(slash + 1))};
}

std::vector<Asked> asked_of(const Call& call, const Bucket& bucket) {
  std::vector<Asked> all;
  const auto ask_for = [&](const Value& key, bool of_version) {
    all.push_back(
        {action_of(call.operation, of_version), bucket.arn() + (key.is_string() ? "/" + key.string() : std::string())});
  };
  const auto& many = call.input["Delete"]["Objects"];
  if (!many.is_list()) ask_for(call.input["Key"], !call.input["VersionId"].is_null());
  for (const auto& one : many.is_list() ? many.list() : List{}) ask_for(one["Key"], !one["VersionId"].is_null());
  return all;
}

std::vector<std::pair<std::string_view, std::string_view>> keys_of(const Call& call) {
  const bool secure = !call.http || call.context.base_url.starts_with("https:");
  std::vector<std::pair<std::string_view, std::string_view>> keys = {{secure_transport, secure ? "true" : "false"}};
  for (const auto& [member, key] : {std::pair{"Prefix", list_prefix}, std::pair{"Delimiter", list_delimiter}})
    if (call.input[member].is_string()) keys.emplace_back(key, call.input[member].string());
  return keys;
}

// A policy must never lock out who can mend it.
bool mends_policy(std::string_view operation) {
  return operation == "GetBucketPolicy" || operation == "PutBucketPolicy" || operation == "DeleteBucketPolicy";
}

bool shuts_out_public(Transaction& tx, const Bucket& bucket, const Policy& policy) {
  return is_public(policy) &&
         read_setting(tx, bucket, Setting::public_access)["RestrictPublicBuckets"].boolean_or(false);
}

}  // namespace

Result<Policy> parse_policy(const std::string& text, const Bucket& bucket) {
  if (text.size() > policy_bytes_max) return malformed("Policy exceeds the maximum allowed document size.");
  const auto document = parse_json(text);
  if (!document || !document->is_map()) return malformed("Policies must be valid JSON and the first byte must be '{'");
  const auto& given = (*document)["Statement"];
  if (given.is_null()) return malformed("Missing required field Statement");
  Policy policy;
  for (const auto& statement : given.is_list() ? given.list() : List{given}) {
    if (!statement.is_map()) return malformed("Invalid policy syntax.");
    auto parsed = parse_statement(statement, bucket);
    if (!parsed) return parsed.error();
    policy.push_back(std::move(*parsed));
  }
  if (policy.empty()) return malformed("Could not parse the policy: Statement is empty!");
  return policy;
}

bool is_public(const Policy& policy) {
  return std::any_of(policy.begin(), policy.end(), [](const PolicyStatement& one) { return one.is_public(); });
}

std::string action_of(std::string_view operation, bool of_version) {
  const auto found =
      std::find_if(actions.begin(), actions.end(), [&](const auto& one) { return one.first == operation; });
  const auto name = found == actions.end() ? operation : found->second;
  const bool own = of_version && std::find(versioned.begin(), versioned.end(), name) != versioned.end();
  if (!own) return "s3:" + std::string(name);
  // GetObjectVersion, GetObjectVersionTagging
  constexpr std::string_view object = "Object";
  const auto at = name.find(object) + object.size();
  return "s3:" + std::string(name.substr(0, at)) + "Version" + std::string(name.substr(at));
}

Result<Done> check_access(Transaction& tx, const Call& call, const Bucket& bucket, std::string_view owner_member) {
  const auto& expected = call.input[owner_member];
  if (expected.is_string() && expected.string() != bucket.account) return access_denied();
  const auto& who = call.context.identity;
  const bool anonymous = is_anonymous(call, bucket);
  const bool own = !anonymous && who.service.empty() && who.account_id == bucket.account;
  if (!bucket.has(Setting::policy)) return own ? Result<Done>(done) : access_denied();
  if (own && mends_policy(call.operation)) return done;

  const auto policy = parse_policy(read_setting(tx, bucket, Setting::policy).string(), bucket);
  if (!policy) throw std::runtime_error("a bucket's row holds no policy: " + policy.error().message);
  if (!own && who.service.empty() && shuts_out_public(tx, bucket, *policy)) return access_denied();
  const auto asked =
      owner_member == source_owner_member ? std::vector{asked_of_source(call, bucket)} : asked_of(call, bucket);
  const auto keys = keys_of(call);
  for (const auto& [action, resource] : asked) {
    const auto answer = ask(*policy, {who, action, resource, anonymous, keys});
    if (answer == PolicyAnswer::denies || (answer == PolicyAnswer::says_nothing && !own)) return access_denied();
  }
  return done;
}

}  // namespace moonbase::s3
