// GET or POST /_aws/sqs/messages?QueueUrl=…: a look at a queue's messages that changes nothing.
#include <moonbase/json.hpp>

#include "errors.hpp"
#include "service.hpp"

namespace moonbase::sqs {
namespace {

constexpr std::size_t messages_max = 1000, request_bytes_max = 64 * 1024;
constexpr auto handle = "SQS/BACKDOOR/ACCESS";  // Good for nothing: what was looked at was not received.

std::string xml_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '\r')
      out += "&#13;";
    else
      out += c;
  }
  return out;
}
std::string element(std::string_view name, std::string_view text) {
  return "<" + std::string(name) + ">" + xml_text(text) + "</" + std::string(name) + ">";
}

struct Asked {
  std::string queue_url;
  bool invisible = false, delayed = false;
  bool plain_json = false;  // As ReceiveMessage answers in today's protocol.
  bool json = false;        // The same shape as the XML.
};

bool is_true(std::string_view text) { return text == "true" || text == "True" || text == "1"; }

// From the path (…/REGION/ACCOUNT/NAME), the query, or a body in any protocol that SDKs speak.
Result<Asked> read_asked(HttpCall& call) {
  Asked asked;
  auto& request = call.request;
  if (auto read = request.read_body(request_bytes_max); !read) return read.error();
  asked.json = request.headers.get("Accept").find("application/json") != std::string_view::npos;
  const auto type = request.headers.get("Content-Type");
  auto parameters = parse_query(request.query);
  if (type.starts_with("application/x-amz-json")) {
    asked.plain_json = true;
    const auto body = parse_json(request.body);
    if (!body || !body->is_map()) return Error{"SerializationException", "The body is no JSON object."};
    asked.queue_url = (*body)["QueueUrl"].is_string() ? (*body)["QueueUrl"].string() : "";
  } else if (!request.body.empty()) {
    for (auto& parameter : parse_query(request.body)) parameters.push_back(std::move(parameter));
  }
  for (const auto& [name, value] : parameters) {
    if (name == "QueueUrl") asked.queue_url = value;
    if (name == "ShowInvisible") asked.invisible = is_true(value);
    if (name == "ShowDelayed") asked.delayed = is_true(value);
  }
  constexpr std::string_view prefix = "/_aws/sqs/messages/";
  if (asked.queue_url.empty() && request.path.starts_with(prefix))
    asked.queue_url = "http://here/queue/" + percent_decode(request.path.substr(prefix.size()));
  if (asked.queue_url.empty()) return missing_parameter("QueueUrl");
  return asked;
}

HttpResponse answer(int status, std::string_view type, std::string body) {
  HttpResponse response;
  response.status = status;
  response.headers.set("Content-Type", std::string(type));
  response.body = std::move(body);
  return response;
}

HttpResponse refuse(const Asked& asked, const Error& error) {
  const int status = error.status != 0 ? error.status : 400;
  if (asked.plain_json || asked.json)
    return answer(status, "application/json", to_json(Map{{"__type", error.code}, {"message", error.message}}));
  return answer(status, "text/xml",
                "<ErrorResponse><Error>" + element("Code", error.code) + element("Message", error.message) +
                    "</Error></ErrorResponse>");
}

// A list of one is the one, as readers of the XML make of it.
Value one_or_list(List values) {
  if (values.empty()) return Value();
  if (values.size() == 1) return std::move(values.front());
  return values;
}

Value like_xml(const List& messages, const std::string& request_id) {
  List shown;
  for (const auto& message : messages) {
    Map one = {{"MessageId", message["MessageId"]},
               {"ReceiptHandle", message["ReceiptHandle"]},
               {"MD5OfBody", message["MD5OfBody"]},
               {"Body", message["Body"]}};
    List attributes;
    for (const auto& [name, value] : message["Attributes"].map())
      attributes.push_back(Map{{"Name", name}, {"Value", value}});
    one.set("Attribute", one_or_list(std::move(attributes)));
    shown.push_back(std::move(one));
  }
  Value result;
  if (!shown.empty()) result = Map{{"Message", one_or_list(std::move(shown))}};
  return Map{{"ReceiveMessageResponse",
              Map{{"ReceiveMessageResult", std::move(result)}, {"ResponseMetadata", Map{{"RequestId", request_id}}}}}};
}

std::string xml(const List& messages, const std::string& request_id) {
  std::string out =
      "<ReceiveMessageResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><ReceiveMessageResult>";
  for (const auto& message : messages) {
    out += "<Message>";
    for (const auto* member : {"MessageId", "ReceiptHandle", "MD5OfBody", "Body"})
      out += element(member, message[member].string());
    for (const auto& [name, value] : message["Attributes"].map())
      out += "<Attribute>" + element("Name", name) + element("Value", value.string()) + "</Attribute>";
    out += "</Message>";
  }
  return out + "</ReceiveMessageResult><ResponseMetadata>" + element("RequestId", request_id) +
         "</ResponseMetadata></ReceiveMessageResponse>";
}

}  // namespace

HttpResponse peek(Service& service, HttpCall& call) {
  const auto asked = read_asked(call);
  if (!asked) return refuse({}, asked.error());
  const auto name = parse_queue_url(asked->queue_url, call.context);
  if (!name)
    return refuse(*asked, {"InvalidAddress", "The address " + asked->queue_url + " is not valid for this endpoint."});
  const auto queue = service.queues.find(call.kernel.store, *name);
  if (!queue) return refuse(*asked, {"AWS.SimpleQueueService.NonExistentQueue", queue.error().message});
  Wanted wanted;
  wanted.all_system = true;
  wanted.attributes = {"All"};
  List messages;
  auto read = call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto current = read_queue(tx, *name);
    if (!current) return no_such_queue();
    for (const auto& message :
         list_messages(tx, *current, messages_max, asked->invisible, asked->delayed, call.kernel.clock.now()))
      messages.push_back(describe_message(message, wanted, handle));
    return Value();
  });
  if (!read) return refuse(*asked, read.error());
  if (asked->plain_json)
    return answer(200, "application/x-amz-json-1.0", to_json(Map{{"Messages", std::move(messages)}}));
  if (asked->json) return answer(200, "application/json", to_json(like_xml(messages, call.context.request_id)));
  return answer(200, "text/xml", xml(messages, call.context.request_id));
}

}  // namespace moonbase::sqs
