// How answers are written: status lines, headers, and what may be compressed.
#pragma once

#include <cstdint>
#include <moonbase/http.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace moonbase::http {

std::string_view reason_phrase(int status);

// May this answer have a body at all?
bool may_have_body(int status);

// A header that would end early and begin another (or the body) is a handler's bug, or an attack
// through one. Also false for a status that is none.
bool is_clean(const HttpResponse& response);

// Those that the server decides on: connection, transfer-encoding, content-length and the like.
bool is_framing_header(std::string_view name);

// Replaces the answer by one that says the handler is at fault.
void make_internal_failure(HttpResponse& response);

// Compresses the body where the handler allows it, the client takes it and it is worth it. Removes
// the header that allows it. `blocking` runs work on a thread that may compute for long.
void compress_if_allowed(const HttpRequest& request, HttpResponse& response);

}  // namespace moonbase::http
