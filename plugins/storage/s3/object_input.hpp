// What a request says of the object that it makes, and the rules for it.
#pragma once

#include <moonbase/call.hpp>
#include <string>

#include "object.hpp"

namespace moonbase::s3 {

// Error KeyTooLongError.
Result<Done> check_key(const std::string& key);

// Headers, metadata, tags and storage class of PutObject, CopyObject and CreateMultipartUpload, checked. Errors
// MetadataTooLarge, InvalidStorageClass, those of tags, and NotImplemented for what is not built.
Result<Object> object_of_input(const Call& call);
// The parts of it.
Result<Done> refuse_unbuilt(const Call& call);
Result<Map> headers_of_input(const Value& input);
Result<Map> metadata_of_input(const Value& input);
Result<std::string> storage_class_of_input(const Value& input);
// Of x-amz-tagging: "name=value&…".
Result<List> tags_of_input(const Value& input);

// A TagSet: at most ten, no key twice, AWS's limits. Errors BadRequest and InvalidTag.
Result<List> checked_tags(const List& tags);

}  // namespace moonbase::s3
