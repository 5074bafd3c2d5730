// The protocols between the kernel and its execution environments. Both ends run on one machine and
// come from one build, so integers are in host order; the kernel still takes whatever an environment
// sends for hostile.
//
// Three kinds of sockets:
//   spawner       SOCK_SEQPACKET, kernel <-> spawner: Hello once, then SpawnRequest -> SpawnReply.
//   template      SOCK_SEQPACKET, kernel <-> template: TemplateReport once, then ForkRequest -> ForkReply.
//   environment   SOCK_STREAM, kernel <-> environment: frames (FrameHeader, then that many bytes). Several
//                 invocations may wait in it; the environment runs them one after another. A native
//                 one answers each before it begins the next; a Lua one may hold an answer back for at
//                 most 1 ms while it runs the next. So once the first unanswered has been running for
//                 longer, whatever follows it has not begun.
#pragma once

#include <cstddef>
#include <cstdint>

namespace moonbase::functions {

inline constexpr std::uint32_t protocol_version = 3;

// A synchronous payload on Lambda is at most 6 MB, and the answer a little more.
inline constexpr std::size_t request_bytes_max = 6'291'456;
inline constexpr std::size_t response_bytes_max = 6'291'556;
// What one frame may carry: the largest answer and its head, or the largest input of a Call (an S3
// object or a batch has limits of its own behind it).
inline constexpr std::size_t frame_bytes_max = response_bytes_max + 64 * 1024;
inline constexpr std::size_t log_bytes_max = 256 * 1024;  // One log frame.
inline constexpr int json_depth_max = 100;
inline constexpr std::size_t client_context_bytes_max = 3583;

enum class FrameType : std::uint16_t {
  // Kernel to environment.
  invoke = 1,  // InvokeHead, qualifier, client context (JSON), event (JSON).
  reply = 2,   // To call: JSON; flags say whether it is the output or {"code", "message"}. To fetch: the
               // same, or {"status", "headers"}, NUL, the body. To ids: random bytes. To now: ReplyNow.
  // Environment to kernel.
  answer = 16,   // AnswerHead, JSON.
  failure = 17,  // AnswerHead, JSON: errorMessage, errorType, stackTrace.
  call = 18,     // Service, NUL, operation, NUL, input (JSON).
  log = 19,      // Lines, each ended by "\n".
  ids = 20,      // Nothing; asks for random_bytes_each bytes.
  now = 21,      // Nothing; asks for the platform's time.
  fetch = 22,    // A request to a server outside: {"method", "url", "headers", "timeout_ms"}, NUL, the body.
};

inline constexpr std::uint16_t flag_error = 1;    // Of reply: the Call was refused.
inline constexpr std::uint16_t flag_exiting = 2;  // Of failure: the environment ends itself after this.
inline constexpr std::size_t random_bytes_each = 128;

struct FrameHeader {
  std::uint32_t bytes;  // Of what follows this header.
  FrameType type;
  std::uint16_t flags;
  std::uint64_t id;  // Of the invocation. Frames of another invocation are a violation.
};
static_assert(sizeof(FrameHeader) == 16);

struct InvokeHead {
  std::int64_t deadline_ns;            // CLOCK_MONOTONIC, the same for both processes.
  std::int64_t now_ms;                 // The platform's time.
  std::uint64_t random;                // Seeds math.random of a fresh environment.
  std::uint16_t qualifier_bytes;       // Of what the function was invoked by: the end of its ARN, or nothing.
  std::uint16_t client_context_bytes;  // At most client_context_bytes_max.
  char request_id[36];
};
static_assert(sizeof(InvokeHead) == 64);

// By the environment's own word: only shown in the log.
struct AnswerHead {
  std::uint32_t memory_kb_max;
  std::uint32_t duration_us;  // Of the handler.
};

struct ReplyNow {
  std::int64_t now_ms;
};

// Layers of the sandbox, found once when the spawner starts.
inline constexpr std::uint32_t layer_seccomp = 1;
inline constexpr std::uint32_t layer_landlock = 2;          // The file system.
inline constexpr std::uint32_t layer_landlock_network = 4;  // TCP too (ABI 4).
inline constexpr std::uint32_t layer_namespaces = 8;        // User, network, IPC and mount.
// Of process environments: PID and mount namespaces, without which folders are where they are and /tmp has no limit.
inline constexpr std::uint32_t layer_process_namespaces = 16;
inline constexpr std::uint32_t layer_process_users = 32;  // Each works as a user of its own.

struct Hello {
  std::uint32_t version;
  std::uint32_t layers;
  std::int32_t landlock_abi;
};

// With two descriptors: the template's end of its socket, and the package (a sealed memfd). A process
// environment gets two more, the writing ends of its output and telemetry pipes.
enum class SpawnKind : std::uint64_t { lua_or_native = 0, process = 1 };
struct SpawnRequest {
  std::uint64_t id;
  std::uint64_t memory_bytes;  // The function's MemorySize: what may be mapped beyond the runtime itself.
  SpawnKind kind;
};
struct SpawnReply {
  std::uint64_t id;
  std::int32_t pid;    // A child of the kernel.
  std::int32_t error;  // errno.
};

// Followed by text: where it failed, JSON as in a failure frame; else what the code printed.
struct TemplateReport {
  std::uint32_t failed;
  std::uint32_t init_us;
};
inline constexpr std::size_t report_text_bytes_max = 48 * 1024;

// With one descriptor: the environment's end of its socket. Invoke frames may already wait in it.
struct ForkRequest {
  std::uint64_t id;
  char log_stream_name[96];  // NUL-terminated.
};
struct ForkReply {
  std::uint64_t id;
  std::int32_t pid;    // A child of the kernel.
  std::int32_t error;  // errno.
};

// Between the kernel and the root of a process environment (SOCK_SEQPACKET), one message each.
enum class ProcessCommand : std::uint32_t {
  start_extension = 1,  // `number`: its place in the names that ready listed.
  start_runtime = 2,  // With a descriptor: its connection to the Runtime API (_MOONBASE_RUNTIME_FD).
  terminate = 3,  // SIGTERM to the runtime.
  freeze = 4,     // All that runs stands still, as between invocations on Lambda.
  thaw = 5,
};
struct ProcessOrder {
  ProcessCommand command;
  std::uint32_t number;
};
enum class ProcessNews : std::uint32_t {
  ready = 1,  // Followed by the names of external extensions, each ended by NUL.
  runtime_ended = 2,
  extension_ended = 3,
  cannot_start = 4,  // `status` is errno.
};
inline constexpr std::uint32_t process_extension_none = 0xffffffff;
struct ProcessReport {
  ProcessNews news;
  std::uint32_t number;     // Of the extension.
  std::uint32_t by_signal;  // Else `status` is an exit status.
  std::int32_t status;
};
inline constexpr std::size_t process_report_bytes_max = 16 * 1024;
inline constexpr std::size_t extensions_max = 10;  // As on Lambda.

}  // namespace moonbase::functions
