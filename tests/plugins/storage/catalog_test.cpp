// The tables that are kept in memory, and changes that come in between.
#include "dynamodb/catalog.hpp"

#include <catch2/catch.hpp>
#include <functional>

#include "support.hpp"

using namespace moonbase;
using namespace moonbase::dynamodb;
using namespace moonbase::dynamodb::testing;

namespace {

// A store in which something happens between a read and what its reader does next.
struct Interrupted : Store {
  Interrupted(Store& store, std::function<void()> between) : store(store), between(std::move(between)) {}
  Result<Value> write(const Body& body) override { return store.write(body); }
  Result<Value> read(const Body& body) override {
    auto result = store.read(body);
    between();
    return result;
  }
  Store& store;
  std::function<void()> between;
};

const TableName orders = {"000000000000", "us-east-1", "orders"};

}  // namespace

TEST_CASE("a definition that changed while it was read is read again") {
  Platform platform(table_input("orders", {"id:S"}));
  platform.on_fiber([](KernelServices& kernel, CallContext&) {
    Catalog catalog;
    Interrupted store(kernel.store, [&] {
      const auto changed = kernel.store.write([](Transaction& tx) -> Result<Value> {
        const auto table = read_table(tx, orders);
        auto definition = table->definition;
        definition.set("TimeToLive", "expires");
        save_table(tx, *table, definition);
        return Value();
      });
      CHECK(changed);
      catalog.forget(orders);
    });
    CHECK((*catalog.find(store, orders))->ttl_attribute.empty());
    CHECK((*catalog.find(kernel.store, orders))->ttl_attribute == "expires");
  });
}

TEST_CASE("a table that is gone is not kept, nor found again") {
  Platform platform(table_input("orders", {"id:S"}));
  platform.on_fiber([](KernelServices& kernel, CallContext&) {
    Catalog catalog;
    const auto table = *catalog.find(kernel.store, orders);
    CHECK((*catalog.find(kernel.store, orders)) == table);
    const auto deleted = kernel.store.write([](Transaction& tx) -> Result<Value> {
      tx.query("DELETE FROM dynamodb_table WHERE account = ? AND region = ? AND name = ?", orders.account,
               orders.region, orders.name);
      return Value();
    });
    CHECK(deleted);
    catalog.drop(orders);
    CHECK(catalog.find(kernel.store, orders).error().code == "ResourceNotFoundException");
    CHECK(table.use_count() == 1);
  });
}

TEST_CASE("what was to expire goes with its table, and not with a time to live that is back at once") {
  Platform platform(table_input("orders", {"id:S"}));
  const auto live = [&](bool enabled) {
    platform.call("UpdateTimeToLive",
                  {{"TableName", "orders"},
                   {"TimeToLiveSpecification", Map{{"AttributeName", "expires"}, {"Enabled", enabled}}}});
  };
  const auto expiries = [&] {
    std::int64_t count = 0;
    platform.on_fiber([&](KernelServices& kernel, CallContext&) {
      const auto read = kernel.store.read([&](Transaction& tx) -> Result<Value> {
        count = tx.query("SELECT COUNT(*) FROM dynamodb_expiry")[0][0].integer();
        return Value();
      });
      CHECK(read);
    });
    return count;
  };
  live(true);
  const auto later = std::to_string(platform.clock.now().ms / 1000 + 100'000);
  for (int i = 0; i < 3; ++i) platform.put("orders", {{"id", s(std::to_string(i))}, {"expires", n(later)}});
  CHECK(expiries() == 3);
  live(false);
  live(true);
  platform.clock.advance_ms(1000);
  CHECK(expiries() == 3);
  platform.call("DeleteTable", {{"TableName", "orders"}});
  platform.clock.advance_ms(1000);
  CHECK(expiries() == 0);
}
