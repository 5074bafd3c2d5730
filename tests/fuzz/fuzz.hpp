// What the targets share. A target ends in abort() where a property does not hold.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <models.hpp>
#include <moonbase/json.hpp>
#include <string>
#include <string_view>
#include <wire/wire.hpp>

namespace fuzz {

using namespace moonbase;  // NOLINT: targets only.
using model::Protocol;

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

inline void expect(bool holds, const char* what) {
  if (holds) return;
  std::cerr << "broken: " << what << '\n';
  std::abort();
}

inline const model::Service& everything() {
  static const auto service = model::read_service(wire_test::everything);
  return *service;
}

// What was taken as an input must leave and arrive again as the same.
inline void round_trip(Protocol protocol, const HttpRequest& request) {
  const auto& service = everything();
  const auto& echo = *service.operation("Echo");
  const auto input = wire::decode_request(service, echo, protocol, request);
  if (!input) {
    expect(!input.error().code.empty(), "an error has a code");
    return;
  }
  HttpResponse response;
  wire::encode_response(service, &echo, protocol, "id", *input, response);
  const auto output = wire::decode_response(service, echo, protocol, response);
  expect(output.ok(), "what was encoded can be decoded");
  const auto again = wire::encode_request(service, echo, protocol, *output);
  expect(again.ok(), "what was decoded can be encoded");
}

}  // namespace fuzz
