#include "channel.hpp"

#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

namespace moonbase::functions {
namespace {

constexpr std::size_t buffer_bytes = 64 * 1024;

[[noreturn]] void leave() { _exit(0); }

// What the timer's signal may send. Written only while `held` says no.
struct Held {
  std::atomic<bool> held{false};
  bool sent = false;
  int descriptor = -1;
  const char* data = nullptr;
  std::size_t bytes = 0;
  bool ticking = false;
};
Held held;

constexpr suseconds_t hold_us_max = 1000;
constexpr std::size_t hold_bytes_max = 32 * 1024;

void tick(bool on) {
  if (held.ticking == on) return;
  held.ticking = on;
  const timeval interval{0, on ? hold_us_max : 0};
  const itimerval timer{interval, interval};
  setitimer(ITIMER_REAL, &timer, nullptr);
}

bool send_all(int descriptor, const char* data, std::size_t bytes) {
  for (std::size_t sent = 0; sent < bytes;) {
    const auto more = send(descriptor, data + sent, bytes - sent, MSG_NOSIGNAL);
    if (more < 0 && errno == EINTR) continue;
    if (more <= 0) return false;
    sent += static_cast<std::size_t>(more);
  }
  return true;
}

}  // namespace

void Channel::prepare_to_hold() {
  struct sigaction action {};
  action.sa_handler = send_held;
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, nullptr);
}

void Channel::send_held(int) {
  if (!held.held.load(std::memory_order_relaxed)) return;
  const int kept = errno;
  if (!send_all(held.descriptor, held.data, held.bytes)) leave();
  held.sent = true;
  held.held.store(false, std::memory_order_relaxed);
  errno = kept;
}

bool Channel::frame_is_here() const {
  if (!waiting_.empty()) return true;
  FrameHeader header;
  if (to_ - from_ < sizeof header) return false;
  std::memcpy(&header, in_.get() + from_, sizeof header);
  return to_ - from_ - sizeof header >= header.bytes;
}

void Channel::answered(bool may_hold) {
  if (may_hold && out_.size() < hold_bytes_max && frame_is_here()) {
    hold();
  } else {
    flush();
    tick(false);
  }
}

void Channel::hold() {
  held.descriptor = descriptor_;
  held.data = out_.data();
  held.bytes = out_.size();
  held.sent = false;
  std::atomic_signal_fence(std::memory_order_release);
  held.held.store(true, std::memory_order_relaxed);
  tick(true);
}

// Takes back what is held: from here on the signal leaves it alone.
void Channel::release() {
  held.held.store(false, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_acquire);
  if (held.sent) {
    out_.erase(0, held.bytes);
    held.sent = false;
  }
  held.bytes = 0;
}

Channel::Channel(int descriptor) : descriptor_(descriptor) { reserve(buffer_bytes); }
Channel::~Channel() = default;

void Channel::reserve(std::size_t bytes) {
  auto larger = std::make_unique_for_overwrite<char[]>(bytes);
  if (to_ > from_) std::memcpy(larger.get(), in_.get() + from_, to_ - from_);
  to_ -= from_;
  from_ = 0;
  in_ = std::move(larger);
  capacity_ = bytes;
}

Channel::Frame Channel::receive() {
  if (waiting_.empty()) return receive_from_socket();
  current_ = std::move(waiting_.front());
  waiting_.pop_front();
  Frame frame{};
  std::memcpy(&frame.header, current_.data(), sizeof frame.header);
  frame.body = std::string_view(current_).substr(sizeof frame.header);
  return frame;
}

Channel::Frame Channel::receive_reply() {
  for (;;) {
    const auto frame = receive_from_socket();
    if (frame.header.type == FrameType::reply) return frame;
    if (frame.header.type != FrameType::invoke) leave();
    std::string kept(reinterpret_cast<const char*>(&frame.header), sizeof frame.header);
    kept.append(frame.body);
    waiting_.push_back(std::move(kept));
  }
}

Channel::Frame Channel::receive_from_socket() {
  Frame frame{};
  if (from_ == to_) {
    from_ = to_ = 0;
    if (capacity_ > buffer_bytes) reserve(buffer_bytes);  // After a large event.
  }
  std::size_t needed = sizeof frame.header;
  for (;;) {
    if (to_ - from_ >= needed) {
      std::memcpy(&frame.header, in_.get() + from_, sizeof frame.header);
      if (frame.header.bytes > frame_bytes_max * 2) leave();
      needed = sizeof frame.header + frame.header.bytes;
      if (to_ - from_ >= needed) break;
    }
    if (capacity_ - from_ < needed) reserve(needed);
    const auto received = recv(descriptor_, in_.get() + to_, capacity_ - to_, 0);
    if (received < 0 && errno == EINTR) continue;
    if (received <= 0) leave();
    to_ += static_cast<std::size_t>(received);
  }
  frame.body = {in_.get() + from_ + sizeof frame.header, frame.header.bytes};
  from_ += needed;
  return frame;
}

std::size_t Channel::begin(FrameType type, std::uint16_t flags) {
  if (held.bytes > 0) release();
  const std::size_t frame = out_.size();
  const FrameHeader header{0, type, flags, id_};
  out_.append(reinterpret_cast<const char*>(&header), sizeof header);
  return frame;
}

void Channel::end(std::size_t frame, std::uint16_t flags) {
  FrameHeader header;
  std::memcpy(&header, out_.data() + frame, sizeof header);
  header.bytes = static_cast<std::uint32_t>(out_.size() - frame - sizeof header);
  header.flags |= flags;
  std::memcpy(out_.data() + frame, &header, sizeof header);
}

void Channel::flush() {
  if (held.bytes > 0) release();
  if (!send_all(descriptor_, out_.data(), out_.size())) leave();
  out_.clear();
  if (out_.capacity() > 1024 * 1024) out_ = {};
}

RuntimeHost::Reply Channel::call(std::string_view service, std::string_view operation, std::string_view input) {
  static constexpr std::string_view too_large =
      R"({"code":"RequestEntityTooLargeException","message":"The input of the call is too large."})";
  if (service.size() + operation.size() + input.size() + 2 > frame_bytes_max) return {false, too_large, {}};
  const auto frame = begin(FrameType::call);
  out_.append(service).push_back('\0');
  out_.append(operation).push_back('\0');
  out_.append(input);
  end(frame);
  flush();
  const auto reply = receive_reply();
  return {(reply.header.flags & flag_error) == 0, reply.body, {}};
}

RuntimeHost::Reply Channel::fetch(std::string_view request, std::string_view body) {
  static constexpr std::string_view too_large =
      R"({"code":"RequestTooLarge","message":"The request is longer than 6 MB."})";
  if (request.size() + body.size() + 1 > frame_bytes_max) return {false, too_large, {}};
  const auto frame = begin(FrameType::fetch);
  out_.append(request).push_back('\0');
  out_.append(body);
  end(frame);
  flush();
  const auto reply = receive_reply();
  if (reply.header.flags & flag_error) return {false, reply.body, {}};
  const auto head_end = reply.body.find('\0');
  if (head_end == reply.body.npos) leave();
  return {true, reply.body.substr(0, head_end), reply.body.substr(head_end + 1)};
}

void Channel::log(std::string_view text) {
  // What a loop prints reaches the log while it loops, not only at its end.
  while (!text.empty()) {
    const auto piece = text.substr(0, log_bytes_max);
    const auto frame = begin(FrameType::log);
    out_.append(piece);
    if (piece.size() == text.size() && text.back() != '\n') out_.push_back('\n');
    end(frame);
    text.remove_prefix(piece.size());
    if (out_.size() > 16 * 1024) flush();
  }
  // The handler may never come back: the timer sends what it has printed.
  if (!out_.empty()) hold();
}

std::int64_t Channel::now_ms() {
  end(begin(FrameType::now));
  flush();
  const auto reply = receive_reply();
  ReplyNow now;
  if (reply.body.size() != sizeof now) leave();
  std::memcpy(&now, reply.body.data(), sizeof now);
  return now.now_ms;
}

std::string_view Channel::random_bytes() {
  end(begin(FrameType::ids));
  flush();
  const auto reply = receive_reply();
  if (reply.body.size() != random_bytes_each) leave();
  return reply.body;
}

}  // namespace moonbase::functions
