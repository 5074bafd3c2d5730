#include "http/connection.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "http/response.hpp"
#include "http/tls.hpp"

namespace moonbase::http {
namespace {

constexpr std::size_t spare_buffers_max = 64;

}  // namespace

void ServerCore::log_exception(const char* where, const char* what) const {
  if (options.log) options.log->error(std::string("http: ") + where + ": " + what);
}

void Input::release() {
  if (!data_) return;
  if (capacity_ == input_bytes && state_.buffers.size() < spare_buffers_max) state_.buffers.push_back(std::move(data_));
  data_.reset();
  capacity_ = begin_ = end_ = 0;
}

std::ptrdiff_t Input::fill(Transport& transport, std::size_t bytes_max, MachineTime deadline) {
  if (!data_) {
    if (state_.buffers.empty()) {
      data_ = std::make_unique_for_overwrite<char[]>(input_bytes);
    } else {
      data_ = std::move(state_.buffers.back());
      state_.buffers.pop_back();
    }
    capacity_ = input_bytes;
    begin_ = end_ = 0;
  }
  if (begin_ == end_) {
    begin_ = end_ = 0;
  } else if (end_ == capacity_) {
    const auto held = end_ - begin_;
    if (begin_ > 0) {
      std::memmove(data_.get(), data_.get() + begin_, held);
    } else {
      const auto larger = std::min(capacity_ * 2, std::max(bytes_max, input_bytes));
      if (larger <= capacity_) return Transport::broken;  // The caller should have refused by now.
      auto grown = std::make_unique_for_overwrite<char[]>(larger);
      std::memcpy(grown.get(), data_.get(), held);
      data_ = std::move(grown);
      capacity_ = larger;
    }
    begin_ = 0;
    end_ = held;
  }
  const auto count = transport.read(data_.get() + end_, capacity_ - end_, deadline);
  if (count > 0) end_ += static_cast<std::size_t>(count);
  return count;
}

Connection::Connection(std::shared_ptr<ServerCore> on_server, LoopState& on_state, int on_descriptor)
    : owner(std::move(on_server)), server(*owner), state(on_state), descriptor(on_descriptor), input(on_state) {
  next = state.connections;
  if (next) next->previous = this;
  state.connections = this;
}

Connection::~Connection() {
  if (next) next->previous = previous;
  (previous ? previous->next : state.connections) = next;
  transport.reset();
  ::close(descriptor);
  state.loop.closed(descriptor);
  {
    // Under the lock, so that whoever waits for the last one cannot miss it.
    const std::lock_guard lock(server.mutex);
    server.connections.fetch_sub(1);
  }
  server.connection_closed.notify_all();
}

std::string_view http_date_now(Connection& connection) {
  auto& state = connection.state;
  const auto now = connection.server.options.clock->now();
  if (now.seconds() != state.date_second) {
    state.date_second = now.seconds();
    state.date = "Date: " + http_date(now) + "\r\n";
  }
  return state.date;
}

void run_handler(Connection& connection, HttpRequest& request, HttpResponse& response) {
  try {
    connection.server.handler(request, response);
  } catch (const loop::Stopped&) {
    throw;
  } catch (const std::exception& exception) {
    connection.server.log_exception("a handler failed", exception.what());
    make_internal_failure(response);
  }
}

bool run_stream(Connection& connection, const HttpResponse& response, BodyWriter& writer) {
  try {
    response.stream(writer);
    return true;
  } catch (const loop::Stopped&) {
    throw;
  } catch (const std::exception& exception) {
    connection.server.log_exception("a streamed answer failed", exception.what());
    return false;
  }
}

}  // namespace moonbase::http
