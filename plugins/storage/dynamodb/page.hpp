// One page of a Query or a Scan: rows in key order, at most 1 MB and `limit` of them.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "evaluate.hpp"
#include "items.hpp"
#include "key_condition.hpp"

namespace moonbase::dynamodb {

constexpr std::size_t page_bytes_max = 1024 * 1024;

// Where a row stands in a table or an index.
struct RowPosition {
  KeyBytes key;
  std::string tie;  // Of an index entry; else empty.
};

struct PageRequest {
  const Table* table = nullptr;
  const Index* index = nullptr;
  // Either a range of one partition, or the partitions whose first byte is in [first, end).
  std::optional<KeyRange> range;
  int first_partition = 0, end_partition = 256;
  bool forward = true;
  std::size_t limit = 0;             // 0: none.
  std::optional<RowPosition> start;  // Behind this row.
  bool whole_items = false;          // From a local index: the items themselves, not what it projects.
};

struct Page {
  std::size_t scanned = 0;
  std::size_t bytes = 0;
  double fetched_units = 0;  // Of consistent reads, for items fetched from the table.
  std::optional<Map> last;   // The last row read, where the page ended before the range did.
};

// Reads a page and gives each row's item to `visit`, which may take it.
Page read_page(Transaction& tx, const PageRequest& request, const std::function<void(Map&)>& visit);

}  // namespace moonbase::dynamodb
