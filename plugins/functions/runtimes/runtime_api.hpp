// The Lambda Runtime API (2018-06-01), Extensions API (2020-01-01), Telemetry API (2022-07-01) and Logs API
// (2020-08-15), as one environment sees them.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "runtimes/runtime_environment.hpp"

namespace moonbase::functions {

// For one request.
class RuntimeApi {
 public:
  explicit RuntimeApi(std::shared_ptr<RuntimeEnvironment> environment) : environment_(std::move(environment)) {}
  void handle(HttpRequest& request, HttpResponse& response);

 private:
  void next(HttpRequest& request, HttpResponse& response);
  void answer(HttpRequest& request, HttpResponse& response, std::string_view id);
  void stream(HttpRequest& request, HttpResponse& response);
  void error(HttpRequest& request, HttpResponse& response, std::string_view id);
  void init_error(HttpRequest& request, HttpResponse& response);
  void restore_next(HttpResponse& response);
  void restore_error(HttpRequest& request, HttpResponse& response);
  void register_extension(HttpRequest& request, HttpResponse& response);
  void next_event(HttpRequest& request, HttpResponse& response);
  void extension_error(HttpRequest& request, HttpResponse& response, bool init);
  void subscribe(HttpRequest& request, HttpResponse& response, bool logs_api);
  RuntimeEnvironment::Extension* extension_of(HttpRequest& request, HttpResponse& response);
  bool comes_from_inside(const HttpRequest& request) const;
  bool is_current(std::string_view id) const;
  // Says that the answer was taken; to a runtime that wishes so, with the next invocation.
  void taken(HttpRequest& request, HttpResponse& response);

  static void reply(HttpResponse& response, int status, const Value& body);
  static void refuse(HttpResponse& response, int status, std::string_view type, std::string_view message);
  static void accepted(HttpResponse& response);
  static std::string error_type_of(const HttpHeaders& headers, std::string_view name, std::string_view otherwise);

  const std::shared_ptr<RuntimeEnvironment> environment_;
};

// Does the client's end of this loopback connection belong to a process of the tree? `trusted`: sockets
// that did before. True where the host cannot say.
bool peer_belongs_to(std::uint16_t client_port, std::uint16_t server_port, pid_t root,
                     std::vector<std::uint64_t>& trusted);
// Can the host say? Asked once, for the log.
bool peers_are_known();

}  // namespace moonbase::functions
