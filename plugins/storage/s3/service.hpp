// The S3 service: what its operations share, and the operations.
#pragma once

#include <moonbase/plugin.hpp>
#include <string_view>

#include "bucket.hpp"
#include "object.hpp"

namespace moonbase::s3 {

// Registers the model, the schema and every operation that is built.
void load(Registrar& registrar, std::string_view model, std::string_view schema);
// Of the plugin's ready(): erases what a crash has left in the blob store.
void settle(KernelServices& kernel);

// operations_attributes.cpp
Result<Value> get_object_attributes(Call& call);

// operations_bucket.cpp
Result<Value> create_bucket(Call& call);
Result<Value> delete_bucket(Call& call);
Result<Value> get_bucket_location(Call& call);
Result<Value> head_bucket(Call& call);
Result<Value> list_buckets(Call& call);

// operations_copy.cpp
Result<Value> copy_object(Call& call);
Result<Value> upload_part_copy(Call& call);

// operations_list.cpp
Result<Value> list_objects(Call& call);
Result<Value> list_objects_v2(Call& call);

// operations_object.cpp
Result<Value> delete_object(Call& call);
Result<Value> delete_objects(Call& call);
Result<Value> get_object(Call& call);
Result<Value> head_object(Call& call);
Result<Value> put_object(Call& call);

// operations_part.cpp
Result<Value> list_parts(Call& call);
Result<Value> upload_part(Call& call);
// 1 to 10,000, or an Error.
Result<std::int64_t> part_number_of(const Value& input);

// operations_tagging.cpp
Result<Value> delete_object_tagging(Call& call);
Result<Value> get_object_tagging(Call& call);
Result<Value> put_object_tagging(Call& call);

// operations_upload.cpp
Result<Value> abort_multipart_upload(Call& call);
Result<Value> complete_multipart_upload(Call& call);
Result<Value> create_multipart_upload(Call& call);
Result<Value> list_multipart_uploads(Call& call);

// operations_versioning.cpp
Result<Value> get_bucket_versioning(Call& call);
Result<Value> list_object_versions(Call& call);
Result<Value> put_bucket_versioning(Call& call);

}  // namespace moonbase::s3
