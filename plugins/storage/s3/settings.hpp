// Everything around a bucket: the operations that set and tell it.
#pragma once

#include <moonbase/plugin.hpp>

#include "bucket.hpp"

namespace moonbase::s3 {

// Registers what follows, and its tasks.
void load_settings(Registrar& registrar);

// operations_acl.cpp
Result<Value> get_bucket_acl(Call& call);
Result<Value> get_object_acl(Call& call);
Result<Value> put_bucket_acl(Call& call);
Result<Value> put_object_acl(Call& call);

// operations_lifecycle.cpp
Result<Value> delete_bucket_lifecycle(Call& call);
Result<Value> get_bucket_lifecycle_configuration(Call& call);
Result<Value> put_bucket_lifecycle_configuration(Call& call);

// operations_notification.cpp
Result<Value> get_bucket_notification_configuration(Call& call);
Result<Value> put_bucket_notification_configuration(Call& call);

// operations_object_lock.cpp
Result<Value> get_object_legal_hold(Call& call);
Result<Value> get_object_lock_configuration(Call& call);
Result<Value> get_object_retention(Call& call);
Result<Value> put_object_legal_hold(Call& call);
Result<Value> put_object_lock_configuration(Call& call);
Result<Value> put_object_retention(Call& call);

// operations_policy.cpp
Result<Value> delete_bucket_policy(Call& call);
Result<Value> get_bucket_policy(Call& call);
Result<Value> get_bucket_policy_status(Call& call);
Result<Value> put_bucket_policy(Call& call);

// operations_setting.cpp
Result<Value> delete_bucket_cors(Call& call);
Result<Value> delete_bucket_encryption(Call& call);
Result<Value> delete_bucket_ownership_controls(Call& call);
Result<Value> delete_bucket_replication(Call& call);
Result<Value> delete_bucket_website(Call& call);
Result<Value> delete_bucket_tagging(Call& call);
Result<Value> delete_public_access_block(Call& call);
Result<Value> get_bucket_accelerate_configuration(Call& call);
Result<Value> get_bucket_cors(Call& call);
Result<Value> get_bucket_encryption(Call& call);
Result<Value> get_bucket_logging(Call& call);
Result<Value> get_bucket_ownership_controls(Call& call);
Result<Value> get_bucket_replication(Call& call);
Result<Value> get_bucket_request_payment(Call& call);
Result<Value> get_bucket_tagging(Call& call);
Result<Value> get_bucket_website(Call& call);
Result<Value> get_public_access_block(Call& call);
Result<Value> put_bucket_accelerate_configuration(Call& call);
Result<Value> put_bucket_cors(Call& call);
Result<Value> put_bucket_encryption(Call& call);
Result<Value> put_bucket_logging(Call& call);
Result<Value> put_bucket_ownership_controls(Call& call);
Result<Value> put_bucket_request_payment(Call& call);
Result<Value> put_bucket_tagging(Call& call);
Result<Value> put_public_access_block(Call& call);
// What a bucket's ObjectOwnership may be. Error MalformedXML, and NotImplemented for owners other than the bucket's.
Result<Done> check_ownership(const Call& call, const Value& ownership);

}  // namespace moonbase::s3
