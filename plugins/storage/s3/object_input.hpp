// What a request says of the object that it makes, and the rules for it.
#pragma once

#include <moonbase/call.hpp>
#include <string>

#include "object.hpp"

namespace moonbase::s3 {

// Error KeyTooLongError.
Result<Done> check_key(const std::string& key);

// Headers, metadata, tags, lock and storage class of PutObject, CopyObject and CreateMultipartUpload, checked. Errors
// MetadataTooLarge, InvalidStorageClass, those of tags, lists and locks, and NotImplemented for what is not built.
Result<Object> object_of_input(const Call& call, const Bucket& bucket);
// The parts of it.
Result<Done> refuse_unbuilt(const Call& call);
Result<Map> headers_of_input(const Value& input);
Result<Map> metadata_of_input(const Value& input);
Result<std::string> storage_class_of_input(const Value& input);
// Of x-amz-tagging: "name=value&…".
Result<List> tags_of_input(const Value& input);

// A TagSet: no key twice, AWS's limits. Errors BadRequest and InvalidTag.
inline constexpr std::size_t object_tags_max = 10;
Result<List> checked_tags(const List& tags, std::size_t most = object_tags_max);
// The same of a bucket, which may have 50.
Result<List> checked_bucket_tags(const List& tags);

}  // namespace moonbase::s3
