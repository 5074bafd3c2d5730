#include "http/connection.hpp"
namespace moonbase::http {
void serve_http2(Connection&) {}
void ask_http2_to_end(Connection&) {}
void serve_websocket(Connection&, const HttpRequest&, HttpResponse&) {}
}  // namespace moonbase::http
