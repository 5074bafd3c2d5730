// Text messages: settings, numbers that opted out, the sandbox's numbers.
#include <algorithm>
#include <array>
#include <moonbase/json.hpp>

#include "sns/mailbox.hpp"
#include "sns/service.hpp"

namespace moonbase::notifications::sns {
namespace {

constexpr std::array<std::string_view, 6> settings = {
    "MonthlySpendLimit", "DeliveryStatusIAMRole", "DeliveryStatusSuccessSamplingRate",
    "DefaultSenderID",   "DefaultSMSType",        "UsageReportS3Bucket"};
constexpr std::size_t sandbox_numbers_max = 10;

bool is_number(const std::string& text) {
  return text.size() >= 3 && text.size() <= 16 && text.front() == '+' &&
         std::all_of(text.begin() + 1, text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Error invalid_number(const std::string& text) {
  return invalid_parameter("PhoneNumber Reason: input incorrectly formatted: " + text);
}

Map settings_of(Transaction& tx, const Owner& owner) {
  const auto rows =
      tx.query("SELECT attributes FROM sns_sms_settings WHERE account = ? AND region = ?", owner.account, owner.region);
  return rows.empty() ? Map{{"MonthlySpendLimit", "1"}} : document(rows.front()[0]).map();
}

}  // namespace

Result<Value> check_if_phone_number_is_opted_out(Call& call, Service&) {
  const auto& number = call.input["phoneNumber"].string();
  if (!is_number(number)) return invalid_number(number);
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    return Value(Map{{"isOptedOut", is_opted_out(tx, Owner::of(call), number)}});
  });
}

Result<Value> create_sms_sandbox_phone_number(Call& call, Service&) {
  const auto owner = Owner::of(call);
  const auto& number = call.input["PhoneNumber"].string();
  if (!is_number(number)) return invalid_number(number);
  const auto password = call.kernel.ids.random_string(6, "0123456789");
  const auto id = call.kernel.ids.uuid();
  const auto now = call.kernel.clock.now();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto there =
        tx.query("SELECT number FROM sns_sandbox_number WHERE account = ? AND region = ?", owner.account, owner.region);
    if (there.size() >= sandbox_numbers_max)
      return Error{"UserErrorException", "You have reached the limit of destination phone numbers in the SMS sandbox."};
    tx.query(
        "INSERT INTO sns_sandbox_number (account, region, number, verified, password) VALUES (?, ?, ?, 0, ?) "
        "ON CONFLICT (account, region, number) DO UPDATE SET password = excluded.password",
        owner.account, owner.region, number, password);
    post(tx, Letter{owner, now.ms, id, "sms", number, "", "Your verification code is " + password, "", id});
    return Value(Map());
  });
}

Result<Value> delete_sms_sandbox_phone_number(Call& call, Service&) {
  const auto owner = Owner::of(call);
  const auto& number = call.input["PhoneNumber"].string();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    tx.query("DELETE FROM sns_sandbox_number WHERE account = ? AND region = ? AND number = ?", owner.account,
             owner.region, number);
    if (tx.changes() == 0) return Error{"ResourceNotFound", "Destination phone number does not exist"};
    return Value(Map());
  });
}

Result<Value> get_sms_attributes(Call& call, Service&) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    auto all = settings_of(tx, Owner::of(call));
    const auto& wanted = call.input["attributes"];
    if (!wanted.is_list() || wanted.list().empty()) return Value(Map{{"attributes", std::move(all)}});
    Map some;
    for (const auto& name : wanted.list())
      if (const auto* found = all.find(name.string())) some.set(name.string(), *found);
    return Value(Map{{"attributes", std::move(some)}});
  });
}

// Nothing goes out, so there is no sandbox to leave.
Result<Value> get_sms_sandbox_account_status(Call&, Service&) { return Value(Map{{"IsInSandbox", false}}); }

// None can be had here.
Result<Value> list_origination_numbers(Call&, Service&) { return Value(Map{{"PhoneNumbers", List{}}}); }

Result<Value> list_phone_numbers_opted_out(Call& call, Service&) {
  const auto owner = Owner::of(call);
  const auto begin = page_begin(call.input["nextToken"]);
  if (!begin) return invalid_parameter("NextToken");
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto rows = tx.query(
        "SELECT number FROM sns_opted_out WHERE account = ? AND region = ? AND number > ? ORDER BY number LIMIT ?",
        owner.account, owner.region, *begin, page_size + 1);
    List numbers;
    for (const auto& row : rows)
      if (static_cast<std::int64_t>(numbers.size()) < page_size) numbers.push_back(row[0]);
    Map answer;
    if (static_cast<std::int64_t>(rows.size()) > page_size)
      answer.set("nextToken", page_token(numbers.back().string()));
    answer.set("phoneNumbers", std::move(numbers));
    return Value(std::move(answer));
  });
}

Result<Value> list_sms_sandbox_phone_numbers(Call& call, Service&) {
  const auto owner = Owner::of(call);
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    List numbers;
    for (const auto& row :
         tx.query("SELECT number, verified FROM sns_sandbox_number WHERE account = ? AND region = ? ORDER BY number",
                  owner.account, owner.region))
      numbers.push_back(Map{{"PhoneNumber", row[0]}, {"Status", row[1].integer() != 0 ? "Verified" : "Pending"}});
    return Value(Map{{"PhoneNumbers", std::move(numbers)}});
  });
}

Result<Value> opt_in_phone_number(Call& call, Service&) {
  const auto owner = Owner::of(call);
  const auto& number = call.input["phoneNumber"].string();
  if (!is_number(number)) return invalid_number(number);
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    tx.query("DELETE FROM sns_opted_out WHERE account = ? AND region = ? AND number = ?", owner.account, owner.region,
             number);
    return Value(Map());
  });
}

Result<Value> set_sms_attributes(Call& call, Service&) {
  const auto owner = Owner::of(call);
  for (const auto& [name, value] : call.input["attributes"].map()) {
    if (std::find(settings.begin(), settings.end(), name) == settings.end())
      return invalid_parameter(name + " is not a valid attribute");
    if (name == "DefaultSMSType" && value.string() != "Promotional" && value.string() != "Transactional")
      return invalid_parameter("DefaultSMSType");
  }
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto all = settings_of(tx, owner);
    for (const auto& [name, value] : call.input["attributes"].map()) all.set(name, value);
    tx.query(
        "INSERT INTO sns_sms_settings (account, region, attributes) VALUES (?, ?, ?) "
        "ON CONFLICT (account, region) DO UPDATE SET attributes = excluded.attributes",
        owner.account, owner.region, to_json(all));
    return Value(Map());
  });
}

Result<Value> verify_sms_sandbox_phone_number(Call& call, Service&) {
  const auto owner = Owner::of(call);
  const auto& number = call.input["PhoneNumber"].string();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto rows =
        tx.query("SELECT password FROM sns_sandbox_number WHERE account = ? AND region = ? AND number = ?",
                 owner.account, owner.region, number);
    if (rows.empty()) return Error{"ResourceNotFound", "Destination phone number does not exist"};
    if (rows.front()[0].string() != call.input["OneTimePassword"].string())
      return Error{"VerificationException", "Incorrect OneTimePassword"};
    tx.query("UPDATE sns_sandbox_number SET verified = 1 WHERE account = ? AND region = ? AND number = ?",
             owner.account, owner.region, number);
    return Value(Map());
  });
}

}  // namespace moonbase::notifications::sns
