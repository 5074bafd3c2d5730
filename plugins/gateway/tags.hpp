// The tag operations, the same in both services but for how their members are spelled.
#pragma once

#include "common.hpp"

namespace moonbase::gateway {

struct Tagging {
  std::string_view collection;  // The ARN's: "restapis".
  std::string_view arn, tags, keys;  // The members' names.
  Result<Value> (*find_api)(Transaction&, const Owner&, std::string_view api_id);
  void (*save_api)(Transaction&, const Owner&, const Value& api);
  Result<Value> (*find_stage)(Transaction&, const Owner&, std::string_view api_id, std::string_view name);
  void (*save_stage)(Transaction&, const Owner&, std::string_view api_id, const Value& stage);
};

Result<Value> tag_resource(Call& call, const Tagging& tagging);
Result<Value> untag_resource(Call& call, const Tagging& tagging);
Result<Value> get_tags(Call& call, const Tagging& tagging);

}  // namespace moonbase::gateway
