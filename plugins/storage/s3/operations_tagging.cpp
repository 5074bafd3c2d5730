// Tags of objects.
#include "errors.hpp"
#include "object_input.hpp"
#include "read_object.hpp"
#include "service.hpp"

namespace moonbase::s3 {
namespace {

// Replaces the tags of the version that the call means.
Result<Value> replace_tags(Call& call, List tags) {
  if (auto valid = check_version_id(call.input["VersionId"]); !valid) return valid.error();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto opened = open_for_change(tx, call, call.input["Bucket"].string());
    if (!opened) return opened.error();
    auto object = wanted_version(tx, call, opened->bucket, call.input["Key"].string(), call.input["VersionId"]);
    if (!object) return object.error();
    object->tags = tags;
    save_tags(change_of(tx, opened->bucket, call), *object);
    Value output = Map{};
    show_version_id(output, opened->bucket, *object);
    return output;
  });
}

}  // namespace

Result<Value> delete_object_tagging(Call& call) { return replace_tags(call, {}); }

Result<Value> get_object_tagging(Call& call) {
  if (auto valid = check_version_id(call.input["VersionId"]); !valid) return valid.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto bucket = open_bucket(tx, call, call.input["Bucket"].string());
    if (!bucket) return bucket.error();
    auto object = wanted_version(tx, call, *bucket, call.input["Key"].string(), call.input["VersionId"]);
    if (!object) return object.error();
    Value output = Map{{"TagSet", std::move(object->tags)}};
    show_version_id(output, *bucket, *object);
    return output;
  });
}

Result<Value> put_object_tagging(Call& call) {
  auto tags = checked_tags(call.input["Tagging"]["TagSet"].list());
  if (!tags) return tags.error();
  return replace_tags(call, std::move(*tags));
}

}  // namespace moonbase::s3
