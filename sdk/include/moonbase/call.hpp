// Call: one operation of one service, on its way. Every effect on the platform is a Call: the front
// door makes them for SDKs; handlers, event targets, stacks, the console and plugins make them
// through Services.
#pragma once

#include <moonbase/activity.hpp>
#include <moonbase/blob_store.hpp>
#include <moonbase/clock.hpp>
#include <moonbase/credentials.hpp>
#include <moonbase/event_source.hpp>
#include <moonbase/http.hpp>
#include <moonbase/http_client.hpp>
#include <moonbase/http_server.hpp>
#include <moonbase/ids.hpp>
#include <moonbase/io.hpp>
#include <moonbase/log.hpp>
#include <moonbase/result.hpp>
#include <moonbase/signal.hpp>
#include <moonbase/store.hpp>
#include <moonbase/value.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moonbase {

// Who calls.
struct Identity {
  std::string account_id = "000000000000";
  std::string arn = "arn:aws:iam::000000000000:root";
  std::string user_id;        // As sts GetCallerIdentity shows it; the account where it is empty.
  std::string access_key_id;
  std::string service;        // "events.amazonaws.com", when a service calls on its own behalf.
  std::string source_arn;     // Of the rule, topic or route for which that service calls: policies ask for it.
  bool issued = false;        // Credentials that the platform issued: always verified and enforced.
};

// What surrounds a Call and is handed on to the Calls that it causes.
struct CallContext {
  Identity identity;
  std::string region = "us-east-1";
  std::string request_id;     // A UUID, the one that the client sees.
  std::string cause;          // The request id, or task id, that led to this Call; empty at the door.
  std::string trace;          // X-Amzn-Trace-Id with the Lineage of functions that led here; empty where none did.
  std::string base_url;       // "http://127.0.0.1:4566", as this client reaches us; for URLs in answers.
  std::string source_ip;
  std::string user_agent;
  MachineTime deadline = MachineTime::max();  // When the caller gives up.

  // "arn:aws:sqs:us-east-1:000000000000:orders"
  std::string arn(std::string_view service, std::string_view resource) const;
};

// Makes Calls. Any fiber may use it.
class Services {
 public:
  virtual ~Services() = default;
  // Runs the operation as the caller in `context`, caused by it, through the same list of steps as a
  // request from outside. `service` is the model's name ("dynamodb"). Suspends the fiber.
  virtual Result<Value> call(const CallContext& context, std::string_view service, std::string_view operation,
                             Value input) = 0;
  // The same with AWS JSON text in and out (blobs in base64, timestamps in seconds), whatever
  // protocols the model lists. For callers that hold no Values, such as handlers in other processes.
  virtual Result<std::string> call_json(const CallContext& context, std::string_view service,
                                        std::string_view operation, std::string_view input) = 0;
};

// Delivers events. A plugin registers what may be delivered to, every event source uses it.
class Targets {
 public:
  virtual ~Targets() = default;
  // Hands `payload` (JSON text, unless the target documents otherwise) to the resource with this
  // ARN, once: retries and dead letters are the source's. Suspends the fiber. `options` is a Map of
  // what the target's kind understands, each as its own API has it: queue and topic MessageGroupId,
  // MessageDeduplicationId and MessageAttributes, topic Subject, function InvocationType
  // (Event unless given), bus Source, DetailType and Resources, stream PartitionKey. The
  // answer is a Map: a function's Payload and FunctionError, a queue's or topic's MessageId.
  virtual Result<Value> deliver(const CallContext& context, std::string_view arn, std::string payload,
                                const Value& options = {}) = 0;
};

struct Invocation {
  std::string function;        // Name, partial or full ARN, with or without ":qualifier".
  std::string payload;         // JSON text.
  bool event = false;          // Queue it durably and answer at once (InvocationType Event).
  bool log_tail = false;       // Also answer the last 4 KB of the log.
  std::string client_context;  // JSON text, decoded; may be empty.
};

struct InvocationResult {
  std::string payload;           // JSON text: the answer, or errorMessage, errorType and stackTrace.
  std::string function_error;    // Empty, "Handled" or "Unhandled".
  std::string executed_version;  // "$LATEST" or a number.
  std::string log_tail;          // Raw text, not base64.
};

// One line that a function logged.
struct LogLine {
  std::uint64_t sequence = 0;  // Counts up over all functions.
  Time at;
  std::string function;
  std::string text;
};

// Invokes functions. Any fiber may use it.
class FunctionInvoker {
 public:
  virtual ~FunctionInvoker() = default;
  // The newest lines behind `after`, oldest first; of one function, or of all where it is empty.
  // What has been kept in memory, for people; the log service has the rest.
  virtual std::vector<LogLine> recent_lines(const CallContext& context, std::string_view function,
                                            std::uint64_t after) = 0;
  // An Error is the invoke's own (ResourceNotFoundException, TooManyRequestsException); what goes
  // wrong inside the function is `function_error`. Suspends the fiber.
  virtual Result<InvocationResult> invoke(const CallContext& context, Invocation invocation) = 0;
};

// What the kernel gives a plugin. Store and blobs are the plugin's own; the rest is shared. Lives as
// long as the plugin; any thread may use it (Io: only fibers).
struct KernelServices {
  Store& store;
  BlobStore& blobs;
  const Clock& clock;
  Ids& ids;
  Services& services;
  Targets& targets;
  FunctionInvoker& functions;
  Io& io;  // Of the calling fiber's loop.
  Log& log;
  Metrics& metrics;
  CredentialIssuer& credentials;
  HttpClient& http;
  EventSources& sources;
  Activity& activity;
  HttpServers& servers;

  // The same with another store: a Call's own, which remembers what its tasks are caused by.
  KernelServices with(Store& other) const {
    return {other, blobs, clock, ids, services, targets, functions, io, log, metrics,
            credentials, http, sources, activity, servers};
  }
};

// Puts an event of a service ("aws.s3", "Object Created") on the account's default event bus, if a
// plugin brings one. `detail` is a Map. An Error is worth a line in the log, no more.
Result<Done> put_service_event(const KernelServices& kernel, const CallContext& context, std::string_view source,
                               std::string_view detail_type, const Value& detail, List resources = {});

// One operation being carried out. Belongs to the fiber that runs it.
struct Call {
  std::string_view service;    // As the model names it.
  std::string_view operation;
  Value input;                 // Checked against the model: required members are there, lengths and
                               // ranges hold, unknown members are gone, defaults are filled in.
  CallContext& context;
  KernelServices& kernel;
  BodyReader* body = nullptr;  // For operations whose input is a stream; else null.
  HttpResponse* http = nullptr;  // To stream an output, or to add a header; null for Calls from inside.

  // Suspends this fiber until the signal is notified or the platform's clock reaches `deadline` (or there is no
  // point in waiting: given_up()). True when notified. `seen` is the version read before looking at the state.
  bool wait(Signal& signal, std::uint64_t seen, Time deadline);
  // Whether whoever waits for something answers now with what there is: its caller has gone, or the platform stops.
  bool given_up() const;
};

}  // namespace moonbase
