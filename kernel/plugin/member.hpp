// A loaded plugin as a member of the platform: what it registered, and what is its own.
#pragma once

#include "model/model.hpp"
#include "plugin/loader.hpp"
#include "store/file_blobs.hpp"
#include "store/sqlite_store.hpp"

#include <moonbase/plugin.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace moonbase::plugin {

struct Member;

// One service: its model, and the functions behind its operations.
struct Service {
  Service(std::string_view lua, Member& owner) : model(lua), member(&owner) {}
  model::Model model;
  Member* member;
  std::map<std::string, Operation, std::less<>> operations;
  PageRules pages;  // May be empty.
};

struct Member {
  std::shared_ptr<Loaded> loaded;
  std::string name;
  std::vector<std::unique_ptr<Service>> services;
  std::vector<std::string_view> schema, views;
  std::vector<std::pair<std::string, std::function<std::string(std::string_view)>>> view_functions;
  std::map<std::string, TaskHandler, std::less<>> tasks;
  std::map<std::string, TargetHandler, std::less<>> targets;
  std::map<std::string, EventSource*, std::less<>> sources;
  std::vector<std::pair<std::string, std::function<Value()>>> health;
  std::vector<std::pair<HttpMatch, HttpHandler>> http;
  std::vector<std::string_view> resources;
  std::vector<std::function<void(std::string_view)>> resets;

  std::unique_ptr<store::SqliteStore> store;  // Once everything is registered.
  std::unique_ptr<store::FileBlobs> blobs;
  std::unique_ptr<Log> log;
  std::unique_ptr<Metrics> metrics;
  std::unique_ptr<KernelServices> kernel;
};

}  // namespace moonbase::plugin
