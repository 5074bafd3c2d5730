#include "patterns/index.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace moonbase::notifications {
namespace {

using Steps = std::vector<std::string>;

struct Demand {
  Steps steps;
  std::vector<std::string> values;
};

// Every leaf of which all alternatives are exact strings. Not those inside "$or".
void collect(const Pattern::Node& node, Steps& steps, std::vector<Demand>& demands) {
  for (const auto& field : node.fields) {
    steps.push_back(field.name);
    if (field.below) {
      collect(*field.below, steps, demands);
    } else if (std::all_of(field.alternatives.begin(), field.alternatives.end(), [](const auto& each) {
                 return each.kind == Matcher::Kind::exact && each.value.is_string();
               })) {
      Demand demand{steps, {}};
      for (const auto& each : field.alternatives) demand.values.push_back(each.value.string());
      std::sort(demand.values.begin(), demand.values.end());
      demand.values.erase(std::unique(demand.values.begin(), demand.values.end()), demand.values.end());
      demands.push_back(std::move(demand));
    }
    steps.pop_back();
  }
}

// Calls `visit` with each string under the path, through arrays.
template <class Visit>
void visit_strings(const Value& value, const Steps& steps, std::size_t depth, const Visit& visit) {
  if (value.is_list()) {
    for (const auto& element : value.list()) visit_strings(element, steps, depth, visit);
  } else if (depth == steps.size()) {
    if (value.is_string()) visit(value.string());
  } else if (value.is_map()) {
    if (const auto* below = value.map().find(steps[depth])) visit_strings(*below, steps, depth + 1, visit);
  }
}

}  // namespace

PatternIndex::PatternIndex(std::vector<Pattern> patterns) : patterns_(std::move(patterns)) {
  std::vector<std::vector<Demand>> demands(patterns_.size());
  std::map<std::pair<Steps, std::string>, std::size_t> uses;
  for (std::size_t i = 0; i < patterns_.size(); ++i) {
    Steps steps;
    collect(patterns_[i].root(), steps, demands[i]);
    for (const auto& demand : demands[i])
      for (const auto& value : demand.values) ++uses[{demand.steps, value}];
  }
  std::map<Steps, std::size_t> paths;
  for (std::size_t i = 0; i < patterns_.size(); ++i) {
    const Demand* best = nullptr;
    std::size_t best_uses = 0;
    for (const auto& demand : demands[i]) {
      std::size_t most = 0;
      for (const auto& value : demand.values) most = std::max(most, uses[{demand.steps, value}]);
      if (!best || most < best_uses) {
        best = &demand;
        best_uses = most;
      }
    }
    if (!best) {
      others_.push_back(i);
      continue;
    }
    const auto [path, is_new] = paths.try_emplace(best->steps, paths_.size());
    if (is_new) paths_.push_back({best->steps, {}});
    for (const auto& value : best->values) paths_[path->second].by_value[value].push_back(i);
  }
}

std::vector<std::size_t> PatternIndex::matching(const Value& event) const {
  Positions candidates = others_;
  for (const auto& path : paths_)
    visit_strings(event, path.steps, 0, [&](const std::string& text) {
      const auto found = path.by_value.find(std::string_view(text));
      if (found != path.by_value.end()) candidates.insert(candidates.end(), found->second.begin(), found->second.end());
    });
  std::sort(candidates.begin(), candidates.end());
  candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
  candidates.erase(std::remove_if(candidates.begin(), candidates.end(),
                                  [&](std::size_t each) { return !patterns_[each].matches(event); }),
                   candidates.end());
  return candidates;
}

}  // namespace moonbase::notifications
