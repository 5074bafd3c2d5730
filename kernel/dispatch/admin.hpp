// /_moonbase/…: what tools, tests and the console ask of the platform itself.
#pragma once

#include <moonbase/http.hpp>

#include <string_view>

namespace moonbase::kernel {
class Kernel;
}

namespace moonbase::dispatch {

class Admin {
 public:
  explicit Admin(kernel::Kernel& kernel) : kernel_(kernel) {}

  bool handles(std::string_view path) const;
  // Runs on the connection's fiber.
  void handle(HttpRequest& request, HttpResponse& response);

 private:
  kernel::Kernel& kernel_;
};

}  // namespace moonbase::dispatch
