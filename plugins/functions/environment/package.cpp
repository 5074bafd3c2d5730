#include "package.hpp"

#include <cstring>

namespace moonbase::functions {
namespace {

std::optional<std::string_view> take(std::string_view& bytes) {
  std::uint32_t length = 0;
  if (bytes.size() < sizeof length) return std::nullopt;
  std::memcpy(&length, bytes.data(), sizeof length);
  bytes.remove_prefix(sizeof length);
  if (bytes.size() < length) return std::nullopt;
  const auto text = bytes.substr(0, length);
  bytes.remove_prefix(length);
  return text;
}

void append_text(std::string& package, std::string_view text) {
  const auto length = static_cast<std::uint32_t>(text.size());
  package.append(reinterpret_cast<const char*>(&length), sizeof length);
  package.append(text);
}

}  // namespace

std::optional<Package> Package::parse(std::string_view bytes) {
  Package package;
  while (!bytes.empty()) {
    const auto name = take(bytes);
    if (!name) return std::nullopt;
    const auto text = take(bytes);
    if (!text) return std::nullopt;
    package.entries_.emplace_back(*name, *text);
  }
  return package;
}

std::string_view Package::find(std::string_view name) const {
  for (const auto& [key, text] : entries_)
    if (key == name) return text;
  return {};
}

bool Package::contains(std::string_view name) const {
  for (const auto& [key, text] : entries_)
    if (key == name) return true;
  return false;
}

void append_package_entry(std::string& package, std::string_view name, std::string_view text) {
  append_text(package, name);
  append_text(package, text);
}

}  // namespace moonbase::functions
