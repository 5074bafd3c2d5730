// An environment's end of its socket: frames in, frames out. Blocking. The peer is the kernel, which
// is trusted; when it is gone, or the socket is broken, the process ends.
#pragma once

#include "frames.hpp"
#include "runtime.hpp"

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

namespace moonbase::functions {

class Channel final : public RuntimeHost {
 public:
  explicit Channel(int descriptor);
  ~Channel() override;

  struct Frame {
    FrameHeader header;
    std::string_view body;  // Valid until the next receive().
  };
  Frame receive();
  // The reply to what was asked. Invocations that arrive before it wait for their turn.
  Frame receive_reply();

  // Frames are collected and leave together.
  std::size_t begin(FrameType type, std::uint16_t flags = 0);  // Answers where the frame begins, for end().
  void end(std::size_t frame, std::uint16_t flags = 0);
  std::string& out() { return out_; }
  void flush();

  // Answers of short handlers are held back while the next invocation is here already: one send for
  // many. Should a handler run on, a timer sends them 1 ms later, whatever it does.
  //   prepare_to_hold()  once, before the system-call list is in force
  //   answered()         behind every answer: sends, or holds
  static void prepare_to_hold();
  void answered(bool may_hold);

  // Whose frames these are from now on.
  void serve(std::uint64_t id) { id_ = id; }

  Reply call(std::string_view service, std::string_view operation, std::string_view input) override;
  Reply fetch(std::string_view request, std::string_view body) override;
  void log(std::string_view text) override;
  std::int64_t now_ms() override;
  std::string_view random_bytes() override;

 private:
  Frame receive_from_socket();
  bool frame_is_here() const;
  void hold();
  void release();
  static void send_held(int signal);
  void reserve(std::size_t bytes);

  int descriptor_;
  std::unique_ptr<char[]> in_;
  std::size_t capacity_ = 0, from_ = 0, to_ = 0;
  std::string out_;
  std::deque<std::string> waiting_;  // Whole frames.
  std::string current_;              // The one of them that receive() has handed out.
  std::uint64_t id_ = 0;
};

}  // namespace moonbase::functions
