// A gate at which handlers stop until the test lets them go on: how many run beside each other is then the test's to
// see.
#include <algorithm>
#include <memory>
#include <moonbase/plugin.hpp>
#include <mutex>

namespace {

using namespace moonbase;

constexpr auto model = R"lua(
local shape = require "moonbase.shape"
return shape.service {
  name = "gate", version = "2026-01-01", protocols = { "json-1.0" }, target = "Gate",
  errors = { NobodyCame = {} },
  operations = {
    -- Of a handler: answers when Open lets it.
    Pass = { input = {}, output = {} },
    -- Answers when so many have come, all in all; an error when the caller's deadline comes first.
    Await = { input = { Arrived = shape.integer { required = true } }, output = {} },
    Open = { input = { Count = shape.integer { required = true } }, output = {} },
    -- Waiting: at the gate now; Most: that ever were beside each other.
    State = { input = {}, output = { Arrived = shape.integer, Waiting = shape.integer, Most = shape.integer } },
  },
}
)lua";

class TestGate final : public moonbase::Plugin {
  void load(Registrar& registrar) override {
    registrar.model(model);
    registrar.operation("Pass", [this](Call& call) { return pass(call); });
    registrar.operation("Await", [this](Call& call) { return await(call); });
    registrar.operation("Open", [this](Call& call) -> Result<Value> {
      {
        const std::lock_guard lock(mutex_);
        open_ += call.input["Count"].integer();
      }
      changed_.notify();
      return Value(Map{});
    });
    registrar.operation("State", [this](Call&) -> Result<Value> {
      const std::lock_guard lock(mutex_);
      return Value(Map{{"Arrived", arrived_}, {"Waiting", waiting_}, {"Most", most_}});
    });
  }

  Result<Value> pass(Call& call) {
    {
      const std::lock_guard lock(mutex_);
      ++arrived_;
      most_ = std::max(most_, ++waiting_);
    }
    changed_.notify();
    for (;;) {
      const auto seen = changed_.version();
      {
        const std::lock_guard lock(mutex_);
        if (open_ > 0) {
          --open_;
          --waiting_;
          return Value(Map{});
        }
      }
      if (!call.wait(changed_, seen, Time{INT64_MAX})) return Error{"NobodyCame", "Nobody has opened the gate."};
    }
  }

  Result<Value> await(Call& call) {
    // Whoever gives up is woken to see so.
    call.kernel.io.spawn([this, &io = call.kernel.io, deadline = call.context.deadline] {
      io.sleep_until(deadline);
      changed_.notify();
    });
    for (;;) {
      const auto seen = changed_.version();
      {
        const std::lock_guard lock(mutex_);
        if (arrived_ >= call.input["Arrived"].integer()) return Value(Map{});
      }
      if (!call.wait(changed_, seen, Time{INT64_MAX})) return Error{"NobodyCame", "So many have not come to the gate."};
    }
  }

  Signal changed_;
  std::mutex mutex_;
  std::int64_t arrived_ = 0, waiting_ = 0, most_ = 0, open_ = 0;
};

}  // namespace

MOONBASE_PLUGIN(TestGate, "test_gate", "1.0")
