// The kernel: the one place where the platform's objects are wired together.
#pragma once

#include <moonbase/call.hpp>
#include <moonbase/plugin.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace moonbase {
namespace loop {
class Loops;
}
namespace tasks {
class PlatformClock;
class Runner;
}  // namespace tasks
namespace journal {
class Journal;
}
namespace stack {
class Stacks;
}
namespace plugin {
struct Member;
}
namespace dispatch {
class Directory;
class Calls;
}  // namespace dispatch
}  // namespace moonbase

namespace moonbase::kernel {

struct Options {
  std::filesystem::path data = ".moonbase";
  bool memory = false;                 // Nothing is synced, everything is deleted at the end.
  std::vector<std::filesystem::path> plugins;  // Files, loaded in this order.
  std::vector<std::filesystem::path> lua_plugins;  // Folders with model.lua and handlers.lua.
  std::optional<std::uint64_t> seed;   // Ids and secrets repeat.
  unsigned loops = 0;                  // 0: one for each core.
  std::string log_level = "info";      // debug, info, warning, error, off.
  std::size_t journal_entries_max = 16'384;
  // Names beside the local ones under which the platform may be reached, and pages that may drive it.
  std::vector<std::string> allowed_hosts, allowed_origins;
  // Hosts that the platform's own requests may reach although they are not public ("localhost",
  // "10.0.0.7", "*.internal"); "private": all.
  std::vector<std::string> outbound;
  std::string trusted_certificates;  // A PEM file, beside what the machine trusts, for those requests.
};

// Made and started on the main thread.
class Kernel {
 public:
  // Loads the plugins; starts no thread. Throws std::runtime_error with one sentence that says what to do.
  explicit Kernel(Options options);
  ~Kernel();  // Stops.

  // Starts the loops, opens the stores that exist, makes the plugins ready, runs due tasks.
  void start();
  // Long polls answer with what there is from now on: before the door closes. Any thread.
  void end_waits();
  Activity& activity();
  // Ends tasks and plugins in order. No more requests may come.
  void stop();

  // The handler for the front door. Runs on the connection's fiber.
  void handle(HttpRequest& request, HttpResponse& response);

  // Empties the cloud: all of it, or one account. On a fiber.
  void reset(const std::string& account_id);

  loop::Loops& loops();
  tasks::PlatformClock& clock();
  tasks::Runner& tasks();
  journal::Journal& journal();
  stack::Stacks& stacks();
  dispatch::Calls& calls();
  const dispatch::Directory& directory() const;
  const std::vector<std::unique_ptr<plugin::Member>>& members() const;
  FunctionInvoker& functions();
  Ids& ids();
  Log& log();
  const Options& options() const;

  // For /_moonbase/health: what runs, and the lines that plugins add.
  std::string health_json() const;
  std::string metrics_text() const;
  // What a client that names no host would use; set once the port is known.
  void set_base_url(std::string url);
  const std::string& base_url() const;

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace moonbase::kernel
