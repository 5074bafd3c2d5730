#include "pool/shared_environment.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace moonbase::functions {
namespace {

constexpr std::size_t waiting_max = 256;
constexpr std::size_t out_bytes_max = 256 * 1024;
constexpr auto slow = std::chrono::milliseconds(2);
constexpr std::size_t buffer_bytes = 64 * 1024;

char* thread_buffer() {
  thread_local const auto buffer = std::make_unique_for_overwrite<char[]>(buffer_bytes);
  return buffer.get();
}

}  // namespace

bool SharedEnvironment::accepts(MachineTime now) const {
  if (ended_ || waiting_.size() >= waiting_max || out_.size() >= out_bytes_max) return false;
  return waiting_.empty() || now - progress_at_ < slow;
}

EnvironmentAnswer SharedEnvironment::invoke(Io& io, const EnvironmentInvocation& invocation, InvocationHost& host) {
  Waiting mine{++process_->invocations_, invocation.deadline, &host, {}, internal::Parker::current()};
  EnvironmentProcess::append_invoke(out_, mine.id, mine.id == 1, invocation, host);
  if (waiting_.empty()) progress_at_ = std::chrono::steady_clock::now();
  waiting_.push_back(&mine);
  // When the platform stops, the wait below ends by an exception: nobody writes to `mine` after that.
  struct Leave {
    SharedEnvironment& shared;
    Waiting* mine;
    ~Leave() { std::replace(shared.waiting_.begin(), shared.waiting_.end(), mine, static_cast<Waiting*>(nullptr)); }
  } leave{*this, &mine};

  if (!flushing_) {
    flushing_ = true;
    // Behind the fibers that are ready now: what they ask for leaves together.
    io.spawn([self = shared_from_this(), &io] { self->flush(io); });
  }
  while (!mine.done) mine.parker->park();
  return std::move(mine.answer);
}

void SharedEnvironment::flush(Io& io) {
  while (!out_.empty() && !ended_) {
    const auto sent = send(process_->socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      out_.erase(0, static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      // The environment reads when it has got rid of its answer; the reader also sees to the deadline.
      if (!reading_ && !waiting_.empty()) {
        reading_ = true;
        io.spawn([self = shared_from_this(), &io] { self->read(io); });
      }
      io.wait_writable(process_->socket_.get(), std::chrono::steady_clock::now() + std::chrono::milliseconds(100));
    } else if (errno != EINTR) {
      break;  // The reader sees the end.
    }
  }
  flushing_ = false;
  if (!reading_ && !ended_ && !waiting_.empty()) {
    reading_ = true;
    read(io);
  }
}

void SharedEnvironment::read(Io& io) {
  struct Reading {
    bool& reading;
    ~Reading() { reading = false; }
  } reading{reading_};
  while (!waiting_.empty() && !ended_) {
    const auto deadline = waiting_.front() ? waiting_.front()->deadline : MachineTime::max();
    if (!io.wait_readable(process_->socket_.get(), deadline)) return end(io, EnvironmentAnswer::Kind::timed_out);
    if (ended_) return;
    char* const buffer = thread_buffer();
    const auto received = recv(process_->socket_.get(), buffer, buffer_bytes, 0);
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (received <= 0) {
      const auto until = std::min(deadline, std::chrono::steady_clock::now() + std::chrono::seconds(1));
      ended_ = true;  // Nobody joins while we wait for it.
      io.forget(process_->socket_.get());
      const auto ending = process_->child().wait(io, until);
      return end(io, EnvironmentAnswer::Kind::exited, ending);
    }
    if (in_.empty()) {
      pending_ = {buffer, static_cast<std::size_t>(received)};
    } else {
      in_.append(buffer, static_cast<std::size_t>(received));
      pending_ = in_;
    }
    const bool direct = in_.empty();
    if (const auto kind = take(io)) return end(io, *kind);
    if (direct) {
      in_.assign(pending_);
    } else {
      in_.erase(0, in_.size() - pending_.size());
    }
    pending_ = {};
  }
}

std::optional<EnvironmentAnswer::Kind> SharedEnvironment::take(Io& io) {
  using Kind = EnvironmentAnswer::Kind;
  using Progress = EnvironmentProcess::Progress;
  for (;;) {
    FrameHeader header;
    if (pending_.size() < sizeof header) return std::nullopt;
    std::memcpy(&header, pending_.data(), sizeof header);
    if (waiting_.empty()) return Kind::violated;
    Waiting* const first = waiting_.front();
    // Whoever gave up has no id to compare; the process goes with it.
    if (!first || header.id != first->id || header.bytes > EnvironmentProcess::frame_bytes_max_of(header.type))
      return Kind::violated;
    if (pending_.size() - sizeof header < header.bytes) return std::nullopt;
    const auto body = pending_.substr(sizeof header, header.bytes);
    const auto rest = pending_.substr(sizeof header + header.bytes);
    EnvironmentAnswer answer;
    const bool asks =
        header.type != FrameType::log && header.type != FrameType::answer && header.type != FrameType::failure;
    if (asks) {
      // It waits for the reply, so nothing may follow; and the buffer is others' while we wait.
      if (!rest.empty()) return Kind::violated;
      const std::string kept(body);
      pending_ = {};
      if (process_->take(header, kept, *first->host, answer, io, first->deadline) != Progress::more)
        return Kind::violated;
      progress_at_ = std::chrono::steady_clock::now();
      return std::nullopt;
    }
    pending_ = rest;
    const auto progress = process_->take(header, body, *first->host, answer, io, first->deadline);
    if (progress == Progress::violated) return Kind::violated;
    if (progress == Progress::more) continue;
    const bool exits = !answer.reusable;
    finish(std::move(answer));
    if (exits) return Kind::not_begun;
  }
}

void SharedEnvironment::finish(EnvironmentAnswer answer) {
  Waiting* const first = waiting_.front();
  waiting_.pop_front();
  progress_at_ = std::chrono::steady_clock::now();
  if (!first) return;
  first->answer = std::move(answer);
  first->done = true;
  first->parker->wake();
}

void SharedEnvironment::end(Io& io, EnvironmentAnswer::Kind kind, Ending ending) {
  ended_ = true;
  const auto already = process_->socket_.get() < 0;
  if (!already) process_->close(io);
  out_.clear();
  // The first has been running, the others have not begun; unless it died with answers held back.
  const bool all = holds_ && (kind == EnvironmentAnswer::Kind::exited || kind == EnvironmentAnswer::Kind::violated);
  for (bool first = true; !waiting_.empty(); first = false) {
    EnvironmentAnswer answer;
    answer.kind = first || all ? kind : EnvironmentAnswer::Kind::not_begun;
    answer.ending = ending;
    finish(std::move(answer));
  }
}

void SharedEnvironment::close(Io& io) {
  ended_ = true;
  process_->close(io);
}

}  // namespace moonbase::functions
