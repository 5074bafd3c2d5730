// Limits: what the front door bears from one client and from all of them.
#pragma once

#include <chrono>
#include <cstddef>

namespace moonbase::http {

struct Limits {
  std::size_t head_bytes_max = 64 * 1024;    // Request line and headers.
  std::size_t target_bytes_max = 32 * 1024;  // Path and query.
  std::size_t headers_max = 128;
  std::size_t connections_max = 20'000;  // Further ones are closed at once.
  // A body that the handler has not read is taken from the wire up to here to keep the connection;
  // longer ones close it.
  std::size_t unread_body_bytes_max = 256 * 1024;

  std::chrono::milliseconds first_byte_timeout{30'000};  // Of a new connection.
  std::chrono::milliseconds head_timeout{10'000};        // From a head's first byte to its last.
  std::chrono::milliseconds idle_timeout{75'000};        // Between requests.
  std::chrono::milliseconds body_timeout{30'000};        // Without any byte of a body that is read.
  std::chrono::milliseconds write_timeout{30'000};       // Without any byte taken from us.
  std::chrono::milliseconds linger_timeout{2'000};       // For the other side to close after our last word.

  // HTTP/2.
  std::size_t streams_max = 128;                     // At a time, on one connection.
  std::size_t stream_resets_max = 200;               // By the client within ten seconds.
  std::size_t stream_buffer_bytes_max = 256 * 1024;  // Request body that waits for its handler, a stream.

  // WebSocket.
  std::size_t websocket_message_bytes_max = 1024 * 1024;
  std::size_t websocket_queue_bytes_max = 4 * 1024 * 1024;  // Not yet taken by the client; senders wait.
  std::chrono::milliseconds websocket_idle_timeout{600'000};
};

}  // namespace moonbase::http
