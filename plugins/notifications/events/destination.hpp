// API destinations: HTTP endpoints outside, reached with the authorization of a connection.
#pragma once

#include <cstdint>
#include <map>
#include <moonbase/plugin.hpp>
#include <mutex>
#include <string>
#include <string_view>

#include "common.hpp"

namespace moonbase::notifications::events {

// What all runs share: when each destination may be called again, and tokens that still hold. Any thread may use it.
class Destinations {
 public:
  // When the next call may be made, at `rate` a second; takes that slot.
  Time reserve(const std::string& arn, std::int64_t rate, Time now);

  std::string token(const std::string& connection_arn, Time now);  // Empty: none that holds.
  void remember_token(const std::string& connection_arn, std::string token, Time expires);
  void forget_token(const std::string& connection_arn);
  void clear();

 private:
  struct Token {
    std::string text;
    Time expires;
  };
  std::mutex mutex_;
  std::map<std::string, std::int64_t> free_at_us_;  // By destination, in microseconds.
  std::map<std::string, Token> tokens_;
};

// When a delivery to the destination may go out, by its rate limit. Takes that slot: a transaction that runs
// twice leaves one unused.
Time next_slot(Destinations& destinations, Transaction& tx, const std::string& arn, Time now);

// Registrar::target: sends the payload. An Error says why not; "ClientError" is not worth a retry.
Result<Value> deliver_to_destination(Destinations& destinations, Delivery& delivery);

// "name" of "api-destination/name/id" and "connection/name/id".
std::string_view destination_name(std::string_view resource);

}  // namespace moonbase::notifications::events
