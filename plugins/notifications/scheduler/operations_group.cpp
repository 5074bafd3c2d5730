#include <moonbase/json.hpp>

#include "scheduler/service.hpp"

namespace moonbase::notifications::scheduler {
namespace {

std::string group_of_arn(const std::string& arn) { return arn.substr(arn.rfind('/') + 1); }

// Tags are a group's. Answers whose it is.
Result<Owner> find_tagged(Transaction& tx, const std::string& text) {
  const auto owner = parse_arn(text)->owner();
  if (auto group = find_group(tx, owner, group_of_arn(text)); !group) return group.error();
  return owner;
}

}  // namespace

PageRequest page_request(const Call& call) {
  return {call.input["NamePrefix"].string_or(""), call.input["MaxResults"].integer_or(100),
          call.input["NextToken"].string_or("")};
}

Error invalid_token() { return {"ValidationException", "Invalid NextToken."}; }

Result<Value> find_group(Transaction& tx, const Owner& owner, std::string_view name) {
  const auto rows = tx.query("SELECT document FROM schedule_group WHERE account = ? AND region = ? AND name = ?",
                             owner.account, owner.region, name);
  if (!rows.empty()) return document(rows.front()[0]);
  if (name != default_group)
    return Error{"ResourceNotFoundException", "Schedule group " + std::string(name) + " does not exist."};
  return Value(Map{{"Arn", group_arn(owner, name)}, {"Name", name}, {"State", "ACTIVE"}});
}

Result<Value> create_schedule_group(Call& call) {
  const auto owner = Owner::of(call);
  const auto& name = call.input["Name"].string();
  const auto token = call.input["ClientToken"].string_or("");
  const auto arn = group_arn(owner, name);
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto rows = tx.query("SELECT token FROM schedule_group WHERE account = ? AND region = ? AND name = ?",
                               owner.account, owner.region, name);
    const bool is_again = !rows.empty() && !token.empty() && rows.front()[0].string() == token;
    if (is_again) return Value(Map{{"ScheduleGroupArn", arn}});
    if (!rows.empty() || name == default_group)
      return Error{"ConflictException", "Schedule group " + name + " already exists."};
    const auto now = call.kernel.clock.now().ms;
    const Map group{
        {"Arn", arn}, {"CreationDate", now}, {"LastModificationDate", now}, {"Name", name}, {"State", "ACTIVE"}};
    tx.query("INSERT INTO schedule_group (account, region, name, document, token) VALUES (?, ?, ?, ?, ?)",
             owner.account, owner.region, name, to_json(Value(group)), token);
    put_tags(tx, owner, arn, call.input["Tags"]);
    return Value(Map{{"ScheduleGroupArn", arn}});
  });
}

Result<Value> delete_schedule_group(Call& call) {
  const auto owner = Owner::of(call);
  const auto& name = call.input["Name"].string();
  if (name == default_group) return Error{"ValidationException", "The default schedule group cannot be deleted."};
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (auto group = find_group(tx, owner, name); !group) return group;
    // Its schedules go with it. Their tasks find nothing when they fall due.
    tx.query("DELETE FROM schedule WHERE account = ? AND region = ? AND group_name = ?", owner.account, owner.region,
             name);
    tx.query("DELETE FROM schedule_group WHERE account = ? AND region = ? AND name = ?", owner.account, owner.region,
             name);
    remove_all_tags(tx, owner, group_arn(owner, name));
    return Value(Map{});
  });
}

Result<Value> get_schedule_group(Call& call) {
  return call.kernel.store.read(
      [&](Transaction& tx) -> Result<Value> { return find_group(tx, Owner::of(call), call.input["Name"].string()); });
}

Result<Value> list_schedule_groups(Call& call) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto request = page_request(call);
    const auto page = read_page(tx, "SELECT name, document FROM schedule_group WHERE account = ? AND region = ?",
                                {owner.account, owner.region}, "name", request);
    if (!page) return invalid_token();
    List groups;
    if (request.token.empty() && default_group.starts_with(request.prefix))
      groups.push_back(*find_group(tx, owner, default_group));
    for (const auto& row : page->rows) groups.push_back(document(row[1]));
    Map answer{{"ScheduleGroups", std::move(groups)}};
    if (!page->next.empty()) answer.set("NextToken", page->next);
    return Value(std::move(answer));
  });
}

Result<Value> list_tags_for_resource(Call& call) {
  const auto& arn = call.input["ResourceArn"].string();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto owner = find_tagged(tx, arn);
    if (!owner) return owner.error();
    return Value(Map{{"Tags", tags_of(tx, *owner, arn)}});
  });
}

Result<Value> tag_resource(Call& call) {
  const auto& arn = call.input["ResourceArn"].string();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto owner = find_tagged(tx, arn);
    if (!owner) return owner.error();
    put_tags(tx, *owner, arn, call.input["Tags"]);
    return Value(Map{});
  });
}

Result<Value> untag_resource(Call& call) {
  const auto& arn = call.input["ResourceArn"].string();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto owner = find_tagged(tx, arn);
    if (!owner) return owner.error();
    remove_tags(tx, *owner, arn, call.input["TagKeys"]);
    return Value(Map{});
  });
}

}  // namespace moonbase::notifications::scheduler
