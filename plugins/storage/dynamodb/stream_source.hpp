// A table's stream as an event source: what event source mappings and pipes poll.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <moonbase/call.hpp>
#include <moonbase/event_source.hpp>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace moonbase::dynamodb {

// The signals of the streams that somebody polls. Any thread may use it.
class StreamSignals {
 public:
  std::shared_ptr<Signal> of(const std::string& account, std::int64_t stream);
  // After a commit that wrote to the stream or ended it. Costs nothing while nobody polls any.
  void notify(const std::string& account, std::int64_t stream);
  void notify_all();

 private:
  std::atomic<bool> any_{false};
  std::mutex mutex_;
  std::map<std::pair<std::string, std::int64_t>, std::shared_ptr<Signal>> signals_;
};

// Positions are sequence numbers: the next to be read.
class StreamSource final : public EventSource {
 public:
  StreamSource(KernelServices& kernel, StreamSignals& signals) : kernel_(kernel), signals_(signals) {}

  Result<bool> is_queue(const CallContext& context, std::string_view arn) override;
  std::shared_ptr<Signal> changed(const CallContext& context, std::string_view arn) override;
  Result<SourceBatch> read(const CallContext& context, std::string_view arn, const SourceRead& read) override;
  Result<std::vector<SourceShard>> shards(const CallContext& context, std::string_view arn) override;
  Result<std::string> start(const CallContext& context, std::string_view arn, std::string_view shard, SourceStart from,
                            Time at) override;

 private:
  KernelServices& kernel_;
  StreamSignals& signals_;
};

}  // namespace moonbase::dynamodb
