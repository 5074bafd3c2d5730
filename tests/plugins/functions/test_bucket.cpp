// S3, as far as functions use it: objects in memory. Buckets whose name ends in ".eu" are in eu-west-1, in those
// that begin with "private" nobody may read.
#include <map>
#include <memory>
#include <moonbase/plugin.hpp>
#include <mutex>
#include <set>
#include <vector>

namespace {

using namespace moonbase;

constexpr auto model = R"lua(
local shape = require "moonbase.shape"
return shape.service {
  name = "s3", version = "2006-03-01", protocols = { "json-1.0" }, target = "S3",
  errors = { NoSuchBucket = { status = 404 }, NoSuchKey = { status = 404 }, NoSuchVersion = { status = 404 },
             AccessDenied = { status = 403 } },
  operations = {
    CreateBucket = { input = { Bucket = shape.string { required = true } }, output = {} },
    HeadBucket = { input = { Bucket = shape.string { required = true } }, output = { BucketRegion = shape.string } },
    PutObject = { input = { Bucket = shape.string { required = true }, Key = shape.string { required = true },
                            Body = shape.blob, ContentType = shape.string }, output = { VersionId = shape.string } },
    GetObject = { input = { Bucket = shape.string { required = true }, Key = shape.string { required = true },
                            VersionId = shape.string }, output = { Body = shape.blob, VersionId = shape.string } },
    -- For tests: the names of all objects.
    Keys = { input = { Bucket = shape.string { required = true } },
             output = { Keys = shape.list { shape.string } } },
  },
}
)lua";

class TestBucket final : public moonbase::Plugin {
  void load(Registrar& registrar) override {
    registrar.model(model);
    const auto operation = [&](const char* name, Result<Value> (TestBucket::*run)(Call&)) {
      registrar.operation(name, [this, run](Call& call) {
        const std::lock_guard lock(mutex_);
        return (this->*run)(call);
      });
    };
    operation("CreateBucket", &TestBucket::create);
    operation("HeadBucket", &TestBucket::head);
    operation("PutObject", &TestBucket::put);
    operation("GetObject", &TestBucket::get);
    operation("Keys", &TestBucket::keys);
  }

  Result<Value> create(Call& call) {
    buckets_.insert(call.input["Bucket"].string());
    return Value(Map{});
  }
  Result<Value> head(Call& call) {
    const auto& bucket = call.input["Bucket"].string();
    if (!buckets_.contains(bucket)) return no_bucket();
    return Value(Map{{"BucketRegion", bucket.ends_with(".eu") ? "eu-west-1" : "us-east-1"}});
  }
  Result<Value> put(Call& call) {
    if (!buckets_.contains(call.input["Bucket"].string())) return no_bucket();
    auto& versions = objects_[{call.input["Bucket"].string(), call.input["Key"].string()}];
    versions.push_back(call.input["Body"].string_or(""));
    return Value(Map{{"VersionId", "v" + std::to_string(versions.size())}});
  }
  Result<Value> get(Call& call) {
    const auto& bucket = call.input["Bucket"].string();
    if (!buckets_.contains(bucket)) return no_bucket();
    if (bucket.starts_with("private")) return Error{"AccessDenied", "Access Denied", {}, 403};
    const auto found = objects_.find({bucket, call.input["Key"].string()});
    if (found == objects_.end()) return Error{"NoSuchKey", "The specified key does not exist.", {}, 404};
    const auto& versions = found->second;
    const auto wanted = call.input["VersionId"].string_or("v" + std::to_string(versions.size()));
    for (std::size_t i = 0; i < versions.size(); ++i)
      if (wanted == "v" + std::to_string(i + 1)) return Value(Map{{"Body", versions[i]}, {"VersionId", wanted}});
    return Error{"NoSuchVersion", "The specified version does not exist.", {}, 404};
  }
  Result<Value> keys(Call& call) {
    List keys;
    for (const auto& [name, versions] : objects_)
      if (name.first == call.input["Bucket"].string()) keys.push_back(name.second);
    return Value(Map{{"Keys", std::move(keys)}});
  }
  static Error no_bucket() { return {"NoSuchBucket", "The specified bucket does not exist", {}, 404}; }

  std::mutex mutex_;
  std::set<std::string> buckets_;
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> objects_;
};

}  // namespace

MOONBASE_PLUGIN(TestBucket, "test_bucket", "1.0")
