#include "pipes/poller.hpp"

#include <algorithm>

namespace moonbase::notifications::pipes {
namespace {

constexpr std::int64_t missing_source_ms = 60'000;  // How often a source that is gone is looked for.
constexpr Time never{INT64_MAX};

}  // namespace

Poller::Poller(const KernelServices& kernel, CompiledPipe pipe) : kernel_(kernel), pipe_(std::move(pipe)) {}

CallContext Poller::context() const {
  CallContext context;
  context.identity.account_id = pipe_.name().owner.account;
  context.identity.arn = "arn:aws:iam::" + context.identity.account_id + ":root";
  context.region = pipe_.name().owner.region;
  context.request_id = kernel_.ids.uuid();
  return context;
}

void Poller::stop() {
  stopped_ = true;
  const std::lock_guard lock(mutex_);
  for (const auto& signal : waiting_on_) signal->notify();
}

bool Poller::wait(Busy& busy, const std::shared_ptr<Signal>& signal, std::uint64_t seen, Time deadline) {
  // Where stop() comes meanwhile, it finds the signal here, or has been seen.
  struct Waiting {
    Poller& poller;
    std::multiset<std::shared_ptr<Signal>>::iterator place;
    ~Waiting() {
      const std::lock_guard lock(poller.mutex_);
      poller.waiting_on_.erase(place);
    }
  };
  const auto enter = [&] {
    const std::lock_guard lock(mutex_);
    return waiting_on_.insert(signal);
  };
  const Waiting waiting{*this, enter()};
  busy.reset();
  if (!stopped_) signal->wait(seen, deadline);
  busy.emplace(kernel_.activity);
  return !stopped_;
}

bool Poller::pause(Busy& busy, std::int64_t ms) {
  const Time deadline{kernel_.clock.now().ms + ms};
  while (!stopped_ && kernel_.clock.now() < deadline) wait(busy, woken_, woken_->version(), deadline);
  return !stopped_;
}

void Poller::run(Busy& busy, const std::shared_ptr<Poller>& before) {
  // Also where the platform stops and its fibers are unwound.
  struct End {
    Poller& poller;
    ~End() {
      poller.ended_ = true;
      poller.has_ended_.notify();
    }
  } const end{*this};
  if (before)
    for (auto seen = before->has_ended_.version(); !before->ended_; seen = before->has_ended_.version()) {
      busy.reset();
      if (!before->ended_) before->has_ended_.wait(seen, never);
      busy.emplace(kernel_.activity);
    }
  while (!stopped_) {
    auto* source = kernel_.sources.source_of(pipe_.source());
    const auto is_queue = source ? source->is_queue(context(), pipe_.source()) : Error{"NotFoundException", ""};
    if (is_queue && *is_queue)
      run_queue(busy, *source);
    else if (is_queue)
      run_stream(busy, *source);
    pause(busy, missing_source_ms);
  }
}

// Until stop(), or until the queue cannot be read. A queue that was purged has another signal.
void Poller::run_queue(Busy& busy, EventSource& source) {
  while (!stopped_) {
    const auto signal = source.changed(context(), pipe_.source());
    if (!signal) return;
    const auto seen = signal->version();
    const auto next = poll_queue(busy, source, signal);
    if (!next) {
      kernel_.log.warning("the pipe " + pipe_.name().name + " cannot read its source: " + next.error().message);
      return;
    }
    if (!stopped_ && *next > kernel_.clock.now()) wait(busy, signal, seen, *next);
  }
}

// Answers when to look again, if nothing is notified: now where there may be more at once.
Result<Time> Poller::poll_queue(Busy& busy, EventSource& source, const std::shared_ptr<Signal>& signal) {
  const auto context = this->context();
  Records records;
  Time next = never;
  const auto batch_size = static_cast<std::size_t>(pipe_.batch_size());
  Time deadline = never;
  for (;;) {
    const auto seen = signal->version();
    SourceRead read;
    read.records_max = static_cast<int>(batch_size - records.size());
    auto batch = source.read(context, pipe_.source(), read);
    if (!batch) return batch.error();  // What was read before comes again.
    if (records.empty() && !batch->records.empty()) deadline = Time{kernel_.clock.now().ms + pipe_.window_ms()};
    std::move(batch->records.begin(), batch->records.end(), std::back_inserter(records));
    next = batch->next;
    if (records.empty() || records.size() == batch_size || deadline <= kernel_.clock.now()) break;
    if (!wait(busy, signal, seen, std::min(deadline, batch->next))) break;
  }
  if (records.empty()) return next;
  const auto sent = Sender(kernel_, pipe_, true).send(context, records);
  std::vector<std::string> finished;
  for (std::size_t i = 0; i < records.size(); ++i)
    if (!sent.failed[i]) finished.push_back(records[i].id);
  if (!finished.empty())
    if (auto good = source.finish(context, pipe_.source(), finished); !good)
      kernel_.log.warning("the pipe " + pipe_.name().name + " cannot remove records: " + good.error().message);
  // What has failed comes again when its visibility timeout ends.
  return kernel_.clock.now();
}

void Pollers::start(const KernelServices& kernel, CompiledPipe pipe) {
  const auto arn = pipe.name().arn();
  auto poller = std::make_shared<Poller>(kernel, std::move(pipe));
  std::shared_ptr<Poller> before;
  {
    const std::lock_guard lock(mutex_);
    forget_ended();
    before = std::exchange(pollers_[arn], poller);
    if (before) before->stop();
  }
  const auto busy = std::make_shared<Poller::Busy>(std::in_place, kernel.activity);
  kernel.io.spawn([poller, before, busy]() mutable {
    const auto previous = std::exchange(before, nullptr);
    poller->run(*busy, previous);
  });
}

void Pollers::stop(const PipeName& name) {
  const std::lock_guard lock(mutex_);
  forget_ended();
  if (const auto found = pollers_.find(name.arn()); found != pollers_.end()) found->second->stop();
}

void Pollers::stop_all(std::string_view account) {
  const std::lock_guard lock(mutex_);
  forget_ended();
  for (const auto& [arn, poller] : pollers_)
    if (account.empty() || parse_arn(arn)->account == account) poller->stop();
}

void Pollers::forget_ended() {
  std::erase_if(pollers_, [](const auto& each) { return each.second->has_ended(); });
}

}  // namespace moonbase::notifications::pipes
