// The price of a product with tax: a function in C++ beside those in Lua.
#include <moonbase/function.hpp>
#include <moonbase/json.hpp>

#include <cmath>
#include <string>

using moonbase::Context, moonbase::Map, moonbase::Result, moonbase::Value;

namespace {

Value answer(int status, const Value& body) {
  return Map{{"statusCode", status},
             {"headers", Map{{"Content-Type", "application/json"}}},
             {"body", moonbase::to_json(body)}};
}

Result<Value> price(const Value& event, Context& context) {
  const auto& id = event["pathParameters"]["id"].string();
  const auto found = context.call("dynamodb", "GetItem",
                                  Map{{"TableName", context.environment("DYNAMODB_TABLE_NAME")},
                                      {"Key", Map{{"id", Map{{"S", id}}}}}});
  if (!found) return found.error();
  const auto& net = (*found)["Item"]["price"]["N"];
  if (!net.is_string()) return answer(404, Map{{"message", "no product " + id + " with a price"}});

  const double tax_percent = std::stod(context.environment("TAX_PERCENT"));
  const double gross = std::round(std::stod(net.string()) * (100 + tax_percent)) / 100;
  context.log("priced " + id);
  return answer(200, Map{{"id", id}, {"net", std::stod(net.string())}, {"gross", gross}});
}

}  // namespace

MOONBASE_FUNCTION(price)
