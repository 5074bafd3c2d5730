#include "lambda/page.hpp"

#include <algorithm>
#include <moonbase/hash.hpp>

#include "lambda/function.hpp"

namespace moonbase::functions {

Result<std::string> page_begin(const Call& call) {
  const auto marker = call.input["Marker"].string_or("");
  if (marker.empty()) return std::string();
  auto key = from_base64_url(marker);
  if (!key || key->empty()) return invalid_parameter("Invalid value for Marker");
  return std::move(*key);
}

Value read_page(Transaction& tx, const Call& call, const PageQuery& query,
                const std::function<std::optional<PageItem>(const Row&)>& item_of) {
  const auto limit =
      static_cast<std::size_t>(std::min(call.input["MaxItems"].integer_or(query.items_max), query.items_max));
  List items;
  Map output;
  std::string last;
  tx.each(query.sql, query.parameters, [&](const Row& row) {
    auto item = item_of(row);
    if (!item) return true;
    if (items.size() == limit) {
      output.set("NextMarker", base64_url(last));
      return false;
    }
    last = std::move(item->key);
    items.push_back(std::move(item->item));
    return true;
  });
  output.set(query.member, std::move(items));
  return Value(std::move(output));
}

}  // namespace moonbase::functions
