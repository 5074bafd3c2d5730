// Errors of S3, worded as S3 words them.
#pragma once

#include <moonbase/result.hpp>
#include <string>

namespace moonbase::s3 {

inline Error access_denied() { return {"AccessDenied", "Access Denied", {}, 403}; }

inline Error no_such_bucket(const std::string& bucket) {
  return {"NoSuchBucket", "The specified bucket does not exist", {{"BucketName", bucket}}, 404};
}

inline Error no_such_key(const std::string& key) {
  return {"NoSuchKey", "The specified key does not exist.", {{"Key", key}}, 404};
}

inline Error no_such_version(const std::string& key, const std::string& version_id) {
  return {"NoSuchVersion", "The specified version does not exist.", {{"Key", key}, {"VersionId", version_id}}, 404};
}

inline Error no_such_upload(const std::string& upload_id) {
  return {"NoSuchUpload",
          "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
          "completed.",
          {{"UploadId", upload_id}},
          404};
}

inline Error invalid_argument(std::string message, const std::string& name, const std::string& value) {
  return {"InvalidArgument", std::move(message), {{"ArgumentName", name}, {"ArgumentValue", value}}, 400};
}

inline Error invalid_request(std::string message) { return {"InvalidRequest", std::move(message), {}, 400}; }

inline Error try_again() { return {"InternalError", "We encountered an internal error. Please try again.", {}, 500}; }

inline Error malformed_xml() {
  return {"MalformedXML",
          "The XML you provided was not well-formed or did not validate against our published schema",
          {},
          400};
}

inline Error bad_digest(std::string message) { return {"BadDigest", std::move(message), {}, 400}; }

inline Error method_not_allowed(const std::string& method, const std::string& type) {
  return {"MethodNotAllowed",
          "The specified method is not allowed against this resource.",
          {{"Method", method}, {"ResourceType", type}},
          405};
}

// `condition` is the header that did not hold.
inline Error precondition_failed(const std::string& condition) {
  return {"PreconditionFailed",
          "At least one of the pre-conditions you specified did not hold",
          {{"Condition", condition}},
          412};
}

}  // namespace moonbase::s3
