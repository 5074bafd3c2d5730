#include <moonbase/json.hpp>

#include "events/service.hpp"

namespace moonbase::notifications::events {
namespace {

constexpr std::int64_t day_ms = 86'400'000;
constexpr int expired_rows_max = 1000;  // Deleted in one transaction.

Error no_such_archive(std::string_view name) {
  return {"ResourceNotFoundException", "Archive " + std::string(name) + " does not exist."};
}

Result<Row> find_archive(Transaction& tx, const Owner& owner, std::string_view name) {
  auto rows = tx.query(
      "SELECT document, event_count, size_bytes, bus FROM event_archive WHERE account = ? AND region = ? AND name = ?",
      owner.account, owner.region, name);
  if (rows.empty()) return no_such_archive(name);
  return std::move(rows.front());
}

Map described(const Row& row) {
  Map archive = document(row[0]).map();
  archive.set("EventCount", row[1]);
  archive.set("SizeBytes", row[2]);
  return archive;
}

std::string expiry_key(const Owner& owner, std::string_view name) {
  return owner.arn("events", "archive/" + std::string(name));
}

void schedule_expiry(Transaction& tx, const Owner& owner, std::string_view name, std::int64_t retention_days,
                     Time due) {
  if (retention_days == 0) return tx.unschedule(expiry_task, expiry_key(owner, name));
  tx.schedule(due, expiry_task, Map{{"account", owner.account}, {"region", owner.region}, {"archive", name}},
              expiry_key(owner, name));
}

Result<Done> check_archive(const Call& call) {
  if (!call.input["KmsKeyIdentifier"].is_null())
    return not_implemented("events " + std::string(call.operation) + " KmsKeyIdentifier");
  const auto& pattern = call.input["EventPattern"];
  if (pattern.is_string() && !pattern.string().empty())
    if (const auto parsed = Pattern::parse(pattern.string()); !parsed)
      return invalid_event_pattern(parsed.error().message);
  return done;
}

Value answer_of(const Value& archive) {
  return Map{
      {"ArchiveArn", archive["ArchiveArn"]}, {"CreationTime", archive["CreationTime"]}, {"State", archive["State"]}};
}

}  // namespace

Result<Value> create_archive(Call& call, Service& service) {
  if (auto good = check_archive(call); !good) return good.error();
  const auto owner = Owner::of(call);
  const auto bus = bus_name_of(call.input["EventSourceArn"], owner);
  if (!bus) return bus.error();
  const auto& name = call.input["ArchiveName"].string();
  const auto retention = call.input["RetentionDays"].integer_or(0);
  auto written = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (auto found = find_bus(tx, *bus); !found) return found;
    if (find_archive(tx, owner, name))
      return Error{"ResourceAlreadyExistsException", "Archive " + name + " already exists."};
    const auto now = call.kernel.clock.now();
    Value archive = picked(call.input, {"Description", "EventPattern"});
    archive.set("ArchiveName", name);
    archive.set("ArchiveArn", owner.arn("events", "archive/" + name));
    archive.set("EventSourceArn", bus->arn());
    archive.set("RetentionDays", retention);
    archive.set("State", "ENABLED");
    archive.set("CreationTime", whole_seconds(now));
    tx.query(
        "INSERT INTO event_archive (account, region, name, bus, document, retention_days, event_count, size_bytes) "
        "VALUES (?, ?, ?, ?, ?, ?, 0, 0)",
        owner.account, owner.region, name, bus->name, to_json(archive), retention);
    schedule_expiry(tx, owner, name, retention, Time{now.ms + day_ms});
    return answer_of(archive);
  });
  service.catalog.changed(*bus);
  return written;
}

Result<Value> delete_archive(Call& call, Service& service) {
  const auto owner = Owner::of(call);
  const auto& name = call.input["ArchiveName"].string();
  BusName bus{owner, {}};
  auto written = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto archive = find_archive(tx, owner, name);
    if (!archive) return archive.error();
    bus.name = (*archive)[3].string();
    tx.query("DELETE FROM event_archive WHERE account = ? AND region = ? AND name = ?", owner.account, owner.region,
             name);
    tx.query("DELETE FROM archived_event WHERE account = ? AND region = ? AND archive = ?", owner.account, owner.region,
             name);
    tx.unschedule(expiry_task, expiry_key(owner, name));
    return Value(Map{});
  });
  service.catalog.changed(bus);
  return written;
}

Result<Value> describe_archive(Call& call, Service&) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto archive = find_archive(tx, Owner::of(call), call.input["ArchiveName"].string());
    if (!archive) return archive.error();
    return Value(described(*archive));
  });
}

Result<Value> list_archives(Call& call, Service&) {
  if (!call.input["EventSourceArn"].is_null() + !call.input["NamePrefix"].is_null() + !call.input["State"].is_null() >
      1)
    return Error{"ValidationException",
                 "At most one filter is allowed for ListArchives. Use either : State, EventSourceArn, or NamePrefix."};
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    if (const auto& source = call.input["EventSourceArn"]; !source.is_null()) {
      const auto bus = bus_name_of(source, owner);
      if (!bus) return bus.error();
      if (auto found = find_bus(tx, *bus); !found) return found;
    }
    const auto page = read_page(
        tx, "SELECT document, event_count, size_bytes, name FROM event_archive WHERE account = ? AND region = ?",
        {owner.account, owner.region}, "name", page_request(call));
    if (!page) return invalid_token();
    List archives;
    for (const auto& row : page->rows) {
      const Value archive = described(row);
      const auto differs = [&](const char* name) {
        return !call.input[name].is_null() && call.input[name] != archive[name];
      };
      if (differs("EventSourceArn") || differs("State")) continue;
      archives.push_back(picked(archive, {"ArchiveName", "CreationTime", "EventCount", "EventSourceArn",
                                          "RetentionDays", "SizeBytes", "State"}));
    }
    Map answer{{"Archives", std::move(archives)}};
    if (!page->next.empty()) answer.set("NextToken", page->next);
    return Value(std::move(answer));
  });
}

Result<Value> update_archive(Call& call, Service& service) {
  if (auto good = check_archive(call); !good) return good.error();
  const auto owner = Owner::of(call);
  const auto& name = call.input["ArchiveName"].string();
  BusName bus{owner, {}};
  auto written = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto row = find_archive(tx, owner, name);
    if (!row) return row.error();
    bus.name = (*row)[3].string();
    auto archive = document((*row)[0]);
    for (auto& [member, value] : picked(call.input, {"Description", "EventPattern", "RetentionDays"}))
      archive.set(member, value);
    const auto retention = archive["RetentionDays"].integer_or(0);
    tx.query("UPDATE event_archive SET document = ?, retention_days = ? WHERE account = ? AND region = ? AND name = ?",
             to_json(archive), retention, owner.account, owner.region, name);
    schedule_expiry(tx, owner, name, retention, call.kernel.clock.now());
    return answer_of(archive);
  });
  service.catalog.changed(bus);
  return written;
}

// Once a day, and again at once while there is more to delete.
Result<Done> run_expiry(TaskRun& task) {
  const Owner owner{task.payload["account"].string(), task.payload["region"].string()};
  const auto& name = task.payload["archive"].string();
  const auto written = task.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto rows = tx.query("SELECT retention_days FROM event_archive WHERE account = ? AND region = ? AND name = ?",
                               owner.account, owner.region, name);
    if (rows.empty() || rows.front()[0].integer() == 0) return Value();
    const auto retention = rows.front()[0].integer();
    const auto now = task.kernel.clock.now();
    const auto old = tx.query(
        "SELECT at_ms, id, event FROM archived_event WHERE account = ? AND region = ? AND archive = ? AND kept_ms <= ? "
        "ORDER BY kept_ms LIMIT ?",
        owner.account, owner.region, name, now.ms - retention * day_ms, expired_rows_max);
    std::size_t bytes = 0;
    for (const auto& row : old) {
      bytes += row[2].string().size();
      tx.query("DELETE FROM archived_event WHERE account = ? AND region = ? AND archive = ? AND at_ms = ? AND id = ?",
               owner.account, owner.region, name, row[0], row[1]);
    }
    tx.query(
        "UPDATE event_archive SET event_count = event_count - ?, size_bytes = size_bytes - ? WHERE account = ? AND "
        "region = ? AND name = ?",
        old.size(), bytes, owner.account, owner.region, name);
    const bool has_more = old.size() == static_cast<std::size_t>(expired_rows_max);
    schedule_expiry(tx, owner, name, retention, has_more ? now : Time{now.ms + day_ms});
    return Value();
  });
  if (!written) return written.error();
  return done;
}

}  // namespace moonbase::notifications::events
