#include "apigatewayv2/deployment.hpp"
#include "apigatewayv2/http_api.hpp"
#include "tags.hpp"

namespace moonbase::gateway::http {
namespace {

constexpr Tagging tagging{"apis", "ResourceArn", "Tags", "TagKeys", find_api, save_api, find_stage, save_stage};

}  // namespace

Result<Value> tag_resource(Call& call) { return gateway::tag_resource(call, tagging); }
Result<Value> untag_resource(Call& call) { return gateway::untag_resource(call, tagging); }
Result<Value> get_tags(Call& call) { return gateway::get_tags(call, tagging); }

}  // namespace moonbase::gateway::http
