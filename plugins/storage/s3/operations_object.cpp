// Objects: put, get, head, delete.
#include <moonbase/hash.hpp>

#include "checksum.hpp"
#include "conditions.hpp"
#include "content.hpp"
#include "errors.hpp"
#include "lifecycle.hpp"
#include "object_input.hpp"
#include "read_object.hpp"
#include "service.hpp"

namespace moonbase::s3 {
namespace {

constexpr std::size_t piece_bytes = 256 * 1024;
constexpr std::size_t deletions_max = 1000;

// Sends the content: from its rows at once, from blobs piece by piece while the client takes it.
void send(HttpResponse& response, std::unique_ptr<ContentReader> content) {
  response.length = content->size();
  if (content->size() <= inline_bytes_max) {
    response.body = content->all();
    return;
  }
  response.stream = [shared = std::shared_ptr<ContentReader>(std::move(content))](BodyWriter& out) {
    for (auto piece = shared->next(piece_bytes); !piece.empty(); piece = shared->next(piece_bytes))
      if (!out.write(piece)) return;
  };
}

Result<Value> answer_content(Call& call, Found found) {
  if (call.http) {
    if (found.is_part) call.http->status = 206;
    send(*call.http, std::move(found.content));
    return std::move(found.output);
  }
  if (found.content->size() > inside_bytes_max)
    return Error{"EntityTooLarge",
                 "A call from inside the platform is answered with at most " + std::to_string(inside_bytes_max) +
                     " bytes; ask for ranges.",
                 {},
                 400};
  found.output.set("Body", found.content->all());
  return std::move(found.output);
}

Result<Done> refuse_directory_conditions(const List& wanted) {
  for (const auto& one : wanted)
    for (const auto* member : {"LastModifiedTime", "Size"})
      if (!one[member].is_null()) return not_implemented("s3 DeleteObjects Delete.Objects." + std::string(member));
  return done;
}

// What DeleteObjects tells of one deletion.
Value deleted_entry(const Value& wanted, const Value& output) {
  Map entry{{"Key", wanted["Key"]}};
  if (wanted["VersionId"].is_string()) entry.set("VersionId", wanted["VersionId"]);
  if (!output["DeleteMarker"].is_null()) {
    entry.set("DeleteMarker", true);
    entry.set("DeleteMarkerVersionId", output["VersionId"]);
  }
  return entry;
}

Value refused(const Value& wanted, const Error& error) {
  Map entry{{"Key", wanted["Key"]}, {"Code", error.code}, {"Message", error.message}};
  if (wanted["VersionId"].is_string()) entry.set("VersionId", wanted["VersionId"]);
  return entry;
}

// What DeleteObject takes for directory buckets alone.
Result<Done> refuse_directory_conditions(const Value& input) {
  for (const auto* member : {"IfMatchLastModifiedTime", "IfMatchSize"})
    if (!input[member].is_null()) return not_implemented("s3 DeleteObject " + std::string(member));
  return done;
}

}  // namespace

Result<Value> delete_object(Call& call) {
  const auto& key = call.input["Key"].string();
  if (auto fits = check_key(key); !fits) return fits.error();
  if (auto built = refuse_directory_conditions(call.input); !built) return built.error();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto opened = open_for_change(tx, call, call.input["Bucket"].string());
    if (!opened) return opened.error();
    const auto change = change_of(tx, opened->bucket, call);
    return delete_one(change, {key, call.input["VersionId"], call.input["IfMatch"]});
  });
}

Result<Value> delete_objects(Call& call) {
  const auto& wanted = call.input["Delete"]["Objects"].list();
  const bool quiet = call.input["Delete"]["Quiet"].boolean_or(false);
  if (wanted.empty() || wanted.size() > deletions_max) return malformed_xml();
  if (auto built = refuse_directory_conditions(wanted); !built) return built.error();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto opened = open_for_change(tx, call, call.input["Bucket"].string());
    if (!opened) return opened.error();
    const auto change = change_of(tx, opened->bucket, call);
    List deleted, errors;
    for (const auto& one : wanted) {
      auto result = delete_one(change, {one["Key"].string(), one["VersionId"], one["ETag"]});
      if (!result)
        errors.push_back(refused(one, result.error()));
      else if (!quiet)
        deleted.push_back(deleted_entry(one, *result));
    }
    Value output = Map{};
    if (!deleted.empty()) output.set("Deleted", std::move(deleted));
    if (!errors.empty()) output.set("Errors", std::move(errors));
    return output;
  });
}

Result<Value> get_object(Call& call) {
  auto found = read_object(call, true);
  if (!found) return found.error();
  if (found->not_modified) return not_modified(call, *found);
  return answer_content(call, std::move(*found));
}

Result<Value> head_object(Call& call) {
  auto found = read_object(call, false);
  if (!found) return found.error();
  if (found->not_modified) return not_modified(call, *found);
  if (call.http && found->is_part) call.http->status = 206;
  return std::move(found->output);
}

Result<Value> put_object(Call& call) {
  const auto looked = look_up_bucket(call);
  if (!looked) return looked.error();
  auto object = object_of_input(call, *looked);
  if (!object) return object.error();
  auto received = receive_body(call);
  if (!received) return received.error();

  object->size = received->size;
  object->etag = hex(received->md5);
  object->checksum = received->checksum;
  return write_received(call, *received, [&](Transaction& tx) -> Result<Value> {
    const auto opened = open_for_change(tx, call, looked->name);
    if (!opened) return opened.error();
    const auto newest = newest_version(tx, opened->bucket, object->key);
    if (auto holds = check_write(call.input, object->key, newest); !holds) return holds.error();
    const auto change = change_of(tx, opened->bucket, call);
    object->content = opened->content;
    insert_content(change, object->content, *received);
    add_version(change, newest, *object);

    Value output = Map{{"ETag", object->quoted_etag()}};
    show_checksum(output, object->checksum);
    show_encryption(output, *object);
    show_version_id(output, opened->bucket, *object);
    show_expiration(tx, opened->bucket, *object, output);
    return output;
  });
}

}  // namespace moonbase::s3
