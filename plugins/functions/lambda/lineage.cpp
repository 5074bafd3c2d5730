#include "lambda/lineage.hpp"

#include <algorithm>
#include <charconv>
#include <moonbase/hash.hpp>

namespace moonbase::functions {
namespace {

constexpr std::size_t functions_max = 32;
constexpr std::string_view mark = "Lineage=";

std::string_view lineage_of(std::string_view trace) {
  const auto at = trace.find(mark);
  if (at == trace.npos) return {};
  const auto rest = trace.substr(at + mark.size());
  return rest.substr(0, rest.find(';'));
}

// Visits id and count of each function.
template <class Visit>
void each(std::string_view lineage, Visit visit) {
  while (!lineage.empty()) {
    const auto bar = lineage.find('|');
    const auto entry = lineage.substr(0, bar);
    lineage.remove_prefix(bar == lineage.npos ? lineage.size() : bar + 1);
    const auto colon = entry.find(':');
    if (colon == entry.npos) continue;
    int count = 0;
    std::from_chars(entry.data() + colon + 1, entry.data() + entry.size(), count);
    visit(entry.substr(0, colon), std::clamp(count, 0, 1'000'000));
  }
}

}  // namespace

std::string lineage_id(std::string_view function_arn) { return sha256_hex(function_arn).substr(0, 8); }

int lineage_count(std::string_view trace, std::string_view id) {
  int found = 0;
  each(lineage_of(trace), [&](std::string_view one, int count) {
    if (one == id) found = std::max(found, count);
  });
  return found;
}

std::string lineage_with(std::string_view trace, std::string_view id) {
  std::string out(mark);
  out.append(id).append(":").append(std::to_string(lineage_count(trace, id) + 1));
  std::size_t functions = 1;
  each(lineage_of(trace), [&](std::string_view one, int count) {
    if (one == id || one.size() > 16 || functions == functions_max) return;
    ++functions;
    out.append("|").append(one).append(":").append(std::to_string(count));
  });
  return out;
}

}  // namespace moonbase::functions
