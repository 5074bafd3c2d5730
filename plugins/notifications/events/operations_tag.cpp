#include "events/service.hpp"

namespace moonbase::notifications::events {
namespace {

constexpr std::int64_t tags_max = 50;

// The resource must be there. Answers whose it is.
Result<Owner> find_tagged(Transaction& tx, const std::string& text) {
  const auto arn = parse_arn(text);
  const auto missing = [](std::string message) { return Error{"ResourceNotFoundException", std::move(message)}; };
  if (!arn || arn->service != "events") return Error{"ValidationException", "Parameter ResourceARN is not valid."};
  const auto resource = arn->resource;
  const auto slash = resource.find('/');
  const auto kind = resource.substr(0, slash);
  const auto name = slash == std::string_view::npos ? std::string_view() : resource.substr(slash + 1);
  const auto owner = arn->owner();
  if (kind == "event-bus") {
    if (auto bus = find_bus(tx, {owner, std::string(name)}); !bus) return bus.error();
    return owner;
  }
  if (kind == "rule") {
    const auto cut = name.rfind('/');
    const BusName bus{owner, std::string(cut == std::string_view::npos ? default_bus : name.substr(0, cut))};
    const auto rule = cut == std::string_view::npos ? name : name.substr(cut + 1);
    if (auto found = find_rule(tx, bus, rule); !found) return found.error();
    return owner;
  }
  return missing("Resource " + text + " does not exist.");
}

}  // namespace

Result<Value> list_tags_for_resource(Call& call, Service&) {
  const auto& arn = call.input["ResourceARN"].string();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto owner = find_tagged(tx, arn);
    if (!owner) return owner.error();
    return Value(Map{{"Tags", tags_of(tx, *owner, arn)}});
  });
}

Result<Value> tag_resource(Call& call, Service&) {
  const auto& arn = call.input["ResourceARN"].string();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto owner = find_tagged(tx, arn);
    if (!owner) return owner.error();
    put_tags(tx, *owner, arn, call.input["Tags"]);
    if (count_tags(tx, *owner, arn) > tags_max)
      return Error{"LimitExceededException", "The requested resource exceeds the maximum number allowed."};
    return Value(Map{});
  });
}

Result<Value> untag_resource(Call& call, Service&) {
  const auto& arn = call.input["ResourceARN"].string();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto owner = find_tagged(tx, arn);
    if (!owner) return owner.error();
    remove_tags(tx, *owner, arn, call.input["TagKeys"]);
    return Value(Map{});
  });
}

}  // namespace moonbase::notifications::events
