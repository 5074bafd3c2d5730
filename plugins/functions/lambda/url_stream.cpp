// Answers of function URLs that leave while the function makes them (InvokeMode RESPONSE_STREAM).
#include <algorithm>
#include <memory>
#include <optional>

#include "lambda/url.hpp"

namespace moonbase::functions {
namespace {

constexpr std::size_t waiting_bytes_max = 64 * 1024;  // Beyond that the function waits for its client.
constexpr std::size_t prelude_bytes_max = 64 * 1024;
constexpr std::string_view prelude_type = "application/vnd.awslambda.http-integration-response";
constexpr std::string_view prelude_end("\0\0\0\0\0\0\0\0", 8);
constexpr Time never{INT64_MAX};

// Between the function's fiber and the client's, which are of one loop.
struct Pipe {
  Signal changed;
  std::string content_type, bytes;
  bool begun = false, ended = false, gone = false;  // gone: the client is.
  std::optional<Result<InvocationResult>> result;

  template <class Condition>
  void wait_until(Condition condition) {
    for (auto seen = changed.version(); !condition(); seen = changed.version()) changed.wait(seen, never);
  }
};

// The client's end: whenever it goes, the function's does not wait for it any longer.
struct Reader {
  std::shared_ptr<Pipe> pipe;
  explicit Reader(std::shared_ptr<Pipe> pipe) : pipe(std::move(pipe)) {}
  ~Reader() {
    pipe->gone = true;
    pipe->changed.notify();
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  void write_to(BodyWriter& writer) {
    while (true) {
      pipe->wait_until([&] { return pipe->ended || !pipe->bytes.empty(); });
      if (pipe->bytes.empty()) return;
      const auto part = std::exchange(pipe->bytes, {});
      pipe->changed.notify();
      if (!writer.write(part)) return;
    }
  }
};

void run(FunctionService& functions, Pipe& pipe, const CallContext& context, const FunctionName& name,
         const Invocation& invocation) {
  struct End {  // Whatever happens.
    Pipe& pipe;
    ~End() {
      pipe.ended = true;
      pipe.changed.notify();
    }
  } end{pipe};
  const ResponseSink sink = [&](std::string_view part, std::string_view content_type) {
    pipe.wait_until([&] { return pipe.gone || pipe.bytes.size() < waiting_bytes_max; });
    if (pipe.gone) return false;
    if (!pipe.begun) pipe.content_type = content_type;
    pipe.begun = true;
    pipe.bytes += part;
    pipe.changed.notify();
    return true;
  };
  pipe.result = functions.stream(context, name, invocation, functions.kernel().ids.uuid(), sink);
}

// Takes the prelude out of what has come: status and headers.
bool take_prelude(Pipe& pipe, HttpResponse& response) {
  pipe.wait_until([&] {
    return pipe.ended || pipe.bytes.size() >= prelude_bytes_max || pipe.bytes.find(prelude_end) != std::string::npos;
  });
  const auto end = pipe.bytes.find(prelude_end);
  if (end == std::string::npos || !answer_from_prelude(std::string_view(pipe.bytes).substr(0, end), response))
    return false;
  pipe.bytes.erase(0, end + prelude_end.size());
  pipe.changed.notify();
  return true;
}

}  // namespace

HttpResponse stream_answer(FunctionService& functions, CallContext context, const FunctionName& name,
                           Invocation invocation) {
  const auto pipe = std::make_shared<Pipe>();
  const auto reader = std::make_shared<Reader>(pipe);
  functions.kernel().io.spawn(
      [&functions, pipe, context = std::move(context), name, invocation = std::move(invocation)] {
        run(functions, *pipe, context, name, invocation);
      });
  pipe->wait_until([&] { return pipe->begun || pipe->ended; });
  HttpResponse response;
  if (!pipe->begun) {  // It came in one piece, or not at all.
    answer_from(pipe->result ? std::move(*pipe->result)
                             : Error{"ServiceException", "The function ended without an answer.", {}, 500},
                response);
    return response;
  }
  if (pipe->content_type == prelude_type) {
    if (!take_prelude(*pipe, response)) return refusal(502, "The response stream's prelude is malformed.");
  } else {
    response.headers.set("Content-Type", pipe->content_type.empty() ? "application/octet-stream" : pipe->content_type);
  }
  response.stream = [reader](BodyWriter& writer) { reader->write_to(writer); };
  return response;
}

}  // namespace moonbase::functions
