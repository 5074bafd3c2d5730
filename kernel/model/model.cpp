#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <model/model.hpp>
#include <model/router.hpp>
#include <mutex>
#include <thread>

namespace moonbase::model {
namespace {

constexpr std::array<std::string_view, 7> protocol_names = {"json-1.0",  "json-1.1", "query",      "ec2-query",
                                                            "rest-json", "rest-xml", "rpc-v2-cbor"};

// In a vector that is ordered by name.
template <class Named>
const Named* find_named(const std::vector<Named>& all, std::string_view name) {
  const auto found = std::lower_bound(all.begin(), all.end(), name,
                                      [](const Named& one, std::string_view wanted) { return one.name < wanted; });
  return found != all.end() && found->name == name ? &*found : nullptr;
}

// Comparing lengths first beats a binary search in structures of this size.
constexpr std::size_t searched_in_line_max = 8;

}  // namespace

std::string_view name_of(Protocol protocol) { return protocol_names.at(static_cast<std::size_t>(protocol)); }

std::optional<Protocol> protocol_named(std::string_view name) {
  for (std::size_t i = 0; i < protocol_names.size(); ++i)
    if (protocol_names[i] == name) return static_cast<Protocol>(i);
  return std::nullopt;
}

const Member* Shape::member(std::string_view member_name) const {
  if (members.size() > searched_in_line_max) return find_named(members, member_name);
  for (const auto& one : members)
    if (one.name == member_name) return &one;
  return nullptr;
}

const Member* Shape::json_member(std::string_view wanted) const {
  if (members.size() <= searched_in_line_max) {
    for (const auto& one : members)
      if (one.json_name == wanted) return &one;
    return nullptr;
  }
  if (json_order.empty()) return find_named(members, wanted);
  const auto found = std::lower_bound(
      json_order.begin(), json_order.end(), wanted,
      [this](std::uint16_t position, std::string_view text) { return members[position].json_name < text; });
  return found != json_order.end() && members[*found].json_name == wanted ? &members[*found] : nullptr;
}

bool Header::speaks(Protocol protocol) const {
  return std::find(protocols.begin(), protocols.end(), protocol) != protocols.end();
}

Service::Service() = default;
Service::~Service() = default;

const Operation* Service::operation(std::string_view operation_name) const {
  return find_named(operations, operation_name);
}

const ErrorShape* Service::error(std::string_view error_name) const { return find_named(errors, error_name); }

struct Model::State {
  std::string_view text;
  Header header;
  std::once_flag once;
  std::atomic<bool> loaded = false;
  std::unique_ptr<const Service> service;
};

Model::Model(std::string_view lua) : state_(std::make_unique<State>()) {
  state_->text = lua;
  state_->header = read_header(lua);
}
Model::~Model() = default;
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;

const Header& Model::header() const noexcept { return state_->header; }
bool Model::loaded() const noexcept { return state_->loaded; }
std::string_view Model::text() const noexcept { return state_->text; }

const Service& Model::service() const {
  std::call_once(state_->once, [this] {
    // On a thread of its own: the caller may be a fiber, whose stack is too small for a Lua parser.
    std::exception_ptr problem;
    std::thread([&] {
      try {
        state_->service = read_service(state_->text, state_->header.name);
        state_->loaded = true;
      } catch (...) {
        problem = std::current_exception();
      }
    }).join();
    if (problem) std::rethrow_exception(problem);
  });
  return *state_->service;
}

}  // namespace moonbase::model
