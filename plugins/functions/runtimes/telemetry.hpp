// Telemetry and Logs APIs (2022-07-01, 2020-08-15): what extensions have subscribed to, held until there is
// enough of it or it is old enough, and sent to where they listen inside their environment.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <moonbase/call.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "pool/processes.hpp"
#include "runtimes/changes.hpp"

namespace moonbase::functions {

struct TelemetrySubscription {
  std::string extension;  // Who subscribed.
  bool logs_api = false, runtime_done = true;
  bool platform = false, function = false, extensions = false;
  std::size_t items_max = 10'000, bytes_max = 262'144;
  std::chrono::milliseconds age_max{1000};
  bool http = true, put = false;  // Else TCP; else POST.
  std::uint16_t port = 0;
  std::string path = "/";

  List types() const;
};
// Of a request's body. The Error's code is AWS's errorType. No I/O.
Result<TelemetrySubscription> parse_subscription(std::string_view body, bool logs_api);

// Of one environment, on its loop.
class Telemetry : public std::enable_shared_from_this<Telemetry> {
 public:
  // `address`: where processes of the environment listen, under the name sandbox.localdomain.
  Telemetry(KernelServices& kernel, std::string address) : kernel_(kernel), address_(std::move(address)) {}

  enum class Source { platform, function, extension };
  void tell(Source source, std::string_view type, Value record);
  // From now on, and all since the environment began. A second subscription of an extension replaces its first.
  void subscribe(TelemetrySubscription subscription);
  bool uses_other_api(bool logs_api) const;
  bool is_wanted() const { return open_ || !subscribers_.empty(); }
  void init_done();  // Nobody subscribes any more.

  void hold(bool held);  // Frozen: nobody could answer.
  bool is_sending() const;
  // Everything leaves at once from now on; false where some of it had not been taken in time.
  bool flush(MachineTime deadline);
  void stop();  // Nobody is there any more.

 private:
  struct Subscriber {
    TelemetrySubscription what;
    std::deque<std::string> events;  // JSON.
    std::size_t bytes = 0, dropped = 0, dropped_bytes = 0;
    MachineTime leaves_at = MachineTime::max();
    bool sending = false, replaced = false;
    Descriptor connection;  // TCP.
  };
  struct Early {
    Source source;
    std::string type, json;
  };
  static bool wants(const TelemetrySubscription& subscription, Source source, std::string_view type);
  void add(Subscriber& to, const std::string& json);
  void deliver(const std::shared_ptr<Subscriber>& to);
  bool send(Subscriber& to, const std::vector<std::string>& events);
  std::string event(std::string_view type, Value record) const;

  KernelServices& kernel_;
  const std::string address_;
  Changes changes_;
  std::vector<std::shared_ptr<Subscriber>> subscribers_;
  std::vector<Early> early_;
  std::size_t early_bytes_ = 0;
  bool open_ = true, held_ = false, flushing_ = false, stopped_ = false;
};

// Sends to a listener on loopback, and for HTTP waits until it has taken it. False: it has not.
bool post_to(Io& io, const std::string& address, const TelemetrySubscription& to, std::string_view body,
             MachineTime deadline);
bool write_to(Io& io, Descriptor& connection, const std::string& address, std::uint16_t port, std::string_view lines,
              MachineTime deadline);

}  // namespace moonbase::functions
