#include <moonbase/call.hpp>
#include <moonbase/event_source.hpp>

namespace moonbase {

// A queue needs no more than its one shard, a stream keeps its records.
Result<std::vector<SourceShard>> EventSource::shards(const CallContext&, std::string_view) {
  return std::vector<SourceShard>{SourceShard{}};
}

Result<std::string> EventSource::start(const CallContext&, std::string_view, std::string_view, SourceStart, Time) {
  return std::string();
}

Result<Done> EventSource::finish(const CallContext&, std::string_view, const std::vector<std::string>&) { return done; }

Result<Done> EventSource::release(const CallContext&, std::string_view, const std::vector<std::string>&, int) {
  return done;
}

}  // namespace moonbase
