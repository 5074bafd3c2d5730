// The subcommands that speak to a platform that runs.
#include "cli/commands.hpp"

#include <moonbase/http.hpp>
#include <moonbase/json.hpp>
#include <moonbase/value.hpp>

#include <fmt/core.h>
#include <httplib.h>

#include <csignal>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <thread>

namespace moonbase::cli {
namespace {

constexpr int answer_seconds_max = 960;  // A function may run for 15 minutes.

struct Answer {
  int status = 0;  // 0: nothing answered.
  std::string body;
};

std::string with_caller(const Endpoint& endpoint, const std::string& path) {
  std::string query;
  if (!endpoint.account.empty()) query += "&account=" + percent_encode(endpoint.account);
  if (!endpoint.region.empty()) query += "&region=" + percent_encode(endpoint.region);
  if (query.empty()) return path;
  query.front() = path.find('?') == std::string::npos ? '?' : '&';
  return path + query;
}

httplib::Client connect(const Endpoint& endpoint) {
  httplib::Client client(endpoint.url);
  client.set_read_timeout(answer_seconds_max, 0);
  client.set_follow_location(false);
  client.set_tcp_nodelay(true);
  return client;
}

Answer ask(const Endpoint& endpoint, const std::string& path, const std::string* body) {
  auto client = connect(endpoint);
  const auto full = with_caller(endpoint, path);
  const auto result = body ? client.Post(full, *body, "application/json") : client.Get(full);
  if (!result) {
    fmt::print(stderr, "moonbase: nothing answers at {}. Start it with: moonbase up\n", endpoint.url);
    return {};
  }
  return {result->status, result->body};
}

// Prints the error of an answer; true when there was none.
bool good(const Answer& answer) {
  if (answer.status == 0) return false;
  if (answer.status < 400) return true;
  const auto body = parse_json(answer.body);
  const bool worded = body && (*body)["message"].is_string();
  fmt::print(stderr, "moonbase: {}\n", worded ? (*body)["error"].string_or("error") + ": " + (*body)["message"].string()
                                              : answer.body);
  return false;
}

int print_plan(const Endpoint& endpoint, const Answer& answer) {
  if (!good(answer)) return 1;
  if (endpoint.json) {
    fmt::print("{}", answer.body);
    return 0;
  }
  const auto body = parse_json(answer.body);
  if (!body || !(*body)["steps"].is_list()) {
    fmt::print(stderr, "moonbase: the answer is not a plan: {}\n", answer.body);
    return 1;
  }
  int changes = 0;
  for (const auto& step : (*body)["steps"].list()) {
    const auto& action = step["action"].string();
    if (action == "keep") continue;
    ++changes;
    std::string changed;
    if (step["changed"].is_list())
      for (const auto& name : step["changed"].list()) changed += " " + name.string();
    fmt::print("  {:<8} {:<12} {}{}\n", action, step["constructor"].string(), step["name"].string(), changed);
  }
  if (changes == 0) fmt::print("Nothing to do.\n");
  return 0;
}

}  // namespace

std::optional<std::string> text_argument(const std::string& argument) {
  if (argument == "-") return std::string{std::istreambuf_iterator<char>(std::cin), {}};
  if (!argument.starts_with('@')) return argument;
  std::ifstream in(argument.substr(1), std::ios::binary);
  if (!in) {
    fmt::print(stderr, "moonbase: cannot read {}\n", argument.substr(1));
    return {};
  }
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

int plan(const Endpoint& endpoint, const std::string& stack) {
  const std::string body = to_json(Value(Map{{"file", std::filesystem::absolute(stack).string()}}));
  return print_plan(endpoint, ask(endpoint, "/_moonbase/stacks/plan", &body));
}

int down(const Endpoint& endpoint, const std::string& stack) {
  const std::string body = to_json(Value(Map{{"stack", stack}}));
  return print_plan(endpoint, ask(endpoint, "/_moonbase/stacks/down", &body));
}

int status(const Endpoint& endpoint) {
  const auto health = ask(endpoint, "/_moonbase/health", nullptr);
  if (!good(health)) return 1;
  const auto stacks = ask(endpoint, "/_moonbase/stacks", nullptr);
  if (!good(stacks)) return 1;
  if (endpoint.json) {
    fmt::print("{}{}", health.body, stacks.body);
    return 0;
  }
  const auto state = parse_json(health.body);
  const auto resources = parse_json(stacks.body);
  if (!state || !resources || !(*resources)["resources"].is_list()) {
    fmt::print(stderr, "moonbase: what answers at {} is not Moonbase\n", endpoint.url);
    return 1;
  }
  fmt::print("{} at {}\n", (*state)["status"].string_or("?"), endpoint.url);
  for (const auto& resource : (*resources)["resources"].list()) {
    const auto& attributes = resource["attributes"];
    const auto& shown = attributes["url"].is_string() ? attributes["url"] : attributes["arn"];
    const std::string place = attributes["path"].is_string() ? endpoint.url + attributes["path"].string()
                                                             : shown.string_or("");
    fmt::print("  {:<12} {:<12} {:<24} {}\n", resource["stack"].string(), resource["constructor"].string(),
               resource["name"].string(), place);
  }
  return 0;
}

int call(const Endpoint& endpoint, const std::string& service, const std::string& operation, const std::string& input) {
  const auto body = text_argument(input);
  if (!body) return 1;
  const auto answer = ask(endpoint, "/_moonbase/call/" + percent_encode(service) + "/" + percent_encode(operation), &*body);
  if (!good(answer)) return 1;
  fmt::print("{}", answer.body);
  return 0;
}

int invoke(const Endpoint& endpoint, const std::string& function, const std::string& payload) {
  const auto body = text_argument(payload);
  if (!body) return 1;
  const auto answer = ask(endpoint, "/_moonbase/invoke/" + percent_encode(function), &*body);
  if (!good(answer)) return 1;
  const auto outcome = parse_json(answer.body);
  if (endpoint.json || !outcome) {
    fmt::print("{}", answer.body);
    return 0;
  }
  fmt::print("{}", (*outcome)["log"].string_or(""));
  fmt::print("{}\n", (*outcome)["payload"].string_or(""));
  return (*outcome)["function_error"].string_or("").empty() ? 0 : 1;
}

int logs(const Endpoint& endpoint, const std::string& function, bool follow) {
  std::int64_t after = 0;
  for (;;) {
    const auto answer =
        ask(endpoint, "/_moonbase/logs?after=" + std::to_string(after) + "&function=" + percent_encode(function), nullptr);
    if (!good(answer)) return 1;
    const auto body = parse_json(answer.body);
    if (!body || !(*body)["lines"].is_list()) {
      fmt::print(stderr, "moonbase: the answer holds no lines: {}\n", answer.body);
      return 1;
    }
    for (const auto& line : (*body)["lines"].list()) {
      fmt::print("{} {}  {}\n", line["at"].string(), line["function"].string(), line["text"].string());
      after = line["sequence"].integer();
    }
    std::fflush(stdout);
    if (!follow) return 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
}

}  // namespace moonbase::cli
