// Lists in pages: MaxItems, Marker and NextMarker.
#pragma once

#include <cstdint>
#include <functional>
#include <moonbase/call.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moonbase::functions {

// The key behind which the page begins, as Marker says; empty for the first page.
Result<std::string> page_begin(const Call& call);

// What is listed: rows in the order of their key, which the parameters let begin behind page_begin().
struct PageQuery {
  const char* member;  // Of the output.
  std::string_view sql;
  std::vector<Parameter> parameters;
  std::int64_t items_max = 50;
};
// One item, and the key behind which the next page begins if it is the last.
struct PageItem {
  std::string key;
  Value item;
};
// The output. `item_of` answers nothing for a row that is left out.
Value read_page(Transaction& tx, const Call& call, const PageQuery& query,
                const std::function<std::optional<PageItem>(const Row&)>& item_of);

}  // namespace moonbase::functions
