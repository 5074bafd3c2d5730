#include "settings.hpp"

#include "lifecycle.hpp"
#include "notification.hpp"
#include "pages.hpp"

namespace moonbase::s3 {

void load_settings(Registrar& registrar) {
  using Run = Result<Value> (*)(Call&);
  constexpr std::pair<std::string_view, Run> operations[] = {
      {"DeleteBucketCors", delete_bucket_cors},
      {"DeleteBucketEncryption", delete_bucket_encryption},
      {"DeleteBucketLifecycle", delete_bucket_lifecycle},
      {"DeleteBucketOwnershipControls", delete_bucket_ownership_controls},
      {"DeleteBucketPolicy", delete_bucket_policy},
      {"DeleteBucketReplication", delete_bucket_replication},
      {"DeleteBucketTagging", delete_bucket_tagging},
      {"DeleteBucketWebsite", delete_bucket_website},
      {"DeletePublicAccessBlock", delete_public_access_block},
      {"GetBucketAccelerateConfiguration", get_bucket_accelerate_configuration},
      {"GetBucketAcl", get_bucket_acl},
      {"GetBucketCors", get_bucket_cors},
      {"GetBucketEncryption", get_bucket_encryption},
      {"GetBucketLifecycleConfiguration", get_bucket_lifecycle_configuration},
      {"GetBucketLogging", get_bucket_logging},
      {"GetBucketNotificationConfiguration", get_bucket_notification_configuration},
      {"GetBucketOwnershipControls", get_bucket_ownership_controls},
      {"GetBucketPolicy", get_bucket_policy},
      {"GetBucketPolicyStatus", get_bucket_policy_status},
      {"GetBucketReplication", get_bucket_replication},
      {"GetBucketRequestPayment", get_bucket_request_payment},
      {"GetBucketTagging", get_bucket_tagging},
      {"GetBucketWebsite", get_bucket_website},
      {"GetObjectAcl", get_object_acl},
      {"GetObjectLegalHold", get_object_legal_hold},
      {"GetObjectLockConfiguration", get_object_lock_configuration},
      {"GetObjectRetention", get_object_retention},
      {"GetPublicAccessBlock", get_public_access_block},
      {"PutBucketAccelerateConfiguration", put_bucket_accelerate_configuration},
      {"PutBucketAcl", put_bucket_acl},
      {"PutBucketCors", put_bucket_cors},
      {"PutBucketEncryption", put_bucket_encryption},
      {"PutBucketLifecycleConfiguration", put_bucket_lifecycle_configuration},
      {"PutBucketLogging", put_bucket_logging},
      {"PutBucketNotificationConfiguration", put_bucket_notification_configuration},
      {"PutBucketOwnershipControls", put_bucket_ownership_controls},
      {"PutBucketPolicy", put_bucket_policy},
      {"PutBucketRequestPayment", put_bucket_request_payment},
      {"PutBucketTagging", put_bucket_tagging},
      {"PutObjectAcl", put_object_acl},
      {"PutObjectLegalHold", put_object_legal_hold},
      {"PutObjectLockConfiguration", put_object_lock_configuration},
      {"PutObjectRetention", put_object_retention},
      {"PutPublicAccessBlock", put_public_access_block},
  };
  for (const auto& [name, run] : operations) registrar.operation(name, run);
  registrar.pages(rules_for_pages);
  registrar.task(notify_task, notify);
  registrar.task(lifecycle_task, run_lifecycle);
}

}  // namespace moonbase::s3
