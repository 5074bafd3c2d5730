// The S3 service: what its operations share, and the operations.
#pragma once

#include <moonbase/plugin.hpp>
#include <string_view>

#include "bucket.hpp"
#include "object.hpp"

namespace moonbase::s3 {

// Registers the model, the schema and every operation that is built.
void load(Registrar& registrar, std::string_view model, std::string_view schema);
// Its part for settings of buckets.
void load_settings(Registrar& registrar);
// Of the plugin's ready(): erases what a crash has left in the blob store.
void settle(KernelServices& kernel);

// operations_acl.cpp
Result<Value> get_bucket_acl(Call& call);
Result<Value> get_object_acl(Call& call);
Result<Value> put_bucket_acl(Call& call);
Result<Value> put_object_acl(Call& call);

// operations_bucket.cpp
Result<Value> create_bucket(Call& call);
Result<Value> delete_bucket(Call& call);
Result<Value> get_bucket_location(Call& call);
Result<Value> head_bucket(Call& call);
Result<Value> list_buckets(Call& call);

// operations_list.cpp
Result<Value> list_objects(Call& call);
Result<Value> list_objects_v2(Call& call);

// operations_object.cpp
Result<Value> delete_object(Call& call);
Result<Value> get_object(Call& call);
Result<Value> head_object(Call& call);
Result<Value> put_object(Call& call);

// operations_object_lock.cpp
Result<Value> get_object_legal_hold(Call& call);
Result<Value> get_object_lock_configuration(Call& call);
Result<Value> get_object_retention(Call& call);
Result<Value> put_object_legal_hold(Call& call);
Result<Value> put_object_lock_configuration(Call& call);
Result<Value> put_object_retention(Call& call);

// operations_setting.cpp
Result<Value> delete_bucket_cors(Call& call);
Result<Value> delete_bucket_encryption(Call& call);
Result<Value> delete_bucket_ownership_controls(Call& call);
Result<Value> delete_bucket_replication(Call& call);
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

// operations_versioning.cpp
Result<Value> get_bucket_versioning(Call& call);
Result<Value> list_object_versions(Call& call);
Result<Value> put_bucket_versioning(Call& call);

}  // namespace moonbase::s3
