// Messages as SQS and SNS take them: what is taken is kept and comes back as it was. And receipt handles.
#include <vector>

#include "fuzz.hpp"
#include "sns/message.hpp"
#include "sqs/message.hpp"
#include "wire/text.hpp"

using namespace moonbase;

namespace {

// Pieces between zero bytes: body, group, deduplication id, subject; then name, type and value of each attribute.
std::vector<std::string> pieces_of(std::string_view text) {
  std::vector<std::string> pieces;
  for (std::size_t end = 0; end != std::string_view::npos && pieces.size() < 64;) {
    end = text.find('\0');
    pieces.emplace_back(text.substr(0, end));
    if (end != std::string_view::npos) text.remove_prefix(end + 1);
  }
  return pieces;
}

Value input_of(const std::vector<std::string>& pieces, const char* body) {
  const auto piece = [&](std::size_t at) { return at < pieces.size() ? pieces[at] : std::string(); };
  Map input = {{body, piece(0)}};
  const char* names[] = {"MessageGroupId", "MessageDeduplicationId", "Subject"};
  for (std::size_t i = 0; i < 3; ++i)
    if (!piece(i + 1).empty()) input.set(names[i], piece(i + 1));
  Map attributes;
  for (std::size_t i = 4; i + 2 < pieces.size(); i += 3) {
    const bool binary = pieces[i + 1].starts_with("B");
    attributes.set(pieces[i],
                   Map{{"DataType", pieces[i + 1]}, {binary ? "BinaryValue" : "StringValue", pieces[i + 2]}});
  }
  if (!attributes.empty()) input.set("MessageAttributes", std::move(attributes));
  return input;
}

void check_queue(const Value& input, bool fifo) {
  sqs::Queue queue;
  queue.fifo = fifo;
  queue.content_deduplication = fifo;
  const auto message = sqs::read_outgoing(input, queue, CallContext());
  if (!message) return fuzz::expect(!message.error().code.empty(), "a refusal has a code");
  if (message->attributes.empty()) return;
  const auto kept = sqs::kept_attributes(message->attributes);
  fuzz::expect(Value(kept) == input["MessageAttributes"], "attributes come back as they were sent");
  fuzz::expect(sqs::md5_of_attributes(kept) == message->md5_of_attributes, "and so does their digest");
}

void check_topic(const Value& input) {
  using namespace moonbase::notifications::sns;
  const auto message = read_message(input);
  if (!message) return fuzz::expect(!message.error().code.empty(), "a refusal has a code");
  const auto again = kept(*parse_json(to_json(keep(*message))));
  fuzz::expect(again.body == message->body && again.attributes == message->attributes, "a message is kept whole");
  Subscription subscription;
  subscription.protocol = "sqs";
  fuzz::expect(parse_json(notification(*message, subscription, {})).ok(), "a notification is JSON");
  fuzz::expect(parse_json(function_event(*message, subscription, {})).ok(), "an event is JSON");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  if (const auto receipt = sqs::parse_receipt_handle(text))
    fuzz::expect(sqs::receipt_handle(*receipt) == text, "a handle has one form");
  const auto pieces = pieces_of(text);
  // Only binary values come through the door in another form than UTF-8.
  for (std::size_t i = 0; i < pieces.size(); ++i)
    if (const bool is_value = i >= 4 && i % 3 == 0; !is_value && !wire::is_utf8(pieces[i])) return 0;
  for (std::size_t i = 6; i < pieces.size(); i += 3)
    if (!pieces[i - 1].starts_with("B") && !wire::is_utf8(pieces[i])) return 0;
  check_queue(input_of(pieces, "MessageBody"), size % 2 == 0);
  check_topic(input_of(pieces, "Message"));
  return 0;
}
