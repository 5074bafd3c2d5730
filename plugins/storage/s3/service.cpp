#include "service.hpp"

#include <utility>

#include "content.hpp"
#include "settings.hpp"

namespace moonbase::s3 {

void load(Registrar& registrar, std::string_view model, std::string_view schema) {
  registrar.model(model);
  registrar.schema(schema);
  using Run = Result<Value> (*)(Call&);
  constexpr std::pair<std::string_view, Run> operations[] = {
      {"AbortMultipartUpload", abort_multipart_upload},
      {"CompleteMultipartUpload", complete_multipart_upload},
      {"CreateBucket", create_bucket},
      {"CreateMultipartUpload", create_multipart_upload},
      {"DeleteBucket", delete_bucket},
      {"DeleteObject", delete_object},
      {"GetBucketLocation", get_bucket_location},
      {"GetBucketVersioning", get_bucket_versioning},
      {"GetObject", get_object},
      {"HeadBucket", head_bucket},
      {"HeadObject", head_object},
      {"ListBuckets", list_buckets},
      {"ListMultipartUploads", list_multipart_uploads},
      {"ListObjectVersions", list_object_versions},
      {"ListObjects", list_objects},
      {"ListObjectsV2", list_objects_v2},
      {"ListParts", list_parts},
      {"PutBucketVersioning", put_bucket_versioning},
      {"PutObject", put_object},
      {"UploadPart", upload_part},
  };
  for (const auto& [name, run] : operations) registrar.operation(name, run);
  registrar.task(erase_task, erase_blobs);
  load_settings(registrar);
}

void settle(KernelServices& kernel) {
  kernel.blobs.settle([&](const std::string& blob) { return is_blob_used(kernel.store, blob); });
}

}  // namespace moonbase::s3
