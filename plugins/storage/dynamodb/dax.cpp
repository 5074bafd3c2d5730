#include "dax.hpp"

#include <algorithm>
#include <moonbase/json.hpp>

#include "errors.hpp"
#include "item_format.hpp"
#include "service.hpp"

namespace moonbase::dynamodb {
namespace {

constexpr std::string_view target_prefix = "DynamoDB_20120810.";
constexpr std::size_t body_bytes_max = 64u << 20;  // As of any operation.
constexpr std::size_t batch_keys_max = 100;

const ExpressionParameters get_parameters = {{ExpressionKind::projection}, {"AttributesToGet"}, ""};

// What a request needs while it is served. Its input is the client's JSON, which no model has checked: whatever is
// unusual about it goes to the table, whose answer says what is wrong.
struct Passage {
  Service& service;
  HttpCall& call;
  std::string_view operation;
  const std::string& body;
  Value input;
  DaxCache &items, &queries;

  Time now() const { return call.kernel.clock.now(); }
  Result<std::string> pass(std::string_view text) const {
    return call.kernel.services.call_json(call.context, "dynamodb", operation, text);
  }
  Result<std::string> pass() const { return pass(body); }
  TablePointer table(const Value& name) const {
    if (!name.is_string()) return nullptr;
    const auto ours = call.context.arn("dynamodb", "");
    if (name.string().starts_with("arn:") && !name.string().starts_with(ours)) return nullptr;
    auto found = service.tables.find(
        call.kernel.store, {call.context.identity.account_id, call.context.region, table_name_of(name.string())});
    return found ? *found : nullptr;
  }
};

// --- JSON that may be anything -------------------------------------------------------------------

bool is_attribute(const Value& value);
bool are_attributes(const Value& map) {
  return map.is_map() && std::all_of(map.map().begin(), map.map().end(),
                                     [](const MapEntry& entry) { return is_attribute(entry.value); });
}
bool is_attribute(const Value& value) {
  if (!value.is_map() || value.map().size() != 1) return false;
  const auto& [name, content] = *value.map().begin();
  const auto type = type_from_name(name);
  if (!type) return false;
  const auto every = [&](bool (*holds)(const Value&)) {
    return content.is_list() && std::all_of(content.list().begin(), content.list().end(), holds);
  };
  switch (*type) {
    case Type::string:
    case Type::number:
    case Type::binary:
      return content.is_string();
    case Type::boolean:
    case Type::null:
      return content.is_boolean();
    case Type::map:
      return are_attributes(content);
    case Type::list:
      return every(is_attribute);
    default:
      return every([](const Value& member) { return member.is_string(); });
  }
}

bool is_string_map(const Value& map) {
  return map.is_null() || (map.is_map() && std::all_of(map.map().begin(), map.map().end(),
                                                       [](const MapEntry& entry) { return entry.value.is_string(); }));
}

// The same text for the same parameters, in whatever order they came.
std::string canonical(const Value& value) {
  if (value.is_list()) {
    std::string text = "[";
    for (const auto& element : value.list()) text += canonical(element) + ",";
    return text + "]";
  }
  if (!value.is_map()) return to_json(value);
  std::vector<const MapEntry*> entries;
  for (const auto& entry : value.map()) entries.push_back(&entry);
  std::sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) { return a->key < b->key; });
  std::string text = "{";
  for (const auto* entry : entries) text += to_json(Value(entry->key)) + ":" + canonical(entry->value) + ",";
  return text + "}";
}

bool is_strong(const Value& request) { return request["ConsistentRead"] == Value(true); }

// A table and its items never share a space with another, so that what is kept of a deleted table is never found.
std::string space_key(const Table& table) { return table.account + "/" + std::to_string(table.space) + "/"; }

// The key of an item in the cache; nothing where the attributes are no key.
std::optional<std::string> item_key(const Table& table, Value attributes, bool whole_item) {
  if (!are_attributes(attributes) || !check_attributes(attributes.map())) return std::nullopt;
  const auto key =
      whole_item ? key_of_item(table.keys, attributes.map()) : key_of_parameter(table.keys, attributes.map());
  if (!key) return std::nullopt;
  return space_key(table) + std::to_string(key->partition.size()) + "/" + key->partition + key->sort;
}

// --- Reads ---------------------------------------------------------------------------------------

// What a read chooses of items. `valid` is false where the table is to say what is wrong.
struct Choice {
  bool valid = false;
  std::optional<Projection> projection;
};
Choice read_choice(Service& service, Value& request) {
  const auto &names = request["AttributesToGet"], &text = request["ProjectionExpression"];
  const bool formed = (text.is_null() || text.is_string()) && is_string_map(request["ExpressionAttributeNames"]) &&
                      (names.is_null() || (names.is_list() && !names.list().empty() &&
                                           std::all_of(names.list().begin(), names.list().end(),
                                                       [](const Value& name) { return name.is_string(); })));
  if (!formed || !check_parameters(request, get_parameters)) return {};
  const auto expressions = Expressions::read(service.expressions, request, get_parameters);
  if (!expressions) return {};
  return {true, read_projection(*expressions, names)};
}

// An item as it is kept.
std::string kept_item(const Value& item) { return item.is_null() ? std::string() : encode_item(item.map()); }

Value chosen(const Choice& choice, const std::string& kept) {
  auto item = decode_item(kept);
  return choice.projection ? Value(choice.projection->apply(item)) : Value(std::move(item));
}

// Nothing is consumed by what the cache answers.
void add_consumed(Map& output, const Value& asked, const std::string& table) {
  if (!asked.is_null() && !(asked == Value("NONE")))
    output.set("ConsumedCapacity", Map{{"TableName", table}, {"CapacityUnits", 0}});
}

Result<std::string> get_one(Passage& passage) {
  auto& input = passage.input;
  const auto table = is_strong(input) ? nullptr : passage.table(input["TableName"]);
  const auto choice = table ? read_choice(passage.service, input) : Choice{};
  const auto key = choice.valid ? item_key(*table, input["Key"], false) : std::nullopt;
  if (!key) return passage.pass();

  Map output;
  auto kept = passage.items.find(*key, passage.now());
  if (kept) {
    add_consumed(output, input["ReturnConsumedCapacity"], table->name);
  } else {
    const auto version = passage.items.version(*key);
    const auto whole = passage.pass(to_json(Map{{"TableName", input["TableName"]},
                                                {"Key", input["Key"]},
                                                {"ReturnConsumedCapacity", input["ReturnConsumedCapacity"]}}));
    if (!whole) return whole;
    const auto answer = parse_json(*whole);
    if (!answer) return passage.pass();
    kept = kept_item((*answer)["Item"]);
    passage.items.keep(*key, *kept, version, passage.now());
    if (const auto& used = (*answer)["ConsumedCapacity"]; !used.is_null()) output.set("ConsumedCapacity", used);
  }
  if (!kept->empty()) output.set("Item", chosen(choice, *kept));
  return to_json(Value(std::move(output)));
}

// One table's part of a BatchGetItem.
struct Gets {
  std::string name;
  TablePointer table;
  Choice choice;
  std::vector<std::string> cache_keys;  // Of all keys, in their order.
  std::vector<std::uint64_t> versions;
  List found, asked;  // Items that were kept; keys that the table is asked for.
};

// Nothing where the table is to answer this part as it is.
std::optional<Gets> find_kept(Passage& passage, const std::string& name, Value& request) {
  const auto table = request.is_map() && !is_strong(request) ? passage.table(Value(name)) : nullptr;
  if (!table || !request["Keys"].is_list() || request["Keys"].list().size() > batch_keys_max) return std::nullopt;
  Gets gets{name, table, read_choice(passage.service, request), {}, {}, {}, {}};
  if (!gets.choice.valid) return std::nullopt;
  for (const auto& key : request["Keys"].list()) {
    auto cache_key = item_key(*table, key, false);
    if (!cache_key || std::find(gets.cache_keys.begin(), gets.cache_keys.end(), *cache_key) != gets.cache_keys.end())
      return std::nullopt;
    gets.versions.push_back(passage.items.version(*cache_key));
    const auto kept = passage.items.find(*cache_key, passage.now());
    if (!kept)
      gets.asked.push_back(key);
    else if (!kept->empty())
      gets.found.push_back(chosen(gets.choice, *kept));
    gets.cache_keys.push_back(std::move(*cache_key));
  }
  return gets;
}

// Keeps what the table answered: each item and, of keys that it has answered, that there is none.
void keep_answered(Passage& passage, const Gets& gets, const Value& items, const Value& unprocessed) {
  const auto position = [&](const std::optional<std::string>& key) {
    const auto at = key ? std::find(gets.cache_keys.begin(), gets.cache_keys.end(), *key) : gets.cache_keys.end();
    return static_cast<std::size_t>(at - gets.cache_keys.begin());
  };
  std::vector<bool> known(gets.cache_keys.size());
  const auto keep = [&](const Value& key, bool whole_item, const Value& item) {
    const auto at = position(item_key(*gets.table, key, whole_item));
    if (at == known.size() || known[at]) return;
    known[at] = true;
    passage.items.keep(gets.cache_keys[at], kept_item(item), gets.versions[at], passage.now());
  };
  if (items.is_list())
    for (const auto& item : items.list()) keep(item, true, item);
  if (unprocessed.is_list())
    for (const auto& key : unprocessed.list())
      if (const auto at = position(item_key(*gets.table, key, false)); at < known.size()) known[at] = true;
  for (const auto& key : gets.asked) keep(key, false, Value());
}

Result<std::string> get_batch(Passage& passage) {
  auto* requests = passage.input.is_map() ? passage.input.map().find("RequestItems") : nullptr;
  if (!requests || !requests->is_map()) return passage.pass();
  const Value given = *requests;
  std::vector<Gets> batch;
  std::size_t count = 0;
  Map left;
  for (auto& [name, request] : requests->map()) {
    if (request["Keys"].is_list()) count += request["Keys"].list().size();
    auto gets = find_kept(passage, name, request);
    if (!gets) {
      left.set(name, given[name]);
      continue;
    }
    if (!gets->asked.empty()) left.set(name, Map{{"Keys", gets->asked}});
    batch.push_back(std::move(*gets));
  }
  if (batch.empty() || count > batch_keys_max) return passage.pass();

  Value answer = Map{{"Responses", Map{}}, {"UnprocessedKeys", Map{}}};
  if (!left.empty()) {
    const auto text = passage.pass(to_json(
        Map{{"RequestItems", std::move(left)}, {"ReturnConsumedCapacity", passage.input["ReturnConsumedCapacity"]}}));
    if (!text) return text;
    auto parsed = parse_json(*text);
    if (!parsed || !(*parsed)["Responses"].is_map()) return passage.pass();
    answer = std::move(*parsed);
  }
  for (auto& gets : batch) {
    const Value items = answer["Responses"][gets.name];
    auto& unprocessed = answer.map()["UnprocessedKeys"];
    keep_answered(passage, gets, items, unprocessed[gets.name]["Keys"]);
    if (items.is_list())
      for (const auto& item : items.list())
        gets.found.push_back(gets.choice.projection ? Value(gets.choice.projection->apply(item.map())) : item);
    answer.map().find("Responses")->set(gets.name, std::move(gets.found));
    if (!unprocessed[gets.name].is_null()) {
      Value again = given[gets.name];
      again.set("Keys", unprocessed[gets.name]["Keys"]);
      unprocessed.set(gets.name, std::move(again));
    }
  }
  return to_json(answer);
}

Result<std::string> ask_many(Passage& passage) {
  auto& input = passage.input;
  const auto table = is_strong(input) ? nullptr : passage.table(input["TableName"]);
  if (!table) return passage.pass();
  const Value asked = input["ReturnConsumedCapacity"];
  auto parameters = input.map();
  parameters.erase("ReturnConsumedCapacity");
  const auto key = space_key(*table) + std::string(passage.operation) + canonical(Value(std::move(parameters)));
  if (const auto kept = passage.queries.find(key, passage.now())) {
    if (asked.is_null()) return *kept;
    auto output = parse_json(*kept);
    if (!output) return passage.pass();
    add_consumed(output->map(), asked, table->name);
    return to_json(*output);
  }
  const auto version = passage.queries.version(key);
  auto answer = passage.pass();
  if (!answer) return answer;
  auto kept = *answer;
  if (!asked.is_null()) {
    auto output = parse_json(kept);
    if (!output) return answer;
    output->map().erase("ConsumedCapacity");
    kept = to_json(*output);
  }
  passage.queries.keep(key, std::move(kept), version, passage.now());
  return answer;
}

// --- Writes --------------------------------------------------------------------------------------

// An item that a request writes, and what it is then: nothing where that is not known from the request.
struct Writing {
  std::string key;
  std::uint64_t begun = 0;
  std::optional<std::string> content;
};

void add_writing(const Passage& passage, std::vector<Writing>& writings, const Value& table_name,
                 const Value& attributes, bool whole_item, std::optional<std::string> content = {}) {
  const auto table = passage.table(table_name);
  if (!table) return;
  if (auto key = item_key(*table, attributes, whole_item)) writings.push_back({std::move(*key), 0, std::move(content)});
}

std::vector<Writing> writings_of(const Passage& passage) {
  const auto& input = passage.input;
  std::vector<Writing> writings;
  const auto& name = input["TableName"];
  if (passage.operation == "PutItem") {
    Value item = input["Item"];
    std::optional<std::string> content;
    if (are_attributes(item) && check_attributes(item.map())) content = kept_item(item);
    add_writing(passage, writings, name, item, true, std::move(content));
  } else if (passage.operation == "DeleteItem") {
    add_writing(passage, writings, name, input["Key"], false, "");
  } else if (passage.operation == "UpdateItem") {
    add_writing(passage, writings, name, input["Key"], false);
  } else if (passage.operation == "BatchWriteItem" && input["RequestItems"].is_map()) {
    for (const auto& [table, requests] : input["RequestItems"].map()) {
      if (!requests.is_list()) continue;
      for (const auto& request : requests.list()) {
        add_writing(passage, writings, Value(table), request["PutRequest"]["Item"], true);
        add_writing(passage, writings, Value(table), request["DeleteRequest"]["Key"], false);
      }
    }
  } else if (passage.operation == "TransactWriteItems" && input["TransactItems"].is_list()) {
    for (const auto& step : input["TransactItems"].list())
      for (const auto* kind : {"Put", "Update", "Delete"})
        add_writing(passage, writings, step[kind]["TableName"],
                    step[kind][std::string_view(kind) == "Put" ? "Item" : "Key"], std::string_view(kind) == "Put");
  }
  return writings;
}

Result<std::string> write_through(Passage& passage) {
  auto writings = writings_of(passage);
  for (auto& writing : writings) writing.begun = passage.items.begin_write(writing.key);
  auto answer = passage.pass();
  // A refused write may have been done for all that is known: only what the table has accepted is kept.
  for (auto& writing : writings)
    passage.items.end_write(writing.key, writing.begun, answer ? std::move(writing.content) : std::nullopt,
                            passage.now());
  return answer;
}

// --- HTTP ----------------------------------------------------------------------------------------

using Serve = Result<std::string> (*)(Passage&);
constexpr std::pair<std::string_view, Serve> operations[] = {
    {"GetItem", get_one},
    {"BatchGetItem", get_batch},
    {"Query", ask_many},
    {"Scan", ask_many},
    {"PutItem", write_through},
    {"UpdateItem", write_through},
    {"DeleteItem", write_through},
    {"BatchWriteItem", write_through},
    {"TransactWriteItems", write_through},
    {"TransactGetItems", [](Passage& passage) { return passage.pass(); }},
};

Result<std::string> answer(Service& service, HttpCall& call, DaxCache& items, DaxCache& queries) {
  auto target = call.request.headers.get("X-Amz-Target");
  if (call.request.method != "POST" || !target.starts_with(target_prefix))
    return Error{"UnknownOperationException", "DAX takes the requests of a DynamoDB client."};
  target.remove_prefix(target_prefix.size());
  const auto* serve = std::find_if(std::begin(operations), std::end(operations),
                                   [&](const auto& operation) { return operation.first == target; });
  if (serve == std::end(operations))
    return Error{"UnknownOperationException", "DAX does not serve " + std::string(target) + ": ask DynamoDB itself."};
  if (auto read = call.request.read_body(body_bytes_max); !read) return read.error();
  auto input = parse_json(call.request.body, {.bytes_max = body_bytes_max});
  Passage passage{service, call, serve->first, call.request.body, input ? std::move(*input) : Value(), items, queries};
  if (!passage.input.is_map()) return passage.pass();
  return serve->second(passage);
}

// Errors as DynamoDB's JSON has them; their own status is 400 unless they say so.
void write_error(const Error& error, HttpResponse& response) {
  Value members = json_shape(Value(error.members));
  const bool ours = error.code == "InternalFailure" || error.code == "InternalServerError";
  response.status = error.status != 0 ? error.status : ours ? 500 : 400;
  members.set("__type", "com.amazonaws.dynamodb.v20120810#" + error.code);
  for (const auto* member : {"message", "Message"})
    members.set(member, error.message);  // Some have one, some the other.
  response.body = to_json(members);
}

}  // namespace

HttpMatch Dax::match() { return {.hosts = {"dax.*", "*.dax-clusters.*"}, .paths = {"/_aws/dax/"}}; }

HttpResponse Dax::serve(Service& service, HttpCall& call) {
  HttpResponse response;
  response.headers.set("Content-Type", "application/x-amz-json-1.0");
  response.headers.set("x-amzn-RequestId", call.context.request_id);
  auto output = answer(service, call, items_, queries_);
  if (output)
    response.body = std::move(*output);
  else
    write_error(output.error(), response);
  return response;
}

void Dax::clear() {
  items_.clear();
  queries_.clear();
}

}  // namespace moonbase::dynamodb
