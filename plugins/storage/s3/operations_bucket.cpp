// Buckets themselves; their settings are elsewhere.
#include <moonbase/hash.hpp>

#include "acl.hpp"
#include "errors.hpp"
#include "object_input.hpp"
#include "service.hpp"
#include "settings.hpp"
#include "upload.hpp"

namespace moonbase::s3 {
namespace {

constexpr std::string_view first_region = "us-east-1";
constexpr std::size_t page_max = 10'000;

// What CreateBucket takes beside the name, and nobody has built.
Result<Done> refuse_settings(const Value& input) {
  if (!input["BucketNamespace"].is_null()) return not_implemented("s3 CreateBucket BucketNamespace");
  const auto& configuration = input["CreateBucketConfiguration"];
  for (const auto* member : {"Bucket", "Location"})
    if (!configuration[member].is_null())
      return not_implemented("s3 CreateBucket CreateBucketConfiguration." + std::string(member));
  return done;
}

Result<List> tags_of_new_bucket(const Value& input) {
  const auto& tags = input["CreateBucketConfiguration"]["Tags"];
  return checked_bucket_tags(tags.is_list() ? tags.list() : List{});
}

Error wrong_constraint(const std::string& constraint) {
  return {"IllegalLocationConstraintException",
          "The " + constraint +
              " location constraint is incompatible for the region specific endpoint this request was sent to.",
          {},
          400};
}

bool is_region(std::string_view name) {
  int dashes = 0;
  for (const char c : name) {
    if (c == '-') ++dashes;
    if (c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9')) return false;
  }
  return dashes >= 2 && name.size() < 32 && name.front() >= 'a' && name.back() >= '0' && name.back() <= '9';
}

// Where the new bucket is: what the request says, which must fit the region that it was signed for.
Result<std::string> region_of(const Call& call) {
  const auto& constraint = call.input["CreateBucketConfiguration"]["LocationConstraint"];
  const auto& asked = call.context.region;
  if (!constraint.is_string() || constraint.string().empty()) {
    if (asked == first_region || !call.http) return asked;
    return wrong_constraint("unspecified");
  }
  const std::string region = constraint.string() == "EU" ? "eu-west-1" : constraint.string();
  if (!is_region(region) || region == first_region)
    return Error{"InvalidLocationConstraint",
                 "The specified location-constraint is not valid",
                 {{"LocationConstraint", constraint}},
                 400};
  if (asked != first_region && asked != region) return wrong_constraint(region);
  return region;
}

Error bucket_not_empty(const Bucket& bucket) {
  std::string text = "The bucket you tried to delete is not empty";
  if (!bucket.versioning.empty()) text += ". You must delete all versions in the bucket.";
  return {"BucketNotEmpty", std::move(text), {{"BucketName", bucket.name}}, 409};
}

}  // namespace

Result<Value> create_bucket(Call& call) {
  const auto& name = call.input["Bucket"].string();
  if (auto valid = check_bucket_name(name); !valid) return valid.error();
  if (auto built = refuse_settings(call.input); !built) return built.error();
  if (auto valid = check_ownership(call, call.input["ObjectOwnership"]); !valid) return valid.error();
  if (auto valid = check_bucket_acl(call.input); !valid) return valid.error();
  const auto tags = tags_of_new_bucket(call.input);
  if (!tags) return tags.error();
  const auto region = region_of(call);
  if (!region) return region.error();
  const bool locks = call.input["ObjectLockEnabledForBucket"].boolean_or(false);

  auto made = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    Bucket bucket{name, call.context.identity.account_id, *region, 0, call.kernel.clock.now(), locks ? "Enabled" : ""};
    if (auto inserted = insert_bucket(tx, bucket); !inserted) return inserted.error();
    if (!tags->empty()) save_setting(tx, bucket, Setting::tagging, Map{{"TagSet", *tags}});
    if (locks) save_setting(tx, bucket, Setting::object_lock, Map{{"ObjectLockEnabled", "Enabled"}});
    return Value(Map{{"Location", "/" + name}, {"BucketArn", bucket.arn()}});
  });
  // In the oldest region a bucket of one's own may be made again.
  if (!made && made.error().code == "BucketAlreadyOwnedByYou" && *region == first_region)
    return Value(Map{{"Location", "/" + name}, {"BucketArn", Bucket{name}.arn()}});
  return made;
}

Result<Value> delete_bucket(Call& call) {
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto opened = open_for_change(tx, call, call.input["Bucket"].string());
    if (!opened) return opened.error();
    const auto& bucket = opened->bucket;
    if (has_objects(tx, bucket)) return bucket_not_empty(bucket);
    remove_all_uploads(change_of(tx, bucket, call));
    delete_bucket_row(tx, bucket);
    return Value(Map{});
  });
}

Result<Value> get_bucket_location(Call& call) {
  const auto bucket = look_up_bucket(call);
  if (!bucket) return bucket.error();
  Value output = Map{};
  if (bucket->region != first_region) output.set("LocationConstraint", bucket->region);
  return output;
}

Result<Value> head_bucket(Call& call) {
  const auto bucket = look_up_bucket(call);
  if (!bucket) return bucket.error();
  return Value(Map{{"BucketRegion", bucket->region}, {"BucketArn", bucket->arn()}, {"AccessPointAlias", false}});
}

Result<Value> list_buckets(Call& call) {
  const auto& account = call.context.identity.account_id;
  const auto page = call.input["MaxBuckets"].integer_or(page_max);
  if (page < 1 || page > static_cast<std::int64_t>(page_max))
    return invalid_argument("Argument max-buckets must be an integer between 1 and 10000", "max-buckets",
                            std::to_string(page));
  BucketsWanted wanted{account, call.input["Prefix"].string_or(""), "", call.input["BucketRegion"].string_or(""),
                       static_cast<std::size_t>(page) + 1};
  if (const auto& token = call.input["ContinuationToken"]; token.is_string()) {
    const auto after = from_base64_url(token.string());
    if (!after)
      return invalid_argument("The continuation token provided is incorrect", "continuation-token", token.string());
    wanted.after = *after;
  }
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    auto buckets = list_buckets(tx, wanted);
    Value output = Map{{"Owner", owner_of(account)}};
    if (call.input["Prefix"].is_string()) output.set("Prefix", wanted.prefix);
    if (buckets.size() == wanted.max) {
      buckets.pop_back();
      output.set("ContinuationToken", base64_url(buckets.back().name));
    }
    List list;
    for (const auto& bucket : buckets) {
      Map entry{{"Name", bucket.name}, {"CreationDate", bucket.created.ms}, {"BucketArn", bucket.arn()}};
      entry.set("BucketRegion", bucket.region);
      list.emplace_back(std::move(entry));
    }
    output.set("Buckets", std::move(list));
    return output;
  });
}

}  // namespace moonbase::s3
