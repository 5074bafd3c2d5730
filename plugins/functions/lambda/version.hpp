// Published versions, aliases, and what an account has stored. Rules and rows, no other I/O.
#pragma once

#include <moonbase/plugin.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lambda/function.hpp"

namespace moonbase::functions {

inline constexpr std::int64_t code_storage_bytes_max = 75LL << 30;

struct Alias {
  std::string account, region, function, name;
  std::int64_t version = 0;
  std::string description, revision_id;
  Map weights;  // {"2": 0.1}: how often other versions are chosen.

  std::string arn() const { return "arn:aws:lambda:" + region + ":" + account + ":function:" + function + ":" + name; }
};

std::optional<Alias> find_alias(Transaction& tx, const FunctionName& name, std::string_view alias);
Alias alias_of(const Row& row);
void put_alias(Transaction& tx, const Alias& alias);
// What GetAlias shows.
Map describe(const Alias& alias);

// Publishes $LATEST as it is; the last version where nothing has changed since.
Result<Function> publish_version(Transaction& tx, const Call& call, const Function& latest, const Value& description);

// Counts what is stored against the account's limit. CodeStorageExceededException.
struct UsageChange {
  std::int64_t functions = 0, code_bytes = 0;
};
Result<Done> add_usage(Transaction& tx, const std::string& account, const std::string& region, UsageChange change);

// RevisionId of the input does not match.
bool wrong_revision(const Call& call, const std::string& revision_id);
Error revision_mismatch();

}  // namespace moonbase::functions
