// Functions for tests of the gateway, told apart by name:
//   echo       answers its event as the body
//   answer     answers the JSON that the request's x-answer header or body holds, whatever it is
//   fails      fails inside
//   late       answers when nobody waits any more
//   throttled, missing, large, unbuilt: the invoke itself fails
#include <memory>
#include <moonbase/json.hpp>
#include <moonbase/plugin.hpp>

namespace moonbase::gateway_testing {
namespace {

std::string name_of(std::string_view arn) { return std::string(arn.substr(arn.rfind(':') + 1)); }

class Functions final : public FunctionInvoker {
 public:
  explicit Functions(Io& io) : io_(io) {}
  std::vector<LogLine> recent_lines(const CallContext&, std::string_view, std::uint64_t) override { return {}; }

  Result<InvocationResult> invoke(const CallContext& context, Invocation invocation) override {
    const auto name = name_of(invocation.function);
    InvocationResult result;
    if (name == "late") io_.sleep_until(context.deadline);
    if (name == "throttled") return Error{"TooManyRequestsException", "Rate Exceeded.", {}, 429};
    if (name == "missing") return Error{"ResourceNotFoundException", "Function not found: " + invocation.function};
    if (name == "large") return Error{"RequestTooLargeException", "Request must be smaller than 6291456 bytes"};
    if (name == "unbuilt") return not_implemented("functions of this kind");
    if (name == "fails") {
      result.function_error = "Unhandled";
      result.payload = R"({"errorMessage":"no","errorType":"Error"})";
    } else if (name == "answer") {
      result.payload = wanted(invocation.payload);
    } else {
      Map answer{{"statusCode", 200}, {"body", std::move(invocation.payload)}};
      answer.set("headers", Map{{"x-caller", context.identity.account_id + " " + context.identity.service}});
      result.payload = to_json(Value(std::move(answer)));
    }
    return result;
  }

 private:
  Io& io_;

  static std::string wanted(const std::string& payload) {
    const auto event = parse_json(payload);
    const auto& header = (*event)["headers"]["x-answer"];
    return header.is_string() ? header.string() : (*event)["body"].string_or("");
  }
};

class Plugin final : public moonbase::Plugin {
  void load(Registrar& registrar) override {
    functions_ = std::make_unique<Functions>(registrar.kernel().io);
    registrar.function_invoker(*functions_);
  }
  std::unique_ptr<Functions> functions_;
};

}  // namespace
}  // namespace moonbase::gateway_testing

MOONBASE_PLUGIN(moonbase::gateway_testing::Plugin, "echo_functions", "1.0")
