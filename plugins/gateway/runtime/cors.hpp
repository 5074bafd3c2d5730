// CORS of HTTP APIs: answers preflights by itself and marks the other answers.
#pragma once

#include <moonbase/http.hpp>
#include <moonbase/value.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace moonbase::gateway {

struct Cors {
  bool configured = false;
  std::vector<std::string> origins;
  std::string methods, headers, exposed, max_age_seconds;  // As the headers have them; empty: not said.
  bool credentials = false;

  // From CorsConfiguration; a null Value configures nothing.
  static Cors from(const Value& configuration);

  // OPTIONS with Origin and Access-Control-Request-Method.
  static bool is_preflight(const HttpRequest& request);
  void answer_preflight(const HttpRequest& request, HttpResponse& response) const;
  // The configuration's headers take the place of what the integration said.
  void mark(const HttpRequest& request, HttpResponse& response) const;

 private:
  // What Access-Control-Allow-Origin says to this origin; empty where it is not allowed.
  std::string_view allowed(std::string_view origin) const;
  void allow(HttpResponse& response, std::string_view origin) const;
};

}  // namespace moonbase::gateway
