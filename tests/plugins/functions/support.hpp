// Zip archives, honest and other, and short ways to call Lambda.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <moonbase/json.hpp>
#include <moonbase/testing.hpp>
#include <string>
#include <vector>

namespace support {

struct Entry {
  std::string name, content;
  std::string link = {};  // Of a symbolic link.
  unsigned mode = 0644;
};

inline std::string zip(const std::vector<Entry>& entries) {
  std::size_t bytes = 1024;
  for (const auto& entry : entries) bytes += entry.content.size() + entry.content.size() / 1000 + 4096;
  std::string out(bytes, '\0');
  std::size_t used = 0;
  archive* writer = archive_write_new();
  archive_write_set_format_zip(writer);
  archive_write_open_memory(writer, out.data(), out.size(), &used);
  for (const auto& entry : entries) {
    archive_entry* header = archive_entry_new();
    archive_entry_set_pathname(header, entry.name.c_str());
    archive_entry_set_perm(header, entry.mode);
    if (entry.link.empty()) {
      archive_entry_set_filetype(header, AE_IFREG);
      archive_entry_set_size(header, static_cast<la_int64_t>(entry.content.size()));
    } else {
      archive_entry_set_filetype(header, AE_IFLNK);
      archive_entry_set_symlink(header, entry.link.c_str());
    }
    archive_write_header(writer, header);
    archive_write_data(writer, entry.content.data(), entry.content.size());
    archive_entry_free(header);
  }
  archive_write_close(writer);
  archive_write_free(writer);
  out.resize(used);
  return out;
}

inline const moonbase::testing::TestOptions functions{.plugins = {"functions"}};
inline const moonbase::testing::TestOptions functions_and_storage{.plugins = {"functions", "storage"}};

// The input of CreateFunction for a file main.lua.
inline moonbase::Map function(const std::string& name, const std::string& code, moonbase::Map more = {}) {
  using moonbase::Map;
  Map input{{"FunctionName", name},
            {"Runtime", "lua"},
            {"Handler", "main.handler"},
            {"Role", "arn:aws:iam::000000000000:role/test"},
            {"Code", Map{{"ZipFile", zip({{"main.lua", code}})}}}};
  for (auto& [key, value] : more) input.set(key, value);
  return input;
}

inline moonbase::Value payload(const moonbase::Value& output) {
  return *moonbase::parse_json(output["Payload"].string());
}

inline moonbase::Value invoke(moonbase::testing::TestKernel& kernel, const std::string& name,
                              const std::string& event = "{}") {
  return payload(kernel.call("Invoke", {{"FunctionName", name}, {"Payload", event}}));
}

// A table with the key id.
inline bool create_table(moonbase::testing::TestKernel& kernel, const std::string& name) {
  using moonbase::List, moonbase::Map;
  return kernel
      .try_call("dynamodb", "CreateTable",
                {{"TableName", name},
                 {"BillingMode", "PAY_PER_REQUEST"},
                 {"KeySchema", List{Map{{"AttributeName", "id"}, {"KeyType", "HASH"}}}},
                 {"AttributeDefinitions", List{Map{{"AttributeName", "id"}, {"AttributeType", "S"}}}}})
      .ok();
}

using Texts = std::vector<std::string>;

// The keys of a bucket.
inline Texts keys_in(moonbase::testing::TestKernel& kernel, const std::string& bucket) {
  Texts keys;
  const auto listed = kernel.try_call("s3", "ListObjectsV2", {{"Bucket", bucket}});
  if (!listed) throw std::runtime_error(listed.error().message);
  if ((*listed)["Contents"].is_list())
    for (const auto& object : (*listed)["Contents"].list()) keys.push_back(object["Key"].string());
  return keys;
}

}  // namespace support
