// Event streams (application/vnd.amazon.eventstream), for operations that answer with one: the operation
// sets call.http->stream and writes these.
#pragma once

#include <moonbase/result.hpp>

#include <string>
#include <string_view>

namespace moonbase {

// Appends one event: ":message-type" event, ":event-type" and ":content-type" (left out where it is
// empty). Throws std::logic_error where it is too long for a frame (24 MB).
void append_stream_event(std::string& out, std::string_view type, std::string_view content_type,
                         std::string_view payload);
// An error within the stream, after which it ends.
void append_stream_error(std::string& out, const Error& error);

}  // namespace moonbase
