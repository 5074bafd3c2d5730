// A platform in memory for tests: the real kernel, the plugins that you name, a clock that only you
// move, ids that repeat. For the plugins of this tree and for yours. Link moonbase::testing.
//
//   TEST_CASE("a coupon can be redeemed once") {
//     moonbase::testing::TestKernel kernel{"coupons"};
//     kernel.call("CreateCoupon", {{"Code", "MOON10"}, {"Percent", 10}});
//     CHECK(kernel.call("RedeemCoupon", {{"Code", "MOON10"}})["Percent"].integer() == 10);
//     CHECK(kernel.error("RedeemCoupon", {{"Code", "MOON10"}}).code == "CouponNotFound");
//   }
#pragma once

#include <moonbase/call.hpp>
#include <moonbase/plugin.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace moonbase::testing {

struct TestOptions {
  // Names (looked up in the folder $MOONBASE_PLUGINS, else in plugins/ beside or above the test's
  // program), paths, or folders of Lua plugins. Empty: a plugin named like the service.
  std::vector<std::string> plugins = {};
  std::uint64_t seed = 1;
  std::string account_id = "000000000000";
  std::string region = "us-east-1";
  std::int64_t starts_at_ms = 1'798'761'600'000;  // 2027-01-01T00:00:00Z
};

class TestClock {
 public:
  Time now() const;
  // Moves the time; what falls due on the way runs, in order, before this returns.
  void advance_ms(std::int64_t ms);

 private:
  friend class TestKernel;
  struct Inside;
  Inside* inside_ = nullptr;
};

// Used by one thread: the test's. What a call suspends on, it waits for.
class TestKernel {
 public:
  explicit TestKernel(std::string service, TestOptions options = {});
  ~TestKernel();
  TestKernel(const TestKernel&) = delete;
  TestKernel& operator=(const TestKernel&) = delete;

  // The output. Throws std::runtime_error with the error's code and text.
  Value call(std::string_view operation, Map input = {});
  // The error. Throws std::runtime_error where there is none.
  Error error(std::string_view operation, Map input = {});
  // Of any service.
  Result<Value> try_call(std::string_view service, std::string_view operation, Map input = {});
  // As another caller.
  Result<Value> try_call_as(const CallContext& context, std::string_view service, std::string_view operation,
                            Map input = {});

  // Through the door, as a client's bytes would come. Answers a streamed body in `body`.
  HttpResponse http(HttpRequest request);

  // As `moonbase plan` and `moonbase up` do with a stack's file, and `moonbase down` with its name.
  Result<Value> plan(const std::string& stack_file);
  Result<Value> apply(const std::string& stack_file);
  Result<Value> down(const std::string& stack_name);

  // Runs on a fiber of the platform; exceptions come back here.
  void on_fiber(const std::function<void(KernelServices&, CallContext&)>& work);

  // Ends this platform and starts another on the same data, as after a restart.
  void restart();

  TestClock clock;
  CallContext context;  // Of the calls; change it as you like.

 private:
  std::unique_ptr<TestClock::Inside> inside_;
};

}  // namespace moonbase::testing
