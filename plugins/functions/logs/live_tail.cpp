#include "logs/live_tail.hpp"

#include <algorithm>
#include <utility>

#include "logs/log_store.hpp"

namespace moonbase::functions {
namespace {

constexpr std::size_t events_max = 500;             // Of one update, as on AWS.
constexpr std::size_t bytes_max = 8 * 1024 * 1024;  // The same; a frame holds three times that.
constexpr std::ptrdiff_t sessions_max = 15;         // Of one account and region.

}  // namespace

bool LiveTailFilter::wants(std::string_view stream) const {
  if (streams.empty() && stream_prefixes.empty()) return true;
  return std::find(streams.begin(), streams.end(), stream) != streams.end() ||
         std::any_of(stream_prefixes.begin(), stream_prefixes.end(),
                     [&](const std::string& prefix) { return stream.starts_with(prefix); });
}

LiveTail::Update LiveTail::take() {
  const std::lock_guard lock(mutex_);
  bytes_ = 0;
  return std::exchange(next_, {});
}

bool LiveTail::wait(Time until) {
  const auto seen = closing_.version();
  return !closed_ && !closing_.wait(seen, until);
}

void LiveTail::close() {
  closed_ = true;
  closing_.notify();
}

std::shared_ptr<LiveTail> LiveTails::open(LiveTailFilter filter) {
  const std::lock_guard lock(mutex_);
  std::erase_if(sessions_, [](const auto& session) { return session.expired(); });
  const auto same = std::count_if(sessions_.begin(), sessions_.end(), [&](const auto& each) {
    const auto session = each.lock();
    return session && session->filter_.account == filter.account && session->filter_.region == filter.region;
  });
  if (same >= sessions_max) return nullptr;
  auto session = std::make_shared<LiveTail>(std::move(filter));
  sessions_.push_back(session);
  any_ = true;
  return session;
}

std::vector<std::shared_ptr<LiveTail>> LiveTails::all() {
  std::vector<std::shared_ptr<LiveTail>> found;
  const std::lock_guard lock(mutex_);
  for (const auto& each : sessions_)
    if (auto session = each.lock()) found.push_back(std::move(session));
  if (found.empty()) {
    sessions_.clear();
    any_ = false;
  }
  return found;
}

void LiveTails::see(const Written& written) {
  if (!any_) return;
  for (const auto& session : all()) {
    const auto& filter = session->filter_;
    if (filter.account != written.account || filter.region != written.region || !filter.wants(written.stream) ||
        std::find(filter.groups.begin(), filter.groups.end(), written.group) == filter.groups.end())
      continue;
    const std::lock_guard lock(session->mutex_);
    auto& next = session->next_;
    for (const auto& event : LogStore::read(written.events)) {
      if (!filter.pattern.matches(event.text)) continue;
      if (next.events.size() == events_max || session->bytes_ + event.text.size() > bytes_max) {
        next.sampled = true;
        break;
      }
      session->bytes_ += event.text.size();
      next.events.push_back({written.group, written.stream, std::string(event.text), event.at, written.ingested});
    }
  }
}

void LiveTails::reset(std::string_view account) {
  for (const auto& session : all())
    if (account.empty() || session->filter_.account == account) session->close();
}

}  // namespace moonbase::functions
