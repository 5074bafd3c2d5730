// Where a package comes from: the request itself, an object of S3, or a folder of this machine. Functions and layers have the same words for it.
#pragma once

#include <moonbase/call.hpp>
#include <moonbase/result.hpp>
#include <moonbase/value.hpp>
#include <string>

#include "lambda/code.hpp"

namespace moonbase::functions {

// The package that `code` (ZipFile, or S3Bucket, S3Key and S3ObjectVersion) names, and its files. An object is read as
// the caller, and must be in the caller's region. `prefix`: how the request names `code` ("Code.", "Content." or
// nothing), for what is not built. Suspends the fiber. Errors are AWS's: InvalidParameterValueException with S3's own
// code and text in it, AccessDeniedException, RequestEntityTooLargeException.
struct UploadedPackage {
  std::string zip;
  CodeFiles files;
  std::string folder;  // Where it comes from, if that is a folder of this machine (local_folder.hpp).
};
Result<UploadedPackage> read_package(Call& call, const Value& code, const std::string& prefix);

}  // namespace moonbase::functions
