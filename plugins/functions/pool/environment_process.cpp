#include "pool/environment_process.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <moonbase/json.hpp>

namespace moonbase::functions {
namespace {

// Every loop reads into one buffer: an environment between invocations holds none.
constexpr std::size_t buffer_bytes = 64 * 1024;
char* thread_buffer() {
  thread_local const auto buffer = std::make_unique_for_overwrite<char[]>(buffer_bytes);
  return buffer.get();
}

std::size_t bytes_max_of(FrameType type) {
  switch (type) {
    case FrameType::answer:
    case FrameType::failure:
      return response_bytes_max + sizeof(AnswerHead);
    case FrameType::call:
    case FrameType::fetch:
      return frame_bytes_max;
    case FrameType::log:
      return log_bytes_max + 1;
    default:
      return 0;
  }
}

template <class T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string refusal(const Error& error) {
  Map members = error.members;
  members.set("code", error.code);
  members.set("message", error.message);
  return to_json(Value(std::move(members)));
}

InvokeHead head_of(const EnvironmentInvocation& invocation, InvocationHost& host, bool fresh) {
  InvokeHead head{};
  head.deadline_ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(invocation.deadline.time_since_epoch()).count();
  head.now_ms = host.now().ms;
  head.qualifier_bytes = static_cast<std::uint16_t>(invocation.qualifier.size());
  head.client_context_bytes = static_cast<std::uint16_t>(invocation.client_context.size());
  invocation.request_id.copy(head.request_id, sizeof head.request_id);
  if (fresh) {
    const auto random = host.random_bytes(sizeof head.random);
    std::memcpy(&head.random, random.data(), sizeof head.random);
    head.random |= 1;  // 0 says: not fresh.
  }
  return head;
}

FrameHeader header_of(const EnvironmentInvocation& invocation, std::uint64_t id) {
  const auto bytes =
      sizeof(InvokeHead) + invocation.qualifier.size() + invocation.client_context.size() + invocation.event.size();
  return {static_cast<std::uint32_t>(bytes), FrameType::invoke, 0, id};
}

}  // namespace

void EnvironmentProcess::append_invoke(std::string& out, std::uint64_t id, bool fresh,
                                       const EnvironmentInvocation& invocation, InvocationHost& host) {
  const auto header = header_of(invocation, id);
  const auto head = head_of(invocation, host, fresh);
  out.append(bytes_of(header)).append(bytes_of(head)).append(invocation.qualifier);
  out.append(invocation.client_context).append(invocation.event);
}

std::size_t EnvironmentProcess::frame_bytes_max_of(FrameType type) { return bytes_max_of(type); }

EnvironmentProcess::EnvironmentProcess(std::shared_ptr<Template> parent, std::uint64_t id, std::string log_stream_name)
    : template_(std::move(parent)), id_(id), log_stream_name_(std::move(log_stream_name)) {}

std::unique_ptr<EnvironmentProcess> EnvironmentProcess::start(std::shared_ptr<Template> parent, std::uint64_t id,
                                                              std::string log_stream_name) {
  std::unique_ptr<EnvironmentProcess> process(
      new EnvironmentProcess(std::move(parent), id, std::move(log_stream_name)));
  process->socket_ = process->template_->fork(id, process->log_stream_name_);
  if (!process->socket_) return nullptr;
  return process;
}

EnvironmentProcess::~EnvironmentProcess() { child().kill(); }

void EnvironmentProcess::close(Io& io) {
  io.forget(socket_.get());
  socket_.reset();
  child().kill();
}

Child& EnvironmentProcess::child() {
  if (!claimed_) {
    claimed_ = true;
    child_ = template_->claim(id_);
  }
  return child_;
}

bool EnvironmentProcess::send(Io& io, MachineTime deadline, const FrameHeader& header,
                              std::initializer_list<std::string_view> body) {
  std::array<iovec, 5> parts;
  parts[0] = {const_cast<FrameHeader*>(&header), sizeof header};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = 1;
  for (const auto part : body) parts.at(message.msg_iovlen++) = {const_cast<char*>(part.data()), part.size()};
  std::size_t left = sizeof header + header.bytes;
  for (;;) {
    const auto sent = sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return false;
      if (!io.wait_writable(socket_.get(), deadline)) return false;
      continue;
    }
    auto gone = static_cast<std::size_t>(sent);
    left -= gone;
    if (left == 0) return true;
    while (gone >= message.msg_iov->iov_len) {
      gone -= message.msg_iov->iov_len;
      ++message.msg_iov;
      --message.msg_iovlen;
    }
    message.msg_iov->iov_base = static_cast<char*>(message.msg_iov->iov_base) + gone;
    message.msg_iov->iov_len -= gone;
  }
}

bool EnvironmentProcess::reply(Io& io, MachineTime deadline, std::uint64_t id, std::uint16_t flags,
                               std::string_view body) {
  const FrameHeader header{static_cast<std::uint32_t>(body.size()), FrameType::reply, flags, id};
  return send(io, deadline, header, {body});
}

EnvironmentProcess::Progress EnvironmentProcess::reply(Io& io, MachineTime deadline, std::uint64_t id,
                                                       const Result<std::string>& result) {
  const bool sent = result ? reply(io, deadline, id, 0, *result)
                           : reply(io, deadline, id, flag_error, refusal(result.error()));
  // The deadline may have passed meanwhile: the next wait says so.
  return sent || std::chrono::steady_clock::now() >= deadline ? Progress::more : Progress::violated;
}

EnvironmentAnswer EnvironmentProcess::invoke(Io& io, const EnvironmentInvocation& invocation, InvocationHost& host) {
  EnvironmentAnswer answer;
  const auto head = head_of(invocation, host, fresh());
  ++invocations_;
  in_.clear();
  const FrameHeader header = header_of(invocation, invocations_);
  bool sent = send(io, invocation.deadline, header,
                   {bytes_of(head), invocation.qualifier, invocation.client_context, invocation.event});

  bool received_any = false;
  char* const buffer = thread_buffer();
  while (sent) {
    if (!io.wait_readable(socket_.get(), invocation.deadline)) {
      answer.kind = EnvironmentAnswer::Kind::timed_out;
      close(io);
      return answer;
    }
    ssize_t received = 0;
    if (in_.empty()) {
      received = recv(socket_.get(), buffer, buffer_bytes, 0);
    } else {
      const auto before = in_.size();
      in_.resize(before + buffer_bytes);
      received = recv(socket_.get(), in_.data() + before, buffer_bytes, 0);
      in_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(received, 0)));
    }
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (received <= 0) break;
    received_any = true;
    const bool direct = in_.empty();
    pending_ = direct ? std::string_view(buffer, static_cast<std::size_t>(received)) : std::string_view(in_);
    const auto progress = take_frames(host, answer, io, invocation.deadline);
    if (progress == Progress::done) return answer;
    if (progress == Progress::violated) {
      answer.kind = EnvironmentAnswer::Kind::violated;
      close(io);
      return answer;
    }
    if (direct) {
      in_.assign(pending_);
    } else {
      in_.erase(0, in_.size() - pending_.size());
    }
    pending_ = {};
  }
  // It closed its socket, or ended.
  if (std::chrono::steady_clock::now() >= invocation.deadline) {
    answer.kind = EnvironmentAnswer::Kind::timed_out;
    close(io);
    return answer;
  }
  answer.kind = EnvironmentAnswer::Kind::exited;
  answer.nothing_received = !received_any;
  io.forget(socket_.get());
  socket_.reset();
  answer.ending =
      child().wait(io, std::min(invocation.deadline, std::chrono::steady_clock::now() + std::chrono::seconds(1)));
  return answer;
}

EnvironmentProcess::Progress EnvironmentProcess::take_frames(InvocationHost& host, EnvironmentAnswer& answer, Io& io,
                                                             MachineTime deadline) {
  for (;;) {
    FrameHeader header;
    if (pending_.size() < sizeof header) return Progress::more;
    std::memcpy(&header, pending_.data(), sizeof header);
    if (header.id != invocations_ || header.bytes > bytes_max_of(header.type)) return Progress::violated;
    if (pending_.size() - sizeof header < header.bytes) return Progress::more;
    const auto body = pending_.substr(sizeof header, header.bytes);
    const auto rest = pending_.substr(sizeof header + header.bytes);
    if (header.type != FrameType::log && !rest.empty()) return Progress::violated;
    if ((header.type == FrameType::call || header.type == FrameType::fetch) && in_.empty()) {
      // While it waits, other fibers use the thread's buffer.
      const std::string kept(body);
      pending_ = {};
      return take(header, kept, host, answer, io, deadline);
    }
    pending_ = rest;
    const auto progress = take(header, body, host, answer, io, deadline);
    if (progress != Progress::more) return progress;
  }
}

EnvironmentProcess::Progress EnvironmentProcess::take(const FrameHeader& header, std::string_view body,
                                                      InvocationHost& host, EnvironmentAnswer& answer, Io& io,
                                                      MachineTime deadline) {
  switch (header.type) {
    case FrameType::answer:
    case FrameType::failure: {
      AnswerHead head;
      if (body.size() < sizeof head) return Progress::violated;
      std::memcpy(&head, body.data(), sizeof head);
      answer.kind =
          header.type == FrameType::answer ? EnvironmentAnswer::Kind::answer : EnvironmentAnswer::Kind::failure;
      answer.json.assign(body.substr(sizeof head));
      answer.memory_kb_max = head.memory_kb_max;
      answer.duration_us = head.duration_us;
      answer.reusable = (header.flags & flag_exiting) == 0;
      return Progress::done;
    }
    case FrameType::log: {
      host.log(body);
      return Progress::more;
    }
    case FrameType::call: {
      const auto service_end = body.find('\0');
      const auto operation_end = service_end == body.npos ? body.npos : body.find('\0', service_end + 1);
      if (operation_end == body.npos) return Progress::violated;
      return reply(io, deadline, header.id,
                   host.call(body.substr(0, service_end),
                             body.substr(service_end + 1, operation_end - service_end - 1),
                             body.substr(operation_end + 1)));
    }
    case FrameType::fetch: {
      const auto request_end = body.find('\0');
      if (request_end == body.npos) return Progress::violated;
      return reply(io, deadline, header.id, host.fetch(body.substr(0, request_end), body.substr(request_end + 1)));
    }
    case FrameType::ids:
      return reply(io, deadline, header.id, 0, host.random_bytes(random_bytes_each)) ? Progress::more
                                                                                     : Progress::violated;
    case FrameType::now: {
      const ReplyNow now{host.now().ms};
      return reply(io, deadline, header.id, 0, bytes_of(now)) ? Progress::more : Progress::violated;
    }
    default:
      return Progress::violated;
  }
}

}  // namespace moonbase::functions
