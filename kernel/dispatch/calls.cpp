#include "dispatch/calls.hpp"

#include "wire/wire.hpp"

#include <chrono>

namespace moonbase::dispatch {
namespace {

void journal_call(journal::Journal& journal, const Clock& clock, const Flight& flight, const Result<Value>& result,
                  MachineTime began) {
  journal::Entry entry;
  entry.at = clock.now();
  entry.duration_us =
      std::chrono::duration_cast<std::chrono::microseconds>(MachineTime::clock::now() - began).count();
  entry.kind = journal::Entry::Kind::call;
  entry.id = flight.context.request_id;
  entry.cause = flight.context.cause;
  entry.service = flight.service.model.header().name;
  entry.operation = flight.operation.name;
  entry.error = result ? std::string_view() : std::string_view(result.error().code);
  entry.account = flight.context.identity.account_id;
  entry.region = flight.context.region;
  journal.write(entry);
}

// Of "arn:partition:service:region:account:resource"; empty where it is none.
std::string_view service_part(std::string_view arn) {
  if (!arn.starts_with("arn:")) return {};
  const auto begin = arn.find(':', arn.find(':') + 1) + 1;
  const auto end = arn.find(':', begin);
  return end == std::string_view::npos ? std::string_view() : arn.substr(begin, end - begin);
}

}  // namespace

Result<Value> Calls::run(Flight& flight) {
  const auto began = MachineTime::clock::now();
  auto result = [&]() -> Result<Value> {
    if (auto valid = wire::validate(flight.service.model.service(), flight.operation, flight.input, ids_); !valid)
      return valid.error();
    return operate(flight);
  }();
  journal_call(journal_, clock_, flight, result, began);
  return result;
}

Result<Value> Calls::operate(Flight& flight) {
  const auto& name = flight.service.model.header().name;
  const auto found = flight.service.operations.find(flight.operation.name);
  if (found == flight.service.operations.end()) return not_implemented(name + " " + flight.operation.name);

  auto& own = *flight.service.member->kernel;
  store::CallStore store(*flight.service.member->store, flight.context);
  KernelServices kernel = own.with(store);
  Call call{name, flight.operation.name, std::move(flight.input), flight.context, kernel, flight.body, flight.http};
  try {
    return found->second(call);
  } catch (const std::exception& failure) {
    log_.error(flight.context.request_id + " " + name + " " + flight.operation.name + " failed: " + failure.what());
    return internal_failure();
  }
}

Error Calls::internal_failure() {
  return {"InternalFailure",
          "The request processing has failed because of an unknown error, exception or failure.",
          {},
          500};
}

CallContext Calls::caused_by(const CallContext& context) {
  CallContext caused = context;
  caused.cause = context.request_id;
  caused.request_id = ids_.uuid();
  return caused;
}

Result<Calls::Found> Calls::find(std::string_view service_name, std::string_view operation_name) const {
  auto* service = directory_.find(service_name);
  if (!service) return not_implemented("the service " + std::string(service_name));
  const auto* operation = service->model.service().operation(operation_name);
  if (!operation)
    return Error{"UnknownOperationException",
                 std::string(service_name) + " has no operation " + std::string(operation_name) + "."};
  return Found{service, operation};
}

Result<Value> Calls::call(const CallContext& context, std::string_view service, std::string_view operation,
                          Value input) {
  const auto found = find(service, operation);
  if (!found) return found.error();
  Flight flight{*found->service, *found->operation, caused_by(context), std::move(input)};
  return run(flight);
}

Result<std::string> Calls::call_json(const CallContext& context, std::string_view service,
                                     std::string_view operation, std::string_view input) {
  const auto found = find(service, operation);
  if (!found) return found.error();
  const auto& model = found->service->model.service();
  auto decoded = wire::decode_json_input(model, *found->operation, input);
  if (!decoded) return decoded.error();
  Flight flight{*found->service, *found->operation, caused_by(context), std::move(*decoded)};
  const auto output = run(flight);
  if (!output) return output.error();
  return wire::encode_json_output(model, *found->operation, *output);
}

Result<Value> Calls::deliver(const CallContext& context, std::string_view arn, std::string payload,
                             const Value& options) {
  const auto service = service_part(arn);
  if (service.empty()) return Error{"ValidationException", std::string(arn) + " is not a valid ARN."};
  const auto target = directory_.target(service);
  if (!target.handler) return not_implemented("deliveries to " + std::string(service));
  CallContext caused = caused_by(context);
  store::CallStore store(*target.member->store, caused);
  const auto& own = *target.member->kernel;
  KernelServices kernel = own.with(store);
  Delivery delivery{arn, payload, options, caused, kernel};
  try {
    return (*target.handler)(delivery);
  } catch (const std::exception& failure) {
    log_.error(caused.request_id + " delivery to " + std::string(arn) + " failed: " + failure.what());
    return internal_failure();
  }
}

EventSource* Calls::source_of(std::string_view arn) const { return directory_.source(service_part(arn)); }

}  // namespace moonbase::dispatch
