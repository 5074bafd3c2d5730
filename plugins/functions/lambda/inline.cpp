#include "lambda/inline.hpp"

namespace moonbase::functions {

InlineFunction::InlineFunction(Surroundings surroundings)
    : surroundings_(std::move(surroundings)), runtime_(LuaOptions{.instructions_max = inline_instructions_max}) {}

std::string InlineFunction::initialise(std::string_view package, std::string_view log_stream_name) {
  const auto parsed = Package::parse(package);
  if (!parsed) return failure_json("Runtime.InvalidPackage", "the package is damaged");
  if (auto failed = runtime_.initialise(*parsed, *this); !failed.empty()) return failed;
  return runtime_.enter(*this, log_stream_name);
}

Outcome InlineFunction::invoke(const RuntimeInvocation& invocation, std::string& out) {
  return runtime_.invoke(invocation, out);
}

void InlineFunction::log(std::string_view text) {
  log_to ? log_to->printed(text) : surroundings_.log(text);
}

namespace {

constexpr RuntimeHost::Reply refused = {
    false,
    R"({"code":"InlineFunction","message":"An inline function makes no calls: take inline = true )"
    R"(away and it runs in an environment of its own, which may."})",
    {}};

}  // namespace

RuntimeHost::Reply InlineFunction::call(std::string_view, std::string_view, std::string_view) { return refused; }
RuntimeHost::Reply InlineFunction::fetch(std::string_view, std::string_view) { return refused; }

std::string_view InlineFunction::random_bytes() {
  random_ = surroundings_.random_bytes(random_bytes_each);
  return random_;
}

}  // namespace moonbase::functions
