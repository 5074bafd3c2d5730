#include "events/rule.hpp"

#include <algorithm>
#include <moonbase/json.hpp>
#include <stdexcept>

#include "templates/input_template.hpp"

namespace moonbase::notifications::events {

std::string rule_arn(const BusName& bus, std::string_view rule) {
  std::string resource = "rule/";
  if (bus.name != default_bus) resource.append(bus.name).append("/");
  return bus.owner.arn("events", resource.append(rule));
}

Error no_such_rule(const BusName& bus, std::string_view rule) {
  return {"ResourceNotFoundException", "Rule " + std::string(rule) + " does not exist on EventBus " + bus.name + "."};
}

Result<Value> find_rule(Transaction& tx, const BusName& bus, std::string_view rule) {
  const auto rows =
      tx.query("SELECT document FROM event_rule WHERE account = ? AND region = ? AND bus = ? AND name = ?",
               bus.owner.account, bus.owner.region, bus.name, rule);
  if (rows.empty()) return no_such_rule(bus, rule);
  return document(rows.front()[0]);
}

bool is_enabled(const Value& rule) { return rule["State"].string_or("ENABLED") != "DISABLED"; }

const CompiledRule* CompiledBus::rule(std::string_view wanted) const {
  const auto found = std::lower_bound(rules.begin(), rules.end(), wanted,
                                      [](const auto& rule, std::string_view name) { return rule.name < name; });
  return found != rules.end() && found->name == wanted ? &*found : nullptr;
}

std::vector<const CompiledRule*> CompiledBus::matching(const Value& event) const {
  std::vector<const CompiledRule*> found;
  for (const auto position : index.matching(event)) found.push_back(&rules[with_pattern[position]]);
  return found;
}

std::shared_ptr<const CompiledBus> load_bus(Transaction& tx, const BusName& name) {
  auto found = find_bus(tx, name);
  if (!found) return nullptr;
  auto bus = std::make_shared<CompiledBus>();
  bus->name = name;
  bus->document = std::move(*found);
  std::vector<Pattern> patterns;
  for (const auto& row : tx.query("SELECT name, document FROM event_rule WHERE account = ? AND region = ? AND bus = ? "
                                  "ORDER BY name",
                                  name.owner.account, name.owner.region, name.name)) {
    const auto rule = document(row[1]);
    if (!is_enabled(rule)) continue;
    if (rule["EventPattern"].is_string()) {
      auto pattern = Pattern::parse(rule["EventPattern"].string());
      if (!pattern) throw std::runtime_error("a stored pattern is damaged: " + pattern.error().message);
      patterns.push_back(std::move(*pattern));
      bus->with_pattern.push_back(bus->rules.size());
    }
    bus->rules.push_back({row[0].string(), rule_arn(name, row[0].string()), {}});
  }
  std::sort(bus->rules.begin(), bus->rules.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  for (const auto& row :
       tx.query("SELECT rule, document FROM event_target WHERE account = ? AND region = ? AND bus = ? "
                "ORDER BY rule, id",
                name.owner.account, name.owner.region, name.name)) {
    const auto* rule = bus->rule(row[0].string());
    if (!rule) continue;
    auto target = Target::compile(document(row[1]));
    if (!target) throw std::runtime_error("a stored target is damaged: " + target.error().message);
    bus->rules[static_cast<std::size_t>(rule - bus->rules.data())].targets.push_back(std::move(*target));
  }
  for (const auto& row :
       tx.query("SELECT name, document FROM event_archive WHERE account = ? AND region = ? AND bus = ?",
                name.owner.account, name.owner.region, name.name)) {
    const auto archive = document(row[1]);
    CompiledArchive compiled{row[0].string(), std::nullopt};
    if (archive["EventPattern"].is_string()) {
      auto pattern = Pattern::parse(archive["EventPattern"].string());
      if (!pattern) throw std::runtime_error("a stored pattern is damaged: " + pattern.error().message);
      compiled.pattern = std::move(*pattern);
    }
    bus->archives.push_back(std::move(compiled));
  }
  bus->index = PatternIndex(std::move(patterns));
  return bus;
}

}  // namespace moonbase::notifications::events
