// Layers: versions of packages that functions share. Rows and rules, no other I/O.
#pragma once

#include <moonbase/plugin.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lambda/function.hpp"

namespace moonbase::functions {

inline constexpr std::size_t layers_max = 5;

struct LayerVersion {
  std::string account, region, name;
  std::int64_t version = 0;
  std::string description, license;
  List runtimes, architectures;
  std::string code_blob, code_sha256;
  std::int64_t code_bytes = 0, unzipped_bytes = 0;
  Time created_at;
  std::string revision_id;

  std::string layer_arn() const { return "arn:aws:lambda:" + region + ":" + account + ":layer:" + name; }
  std::string arn() const { return layer_arn() + ":" + std::to_string(version); }
};

struct LayerName {
  std::string account, region, name;
  std::int64_t version = 0;
};
// A layer's name or ARN; with `versioned`, the ARN of a version.
std::optional<LayerName> parse_layer_name(std::string_view text, const CallContext& context, bool versioned);

std::optional<LayerVersion> find_layer(Transaction& tx, const LayerName& name);
LayerVersion layer_of(const Row& row);
void insert_layer(Transaction& tx, const LayerVersion& layer);

// Gives the function these layers, in order: its setting and its blobs. AWS's refusals.
Result<Done> use_layers(Transaction& tx, const Call& call, Function& function);
// The package and its layers fit together.
Result<Done> check_unzipped(Transaction& tx, const Function& function);

}  // namespace moonbase::functions
