// Calls: runs one operation through the list of steps, whoever asked for it.
#pragma once

#include "dispatch/directory.hpp"
#include "journal/journal.hpp"
#include "model/model.hpp"

#include <moonbase/call.hpp>

#include <string>
#include <string_view>

namespace moonbase::dispatch {

// A Call on its way through the steps.
struct Flight {
  plugin::Service& service;
  const model::Operation& operation;
  CallContext context;
  Value input;
  BodyReader* body = nullptr;
  HttpResponse* http = nullptr;
};

// Any fiber may use it.
class Calls final : public Services, public Targets, public EventSources {
 public:
  Calls(const Directory& directory, const Clock& clock, Ids& ids, journal::Journal& journal, Log& log)
      : directory_(directory), clock_(clock), ids_(ids), journal_(journal), log_(log) {}

  // Around each Call runs one list: validate → operation → journal. Who calls is known already: the
  // door read it from the request (dispatch/door), a plugin hands its own context on.
  Result<Value> run(Flight& flight);

  Result<Value> call(const CallContext& context, std::string_view service, std::string_view operation,
                     Value input) override;
  Result<std::string> call_json(const CallContext& context, std::string_view service, std::string_view operation,
                                std::string_view input) override;
  Result<Value> deliver(const CallContext& context, std::string_view arn, std::string payload,
                        const Value& options) override;
  EventSource* source_of(std::string_view arn) const override;

  // What a bug or a broken disk becomes for the client.
  static Error internal_failure();

 private:
  struct Found {
    plugin::Service* service;
    const model::Operation* operation;
  };
  Result<Found> find(std::string_view service, std::string_view operation) const;
  Result<Value> operate(Flight& flight);
  CallContext caused_by(const CallContext& context);

  const Directory& directory_;
  const Clock& clock_;
  Ids& ids_;
  journal::Journal& journal_;
  Log& log_;
};

}  // namespace moonbase::dispatch
