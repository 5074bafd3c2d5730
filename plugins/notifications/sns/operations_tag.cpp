// Tags of topics.
#include <set>

#include "sns/service.hpp"

namespace moonbase::notifications::sns {
namespace {

constexpr std::int64_t tags_max = 50;

Result<TopicName> find_tagged(Transaction& tx, const std::string& arn) {
  const auto name = parse_topic_arn(arn, "ResourceArn");
  if (!name) return name.error();
  if (!find_topic(tx, *name)) return Error{"ResourceNotFound", "Resource does not exist"};
  return name;
}

}  // namespace

Result<Value> list_tags_for_resource(Call& call, Service&) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto topic = find_tagged(tx, call.input["ResourceArn"].string());
    if (!topic) return topic.error();
    return Value(Map{{"Tags", tags_of(tx, topic->owner, topic->arn())}});
  });
}

Result<Value> tag_resource(Call& call, Service&) {
  std::set<std::string> keys;
  for (const auto& tag : call.input["Tags"].list())
    if (!keys.insert(tag["Key"].string()).second) return invalid_parameter("Duplicated keys are not allowed.");
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto topic = find_tagged(tx, call.input["ResourceArn"].string());
    if (!topic) return topic.error();
    put_tags(tx, topic->owner, topic->arn(), call.input["Tags"]);
    if (count_tags(tx, topic->owner, topic->arn()) > tags_max)
      return Error{"TagLimitExceeded", "Could not complete request: tag quota of per resource exceeded"};
    return Value(Map());
  });
}

Result<Value> untag_resource(Call& call, Service&) {
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto topic = find_tagged(tx, call.input["ResourceArn"].string());
    if (!topic) return topic.error();
    remove_tags(tx, topic->owner, topic->arn(), call.input["TagKeys"]);
    return Value(Map());
  });
}

}  // namespace moonbase::notifications::sns
