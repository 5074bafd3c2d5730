// Settings of a bucket that are kept, checked and answered. What a setting brings about stands with its kind.
#include "cors.hpp"
#include "errors.hpp"
#include "object_input.hpp"
#include "setting.hpp"
#include "settings.hpp"

namespace moonbase::s3 {
namespace {

constexpr std::size_t bucket_tags_max = 50;

const Error no_tags{"NoSuchTagSet", "The TagSet does not exist"};
const Error no_cors{"NoSuchCORSConfiguration", "The CORS configuration does not exist"};
const Error no_public_access{"NoSuchPublicAccessBlockConfiguration",
                             "The public access block configuration was not found"};
const Error no_ownership{"OwnershipControlsNotFoundError", "The bucket ownership controls were not found"};
const Error no_website{"NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"};
const Error no_replication{"ReplicationConfigurationNotFoundError", "The replication configuration was not found"};

// Answers an empty output where the caller may use the bucket: for what a bucket never has.
Result<Value> answer_nothing(Call& call) {
  const auto bucket = look_up_bucket(call);
  if (!bucket) return bucket.error();
  return Value(Map{});
}

Value wrapped(const char* member, Value document) { return Map{{member, std::move(document)}}; }

Result<Value> wrapped_setting(Call& call, Setting setting, const char* member, const Error& missing) {
  auto document = setting_or(call, setting, missing);
  if (!document) return document;
  return wrapped(member, std::move(*document));
}

}  // namespace

Result<List> checked_bucket_tags(const List& tags) {
  if (tags.size() > bucket_tags_max) return Error{"BadRequest", "Bucket tag count cannot be greater than 50", {}, 400};
  return checked_tags(tags, bucket_tags_max);
}

// ── Tags ────────────────────────────────────────────────────────────────────────────────────────
Result<Value> delete_bucket_tagging(Call& call) { return drop_setting(call, Setting::tagging); }

Result<Value> get_bucket_tagging(Call& call) { return setting_or(call, Setting::tagging, no_tags); }

Result<Value> put_bucket_tagging(Call& call) {
  const auto& tagging = call.input["Tagging"];
  const auto tags = checked_bucket_tags(tagging["TagSet"].list());
  if (!tags) return tags.error();
  // No tags are none at all.
  return tags->empty() ? drop_setting(call, Setting::tagging) : keep_setting(call, Setting::tagging, tagging);
}

// ── CORS ────────────────────────────────────────────────────────────────────────────────────────
Result<Value> delete_bucket_cors(Call& call) { return drop_setting(call, Setting::cors); }

Result<Value> get_bucket_cors(Call& call) { return setting_or(call, Setting::cors, no_cors); }

Result<Value> put_bucket_cors(Call& call) {
  const auto& configuration = call.input["CORSConfiguration"];
  if (auto checked = check_cors(configuration); !checked) return checked.error();
  return keep_setting(call, Setting::cors, configuration);
}

// ── Encryption: of the disk's making. AES256 is what every bucket has; keys of one's own are not built ──
Result<Value> delete_bucket_encryption(Call& call) { return drop_setting(call, Setting::encryption); }

Result<Value> get_bucket_encryption(Call& call) {
  auto document = setting_of(call, Setting::encryption);
  if (!document) return document;
  if (document->is_null())
    document = Value(Map{{"Rules", List{Map{{"ApplyServerSideEncryptionByDefault", Map{{"SSEAlgorithm", "AES256"}}},
                                            {"BucketKeyEnabled", false}}}}});
  return wrapped("ServerSideEncryptionConfiguration", std::move(*document));
}

Result<Value> put_bucket_encryption(Call& call) {
  auto configuration = call.input["ServerSideEncryptionConfiguration"];
  auto& rules = configuration.map()["Rules"];
  if (rules.list().size() != 1) return malformed_xml();
  auto& rule = rules.list().front();
  const auto& by_default = rule["ApplyServerSideEncryptionByDefault"];
  const auto algorithm = by_default["SSEAlgorithm"].string_or("AES256");
  if (algorithm == "aws:kms" || algorithm == "aws:kms:dsse")
    return not_implemented("s3 PutBucketEncryption SSEAlgorithm " + algorithm);
  if (algorithm != "AES256") return malformed_xml();
  if (!by_default["KMSMasterKeyID"].is_null())
    return Error{"InvalidArgument",
                 "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
                 {{"ArgumentName", "ApplyServerSideEncryptionByDefault"}},
                 400};
  if (!rule["BlockedEncryptionTypes"].is_null())
    return not_implemented("s3 PutBucketEncryption BlockedEncryptionTypes");
  if (rule["BucketKeyEnabled"].is_null()) rule.set("BucketKeyEnabled", false);
  return keep_setting(call, Setting::encryption, configuration);
}

// ── Public access ───────────────────────────────────────────────────────────────────────────────
Result<Value> delete_public_access_block(Call& call) { return drop_setting(call, Setting::public_access); }

Result<Value> get_public_access_block(Call& call) {
  return wrapped_setting(call, Setting::public_access, "PublicAccessBlockConfiguration", no_public_access);
}

Result<Value> put_public_access_block(Call& call) {
  Map configuration;
  for (const auto* member : {"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"})
    configuration.set(member, call.input["PublicAccessBlockConfiguration"][member].boolean_or(false));
  return keep_setting(call, Setting::public_access, Value(std::move(configuration)));
}

// ── Ownership: the bucket's owner owns all objects ──────────────────────────────────────────────
Result<Value> delete_bucket_ownership_controls(Call& call) { return drop_setting(call, Setting::ownership); }

Result<Value> get_bucket_ownership_controls(Call& call) {
  return wrapped_setting(call, Setting::ownership, "OwnershipControls", no_ownership);
}

Result<Value> put_bucket_ownership_controls(Call& call) {
  const auto& controls = call.input["OwnershipControls"];
  if (controls["Rules"].list().size() != 1) return malformed_xml();
  if (auto valid = check_ownership(call, controls["Rules"][0]["ObjectOwnership"]); !valid) return valid.error();
  return keep_setting(call, Setting::ownership, controls);
}

Result<Done> check_ownership(const Call& call, const Value& ownership) {
  const auto text = ownership.string_or("BucketOwnerEnforced");
  if (text == "BucketOwnerEnforced") return done;
  if (text != "BucketOwnerPreferred" && text != "ObjectWriter") return malformed_xml();
  return not_implemented("s3 " + std::string(call.operation) + " ObjectOwnership " + text);
}

// ── What has but one value here; others answer 501 ──────────────────────────────────────────────
Result<Value> get_bucket_request_payment(Call& call) {
  const auto bucket = look_up_bucket(call);
  if (!bucket) return bucket.error();
  return Value(Map{{"Payer", "BucketOwner"}});
}

Result<Value> put_bucket_request_payment(Call& call) {
  const auto& payer = call.input["RequestPaymentConfiguration"]["Payer"].string();
  if (payer == "Requester") return not_implemented("s3 PutBucketRequestPayment Payer Requester");
  if (payer != "BucketOwner") return malformed_xml();
  return answer_nothing(call);
}

Result<Value> get_bucket_accelerate_configuration(Call& call) { return answer_nothing(call); }

Result<Value> put_bucket_accelerate_configuration(Call& call) {
  const auto status = call.input["AccelerateConfiguration"]["Status"].string_or("");
  if (status == "Enabled") return not_implemented("s3 PutBucketAccelerateConfiguration Status Enabled");
  if (status != "Suspended") return malformed_xml();
  return answer_nothing(call);
}

Result<Value> get_bucket_logging(Call& call) { return answer_nothing(call); }

Result<Value> put_bucket_logging(Call& call) {
  if (!call.input["BucketLoggingStatus"]["LoggingEnabled"].is_null())
    return not_implemented("s3 PutBucketLogging LoggingEnabled");
  return answer_nothing(call);
}

// Nobody can put these two.
Result<Value> get_bucket_replication(Call& call) { return setting_or(call, Setting::replication, no_replication); }

Result<Value> get_bucket_website(Call& call) { return setting_or(call, Setting::website, no_website); }

Result<Value> delete_bucket_website(Call& call) { return answer_nothing(call); }

Result<Value> delete_bucket_replication(Call& call) { return answer_nothing(call); }

}  // namespace moonbase::s3
