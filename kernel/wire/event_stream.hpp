// Event-stream framing (application/vnd.amazon.eventstream): messages with typed headers and two
// checksums each.
#pragma once

#include <cstdint>
#include <moonbase/result.hpp>
#include <moonbase/value.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace moonbase::wire {

struct EventHeader {
  enum class Type : std::uint8_t {
    boolean_true,
    boolean_false,
    byte,
    int16,
    int32,
    int64,
    bytes,
    string,
    timestamp,
    uuid
  };
  std::string name;
  Type type = Type::string;
  std::string text;          // bytes, string, uuid (16 bytes)
  std::int64_t integer = 0;  // byte, int16, int32, int64, timestamp (milliseconds)
};

struct EventMessage {
  std::vector<EventHeader> headers;
  std::string payload;

  std::string_view header(std::string_view name) const;  // A string header; empty where there is none.
};

// Appends one framed message. Throws std::logic_error where it is too long for a frame (24 MB).
void append_event(std::string& out, const EventMessage& message);
// One event of an event stream: ":message-type" event, ":event-type" and ":content-type".
void append_event(std::string& out, std::string_view type, std::string_view content_type, std::string_view payload);
// An error within an event stream, after which it ends: ":message-type" error, ":error-code" and ":error-message".
void append_event_error(std::string& out, const Error& error);

// Takes the first message off `bytes`. `complete` is false, and nothing is taken, while bytes are
// missing. Error "SerializationException" where lengths or checksums are wrong.
struct TakenEvent {
  bool complete = false;
  EventMessage message;
};
Result<TakenEvent> take_event(std::string_view& bytes);

}  // namespace moonbase::wire
