// Coupons: percentage discounts that expire. The smallest complete service.
#include <moonbase/plugin.hpp>

extern "C" {
extern const char model_lua[];  // Embedded by the build.
extern const char schema_sql[];
extern const char resources_lua[];
}

namespace coupons {
namespace {

using moonbase::Call, moonbase::Error, moonbase::Map, moonbase::Result, moonbase::Transaction, moonbase::Value;

Error not_found() { return {"CouponNotFound", "No coupon has that code."}; }

Result<Value> create_coupon(Call& call) {
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto rows = tx.query(
        "INSERT INTO coupon VALUES (?, ?, ?, ?, ?) ON CONFLICT (account, region, code) DO NOTHING RETURNING code",
        call.context.identity.account_id, call.context.region, call.input["Code"].string(),
        call.input["Percent"].integer(), call.kernel.clock.now().ms + call.input["Lifetime"].integer() * 1000);
    if (rows.empty()) return Error{"CouponExists", "A coupon has that code already."};
    return Value(Map{});
  });
}

Result<Value> delete_coupon(Call& call) {
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    tx.query("DELETE FROM coupon WHERE account = ? AND region = ? AND code = ?", call.context.identity.account_id,
             call.context.region, call.input["Code"].string());
    if (tx.changes() == 0) return not_found();
    return Value(Map{});
  });
}

Result<Value> describe_coupon(Call& call) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto rows =
        tx.query("SELECT code, percent, expires_at_ms FROM coupon WHERE account = ? AND region = ? AND code = ?",
                 call.context.identity.account_id, call.context.region, call.input["Code"].string());
    if (rows.empty()) return not_found();
    const auto& coupon = rows.front();
    return Value(
        Map{{"Code", coupon["code"]}, {"Percent", coupon["percent"]}, {"ExpiresAt", coupon["expires_at_ms"]}});
  });
}

Result<Value> redeem_coupon(Call& call) {
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto rows = tx.query(
        "DELETE FROM coupon WHERE account = ? AND region = ? AND code = ? RETURNING percent, expires_at_ms",
        call.context.identity.account_id, call.context.region, call.input["Code"].string());
    if (rows.empty()) return not_found();

    // The error rolls the DELETE back: an expired coupon stays, for its owner to renew.
    const auto& coupon = rows.front();
    const bool expired = coupon["expires_at_ms"].integer() <= call.kernel.clock.now().ms;
    if (expired) return Error{"CouponExpired", "The coupon has expired."};
    return Value(Map{{"Percent", coupon["percent"]}});
  });
}

class Plugin final : public moonbase::Plugin {
  void load(moonbase::Registrar& registrar) override {
    registrar.model(model_lua);
    registrar.schema(schema_sql);
    registrar.resources(resources_lua);
    registrar.operation("CreateCoupon", create_coupon);
    registrar.operation("DeleteCoupon", delete_coupon);
    registrar.operation("DescribeCoupon", describe_coupon);
    registrar.operation("RedeemCoupon", redeem_coupon);
  }
};

}  // namespace
}  // namespace coupons

MOONBASE_PLUGIN(coupons::Plugin, "coupons", "1.0")
