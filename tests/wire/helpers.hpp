#pragma once

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <memory>
#include <model/model.hpp>
#include <moonbase/hash.hpp>
#include <moonbase/http.hpp>
#include <moonbase/ids.hpp>
#include <moonbase/json.hpp>
#include <string>
#include <utility>
#include <vector>
#include <wire/wire.hpp>

namespace wire_test {

using namespace moonbase;  // NOLINT: tests only.
using model::Protocol;
using Headers = std::vector<std::pair<std::string, std::string>>;

class FixedIds final : public Ids {
 public:
  std::string random_bytes(std::size_t count) override { return std::string(count, '\x11'); }
};

// A model of plugins/, by its folder ("queues/sqs").
inline std::unique_ptr<const model::Service> plugin_model(const std::string& folder) {
  std::ifstream file(std::string(MOONBASE_PLUGINS_FOLDER) + "/" + folder + "/model.lua");
  REQUIRE(file);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return model::read_service(text, folder);
}

inline HttpRequest request_of(std::string method, const std::string& target, const Headers& headers,
                              std::string body = "") {
  HttpRequest request;
  request.method = std::move(method);
  request.path = target.substr(0, target.find('?'));
  if (request.path.size() < target.size()) request.query = target.substr(request.path.size() + 1);
  for (const auto& [name, value] : headers) request.headers.add(name, value);
  request.body = std::move(body);
  return request;
}

// What dispatch does with a request, up to the operation.
struct Asked {
  std::optional<Protocol> protocol;
  const model::Operation* operation = nullptr;
  Result<Value> input = Value();
};
inline Asked ask(const model::Service& service, const HttpRequest& request) {
  Asked asked;
  asked.protocol = wire::detect_protocol(service, request);
  if (!asked.protocol) return asked;
  const auto operation = wire::find_operation(service, *asked.protocol, request);
  if (!operation) {
    asked.input = operation.error();
    return asked;
  }
  asked.operation = *operation;
  asked.input = wire::decode_request(service, **operation, *asked.protocol, request);
  if (!asked.input) return asked;
  FixedIds ids;
  const auto valid = wire::validate(service, **operation, *asked.input, ids);
  if (!valid) asked.input = valid.error();
  return asked;
}

inline HttpResponse answer(const model::Service& service, const std::string& operation, Protocol protocol,
                           const Result<Value>& result) {
  HttpResponse response;
  wire::encode_response(service, service.operation(operation), protocol, "id-1", result, response);
  return response;
}

inline std::string text_of(const Value& value) { return to_json(value); }

}  // namespace wire_test
