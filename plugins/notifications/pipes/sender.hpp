// Sender: takes a batch of records through a pipe, to its filters, its enrichment and its target.
#pragma once

#include <moonbase/call.hpp>
#include <vector>

#include "pipes/pipe.hpp"

namespace moonbase::notifications::pipes {

struct Sent {
  std::vector<bool> failed;  // One a record.
  Error error;               // The last one, where any has.
};

// Any fiber may use it, several at once. Both references must outlive it.
class Sender {
 public:
  // `is_queue`: what has failed holds back its own group only, else all that comes behind it.
  Sender(const KernelServices& kernel, const CompiledPipe& pipe, bool is_queue)
      : kernel_(kernel), pipe_(pipe), is_queue_(is_queue) {}

  // One try. Suspends the fiber.
  Sent send(const CallContext& context, const std::vector<SourceRecord>& records) const;

 private:
  Result<std::vector<PipeEvent>> enrich(const CallContext& context, const std::vector<PipeEvent>& events) const;
  void send_batch(const CallContext& context, const std::vector<SourceRecord>& records,
                  const std::vector<std::size_t>& kept, const std::vector<PipeEvent>& events, Sent& sent) const;
  void send_each(const CallContext& context, const std::vector<SourceRecord>& records,
                 const std::vector<std::size_t>& kept, const std::vector<PipeEvent>& events, Sent& sent) const;

  const KernelServices& kernel_;
  const CompiledPipe& pipe_;
  const bool is_queue_;
};

}  // namespace moonbase::notifications::pipes
