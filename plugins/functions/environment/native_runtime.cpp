#include "native_runtime.hpp"

#define BOOST_DLL_USE_STD_FS
#include <time.h>

#include <algorithm>
#include <boost/dll/shared_library.hpp>
#include <exception>
#include <moonbase/function.hpp>
#include <moonbase/json.hpp>
#include <optional>

namespace moonbase::functions {
namespace {

std::int64_t monotonic_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

class InvocationContext final : public Context {
 public:
  std::string aws_request_id_, function_name_, function_version_, function_arn_, arn_, log_group_name_,
      log_stream_name_;
  std::int64_t memory_limit_in_mb_ = 0, deadline_ns_ = 0;
  Value client_context_, environment_;
  RuntimeHost* host_ = nullptr;
  std::string random_;

  const std::string& aws_request_id() const override { return aws_request_id_; }
  const std::string& function_name() const override { return function_name_; }
  const std::string& function_version() const override { return function_version_; }
  const std::string& invoked_function_arn() const override { return arn_; }
  const std::string& log_group_name() const override { return log_group_name_; }
  const std::string& log_stream_name() const override { return log_stream_name_; }
  std::int64_t memory_limit_in_mb() const override { return memory_limit_in_mb_; }
  const Value& client_context() const override { return client_context_; }
  std::chrono::milliseconds remaining_time() const override {
    return std::chrono::milliseconds(std::max<std::int64_t>(deadline_ns_ - monotonic_ns(), 0) / 1'000'000);
  }
  std::string environment(std::string_view name) const override {
    const Value& value = environment_[name];
    return value.is_string() ? value.string() : std::string();
  }
  Time now() override { return {host_->now_ms()}; }
  std::string uuid() override {
    if (random_.size() < 16) random_ = host_->random_bytes();
    std::string bytes = random_.substr(random_.size() - 16);
    random_.resize(random_.size() - 16);
    bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);
    bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
      text.push_back(digits[static_cast<unsigned char>(bytes[i]) >> 4]);
      text.push_back(digits[static_cast<unsigned char>(bytes[i]) & 15]);
    }
    return text;
  }
  void log(std::string_view line) override { host_->log(line); }
  Result<Value> call(std::string_view service, std::string_view operation, const Value& input) override {
    const auto reply = host_->call(service, operation, to_json(input));
    auto value = parse_json(reply.json, {json_depth_max, frame_bytes_max});
    if (!value) return value.error();
    if (reply.ok) return value;
    return Error{(*value)["code"].string_or("InternalFailure"), (*value)["message"].string_or("")};
  }
};

}  // namespace

struct NativeRuntime::State {
  std::string path, name;
  boost::dll::shared_library library;
  FunctionHandler handler = nullptr;
  InvocationContext context;
};

NativeRuntime::NativeRuntime() : state_(std::make_unique<State>()) {}
NativeRuntime::~NativeRuntime() = default;

std::string NativeRuntime::initialise(const Package& package, RuntimeHost&) {
  state_->path = package.find("library");
  state_->name = package.find("library_name");
  auto& context = state_->context;
  if (const auto config = parse_json(package.find("config")); config) {
    context.function_name_ = (*config)["function_name"].string_or("");
    context.function_version_ = (*config)["function_version"].string_or("");
    context.function_arn_ = (*config)["function_arn"].string_or("");
    context.log_group_name_ = (*config)["log_group_name"].string_or("");
    context.memory_limit_in_mb_ = (*config)["memory_limit_in_mb"].integer_or(0);
    context.environment_ = (*config)["environment"];
  }
  return {};
}

std::string NativeRuntime::enter(RuntimeHost& host, std::string_view log_stream_name) {
  auto& context = state_->context;
  context.host_ = &host;
  context.log_stream_name_ = log_stream_name;
  try {
    state_->library.load(state_->path, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
    if (!state_->library.has("moonbase_function_descriptor"))
      return failure_json("Runtime.HandlerNotFound", state_->name + " has no MOONBASE_FUNCTION");
    const auto& descriptor = state_->library.get<const FunctionDescriptor>("moonbase_function_descriptor");
    if (descriptor.magic != function_magic || descriptor.abi != function_abi)
      return failure_json("Runtime.InvalidEntrypoint",
                          state_->name + " was built with another version of moonbase/function.hpp: build it again");
    state_->handler = descriptor.handler;
  } catch (const std::exception& error) {
    return failure_json("Runtime.ImportModuleError", state_->name + " cannot be loaded: " + error.what());
  }
  return {};
}

Outcome NativeRuntime::invoke(const RuntimeInvocation& invocation, std::string& out) {
  auto& context = state_->context;
  context.aws_request_id_ = invocation.request_id;
  context.arn_ = context.function_arn_;
  if (!invocation.qualifier.empty()) context.arn_.append(":").append(invocation.qualifier);
  context.deadline_ns_ = invocation.deadline_ns;
  context.client_context_ = {};
  if (!invocation.client_context.empty())
    if (auto parsed = parse_json(invocation.client_context); parsed) context.client_context_ = std::move(*parsed);

  const auto event = parse_json(invocation.event, {json_depth_max, frame_bytes_max});
  if (!event) {
    append_failure_json(out, "Runtime.UnmarshalError", event.error().message);
    return Outcome::failure;
  }
  try {
    const auto answer = state_->handler(*event, context);
    if (answer) {
      append_json(out, *answer);
      return Outcome::answer;
    }
    append_failure_json(out, answer.error().code, answer.error().message);
  } catch (const std::bad_alloc&) {
    append_failure_json(out, "Runtime.OutOfMemory", "not enough memory");
    return Outcome::exiting;
  } catch (const std::exception& error) {
    append_failure_json(out, "std::exception", error.what());
  } catch (...) {
    append_failure_json(out, "Error", "the handler threw something that is not a std::exception");
  }
  return Outcome::failure;
}

}  // namespace moonbase::functions
