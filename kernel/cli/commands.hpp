// What the program `moonbase` does, a function a subcommand. Each answers the exit code.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace moonbase::cli {

struct UpOptions {
  std::vector<std::string> stacks;
  std::string host = "127.0.0.1";
  std::uint16_t port = 4566;
  std::string data = ".moonbase";
  bool memory = false;
  bool no_watch = false;
  bool require_sandbox = false;
  std::optional<std::uint64_t> seed;
  unsigned loops = 0;
  std::string log_level = "warning";
  std::vector<std::string> plugins;          // Beside those next to the program.
  std::vector<std::string> allowed_hosts, allowed_origins;
  std::vector<std::string> outbound;
  std::string trusted_certificates;
  std::string plugins_folder;                // Instead of the one next to the program.
};
int up(const UpOptions& options);

// A platform that runs, as a client sees it.
struct Endpoint {
  std::string url = "http://127.0.0.1:4566";
  std::string account, region;
  bool json = false;  // Print what came, as it came.
};
int plan(const Endpoint& endpoint, const std::string& stack);
int down(const Endpoint& endpoint, const std::string& stack);
int status(const Endpoint& endpoint);
int call(const Endpoint& endpoint, const std::string& service, const std::string& operation, const std::string& input);
int invoke(const Endpoint& endpoint, const std::string& function, const std::string& payload);
int logs(const Endpoint& endpoint, const std::string& function, bool follow);

int doctor(const Endpoint& endpoint, const std::string& data);
// Looks into what a plugin has stored. Without a query: reads queries from standard input.
struct SqlOptions {
  std::string plugin, query;
  std::string data = ".moonbase";
  std::string plugins_folder;
  bool json = false;  // A line of JSON a row.
};
int sql(const SqlOptions& options);
int new_plugin(const std::string& name, const std::string& folder);
int completion(const std::string& shell, const std::vector<std::string>& commands);

// The text itself, the content of a file ("@input.json"), or standard input ("-").
std::optional<std::string> text_argument(const std::string& argument);

}  // namespace moonbase::cli
