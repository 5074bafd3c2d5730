// The program `moonbase`.
#include "cli/commands.hpp"

#include <CLI/CLI.hpp>

#include <cstdlib>

int main(int argc, char** argv) {
  using namespace moonbase::cli;
  CLI::App app{"Moonbase: a serverless cloud in one process tree.", "moonbase"};
  app.set_version_flag("--version", "moonbase " MOONBASE_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);

  UpOptions up_options;
  auto* up_command = app.add_subcommand("up", "Start the platform, with these stacks");
  up_command->add_option("stack", up_options.stacks, "Stacks, such as stack.lua; none: an empty cloud");
  up_command->add_option("--port", up_options.port, "Port; 0 picks a free one")->capture_default_str();
  up_command->add_option("--host", up_options.host, "Address to listen on")->capture_default_str();
  up_command->add_option("--data", up_options.data, "Folder that keeps everything")->capture_default_str();
  up_command->add_flag("--memory", up_options.memory, "Keep nothing");
  up_command->add_flag("--no-watch", up_options.no_watch, "Do not apply stacks again when their files change");
  up_command->add_flag("--require-sandbox", up_options.require_sandbox,
                       "Refuse to start where functions cannot be fully isolated");
  up_command->add_option("--seed", up_options.seed, "Make ids and secrets repeatable");
  up_command->add_option("--loops", up_options.loops, "Event loops; 0: one for each core");
  up_command->add_option("--log-level", up_options.log_level, "debug, info, warning, error or off")
      ->check(CLI::IsMember({"debug", "info", "warning", "error", "off"}))
      ->capture_default_str();
  up_command->add_option("--allow-host", up_options.allowed_hosts, "Another name under which it may be reached");
  up_command->add_option("--allow-origin", up_options.allowed_origins, "A web page's origin that may drive it");
  up_command->add_option("--outbound", up_options.outbound,
                         "A host that is not public and that the platform's own requests may reach even so; "
                         "private: all of them");
  up_command->add_option("--trust", up_options.trusted_certificates, "A PEM file of certificates for those requests");
  up_command->add_option("--plugin", up_options.plugins, "Another plugin: a .so, or a folder of a Lua plugin");
  up_command->add_option("--plugins", up_options.plugins_folder, "Folder of plugins; plugins/ beside the program");

  Endpoint endpoint;
  const auto speaks = [&](CLI::App* command) {
    command->add_option("--endpoint", endpoint.url, "Where it runs")
        ->envname("MOONBASE_ENDPOINT")
        ->capture_default_str();
    command->add_option("--account", endpoint.account, "12 digits");
    command->add_option("--region", endpoint.region, "AWS region");
    command->add_flag("--json", endpoint.json, "Print the answer as JSON");
    return command;
  };
  std::string stack, service, operation, input = "{}", function, payload = "{}", kind, name, folder, shell;
  bool follow = false;

  auto* plan_command = speaks(app.add_subcommand("plan", "Show what applying a stack would change"));
  plan_command->add_option("stack", stack, "The stack's file")->required();
  auto* down_command = speaks(app.add_subcommand("down", "Delete what a stack made"));
  down_command->add_option("stack", stack, "The stack's name")->required();
  auto* status_command = speaks(app.add_subcommand("status", "Show what runs"));
  auto* call_command = speaks(app.add_subcommand("call", "Call an operation of a service"));
  call_command->add_option("service", service)->required();
  call_command->add_option("operation", operation)->required();
  call_command->add_option("input", input, "JSON, @file or - for standard input")->capture_default_str();
  auto* invoke_command = speaks(app.add_subcommand("invoke", "Invoke a function and show its log"));
  invoke_command->add_option("function", function)->required();
  invoke_command->add_option("payload", payload, "JSON, @file or - for standard input")->capture_default_str();
  auto* logs_command = speaks(app.add_subcommand("logs", "Show what functions printed"));
  logs_command->add_option("function", function, "Only this one");
  logs_command->add_flag("-f,--follow", follow, "Go on");
  SqlOptions sql_options;
  auto* sql_command = app.add_subcommand("sql", "Look into what a plugin has stored, read-only");
  sql_command->add_option("plugin", sql_options.plugin, "Such as storage")->required();
  sql_command->add_option("query", sql_options.query, "One query; none: queries from standard input");
  sql_command->add_option("--data", sql_options.data, "Folder that keeps everything")->capture_default_str();
  sql_command->add_option("--plugins", sql_options.plugins_folder, "Folder of plugins; plugins/ beside the program");
  sql_command->add_flag("--json", sql_options.json, "Print a line of JSON a row");
  auto* new_command = app.add_subcommand("new", "Write the skeleton of a plugin");
  new_command->add_option("kind", kind, "plugin")->required()->check(CLI::IsMember({"plugin"}));
  new_command->add_option("name", name, "Lower case, such as coupons")->required();
  new_command->add_option("--in", folder, "Folder to make it in")->capture_default_str();
  std::string data = ".moonbase";
  auto* doctor_command = speaks(app.add_subcommand("doctor", "Find out what this machine lacks"));
  doctor_command->add_option("--data", data, "Folder that keeps everything")->capture_default_str();
  auto* completion_command = app.add_subcommand("completion", "Print completions for a shell");
  completion_command->add_option("shell", shell)->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));

  CLI11_PARSE(app, argc, argv);

  if (*up_command) {
    // Plugins read it while they load.
    if (up_options.require_sandbox) ::setenv("MOONBASE_REQUIRE_SANDBOX", "1", 1);
    return up(up_options);
  }
  if (*plan_command) return plan(endpoint, stack);
  if (*down_command) return down(endpoint, stack);
  if (*status_command) return status(endpoint);
  if (*call_command) return call(endpoint, service, operation, input);
  if (*invoke_command) return invoke(endpoint, function, payload);
  if (*logs_command) return logs(endpoint, function, follow);
  if (*sql_command) return sql(sql_options);
  if (*new_command) return new_plugin(name, folder);
  if (*doctor_command) return doctor(endpoint, data);
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands({})) names.push_back(command->get_name());
  return completion(shell, names);
}
