#include "page.hpp"

#include <algorithm>
#include <vector>

#include "item_format.hpp"

namespace moonbase::dynamodb {
namespace {

// The statement and its values. There are few different statements, so each is prepared once.
struct Select {
  std::string sql = "SELECT content, bytes FROM dynamodb_item WHERE account = ? AND space = ?";
  std::vector<Parameter> parameters;

  void add(std::string_view condition, const Parameter& parameter) {
    sql += condition;
    parameters.push_back(parameter);
  }
};

Select select_rows(const PageRequest& request, const std::string& first, const std::string& end) {
  Select select;
  select.parameters = {Parameter(request.table->account),
                       Parameter(request.index ? request.index->space : request.table->space)};
  const auto& start = request.start;
  if (request.range) {
    const auto& range = *request.range;
    select.add(" AND pk = ?", Blob{range.partition});
    select.add(" AND sk >= ?", Blob{range.lower});
    if (range.end != KeyRange::End::partition)
      select.add(range.end == KeyRange::End::at_upper ? " AND sk <= ?" : " AND sk < ?", Blob{range.upper});
    if (start) {
      select.add(request.forward ? " AND (sk, tie) > (?" : " AND (sk, tie) < (?", Blob{start->key.sort});
      select.add(", ?)", Blob{start->tie});
    }
    select.sql += request.forward ? " ORDER BY sk, tie" : " ORDER BY sk DESC, tie DESC";
  } else {
    select.add(" AND pk >= ?", Blob{first});
    if (!end.empty()) select.add(" AND pk < ?", Blob{end});
    if (start) {
      select.add(" AND (pk, sk, tie) > (?", Blob{start->key.partition});
      select.add(", ?", Blob{start->key.sort});
      select.add(", ?)", Blob{start->tie});
    }
    select.sql += " ORDER BY pk, sk, tie";
  }
  return select;
}

// One row more than can be needed, so that a store that fetches all rows at once stays within a page.
constexpr std::size_t rows_max = 100'000;

}  // namespace

Page read_page(Transaction& tx, const PageRequest& request, const std::function<void(Map&)>& visit) {
  Page page;
  if (request.first_partition >= request.end_partition) return page;
  // A scan goes on from its start, or from its segment's first partition.
  const std::string first = request.start                  ? request.start->key.partition
                            : request.first_partition == 0 ? std::string()
                                                           : std::string(1, static_cast<char>(request.first_partition));
  const std::string end =
      request.end_partition >= 256 ? std::string() : std::string(1, static_cast<char>(request.end_partition));
  auto select = select_rows(request, first, end);
  const auto limit = request.limit == 0 ? rows_max : std::min(request.limit, rows_max);
  select.add(" LIMIT ?", static_cast<std::int64_t>(limit + 1));

  std::vector<StoredItem> entries;  // Only where whole items are to be fetched for them.
  std::optional<Map> last;
  bool more = false;
  const auto is_last = [&](std::size_t bytes) {
    // The page ends at the limit without looking behind it, and before the row that would exceed 1 MB.
    more = page.scanned == limit || (page.scanned > 0 && page.bytes + bytes > page_bytes_max);
    return more;
  };
  tx.each(select.sql, select.parameters, [&](const Row& row) {
    const auto bytes = static_cast<std::size_t>(row[1].integer());
    if (is_last(bytes)) return false;
    ++page.scanned;
    page.bytes += bytes;
    auto item = decode_item(row[0].string());
    if (request.whole_items) {
      entries.push_back({std::move(item), bytes});
    } else {
      last = request.table->key_attributes(item, request.index);
      visit(item);
    }
    return page.scanned < limit;
  });
  for (auto& entry : entries) {
    last = request.table->key_attributes(entry.item, request.index);
    const auto key = key_of_item(request.table->keys, entry.item);
    auto found = read_item(tx, *request.table, *key);
    if (!found) continue;  // Not within one transaction.
    page.fetched_units += read_units(found->bytes, true);
    visit(found->item);
  }
  if (more || page.scanned == limit) page.last = std::move(last);
  return page;
}

}  // namespace moonbase::dynamodb
