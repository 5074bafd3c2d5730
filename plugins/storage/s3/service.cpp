#include "service.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "content.hpp"
#include "settings.hpp"

namespace moonbase::s3 {
namespace {

// A reset forgets the rows and is told twice, before and after: the blobs that the rows named are for us to erase.
class Resets {
 public:
  void note(KernelServices& kernel, const std::string& account) {
    std::unique_lock lock(mutex_);
    const auto begun = begun_.find(account);
    if (begun == begun_.end()) {
      begun_.emplace(account, blobs_of(kernel, account));
      return;
    }
    auto blobs = std::make_shared<std::vector<std::string>>(std::move(begun->second));
    begun_.erase(begun);
    lock.unlock();
    if (blobs->empty()) return;
    kernel.io.spawn(
        [&kernel, blobs, busy = std::make_shared<Activity::Busy>(kernel.activity)] { erase_unused(kernel, *blobs); });
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::vector<std::string>> begun_;
};

}  // namespace

void load(Registrar& registrar, std::string_view model, std::string_view schema) {
  registrar.model(model);
  registrar.schema(schema);
  using Run = Result<Value> (*)(Call&);
  constexpr std::pair<std::string_view, Run> operations[] = {
      {"AbortMultipartUpload", abort_multipart_upload},
      {"CompleteMultipartUpload", complete_multipart_upload},
      {"CopyObject", copy_object},
      {"CreateBucket", create_bucket},
      {"CreateMultipartUpload", create_multipart_upload},
      {"DeleteBucket", delete_bucket},
      {"DeleteObject", delete_object},
      {"DeleteObjectTagging", delete_object_tagging},
      {"DeleteObjects", delete_objects},
      {"GetBucketLocation", get_bucket_location},
      {"GetBucketVersioning", get_bucket_versioning},
      {"GetObject", get_object},
      {"GetObjectAttributes", get_object_attributes},
      {"GetObjectTagging", get_object_tagging},
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
      {"PutObjectTagging", put_object_tagging},
      {"UploadPart", upload_part},
      {"UploadPartCopy", upload_part_copy},
  };
  for (const auto& [name, run] : operations) registrar.operation(name, run);
  registrar.task(erase_task, erase_unnamed);
  load_settings(registrar);
  registrar.on_reset([resets = std::make_shared<Resets>(), &kernel = registrar.kernel()](std::string_view account) {
    resets->note(kernel, std::string(account));
  });
}

void settle(KernelServices& kernel) { settle_blobs(kernel); }

}  // namespace moonbase::s3
