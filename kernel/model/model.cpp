#include <sys/mman.h>
#include <unistd.h>

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

constexpr std::uint16_t unused = 0xffff;

// Names of one structure differ in length, first, middle or last letter nearly always.
std::size_t slot_of(std::string_view name, std::size_t slots) {
  if (name.empty()) return 0;
  const auto letter = [&](std::size_t at) { return static_cast<std::uint32_t>(static_cast<unsigned char>(name[at])); };
  const auto mixed = static_cast<std::uint32_t>(name.size()) + (letter(0) << 6) + (letter(name.size() / 2) << 12) +
                     (letter(name.size() - 1) << 18);
  return (mixed * 0x9e3779b1U >> 12) & (slots - 1);
}

}  // namespace

std::string_view name_of(Protocol protocol) { return protocol_names.at(static_cast<std::size_t>(protocol)); }

std::optional<Protocol> protocol_named(std::string_view name) {
  for (std::size_t i = 0; i < protocol_names.size(); ++i)
    if (protocol_names[i] == name) return static_cast<Protocol>(i);
  return std::nullopt;
}

void NameIndex::build(std::vector<std::string_view> names) {
  names_ = std::move(names);
  std::size_t slots = 4;
  while (slots < names_.size() * 2) slots *= 2;
  slots_.assign(slots, unused);
  for (std::size_t i = 0; i < names_.size(); ++i) {
    auto slot = slot_of(names_[i], slots);
    while (slots_[slot] != unused) slot = (slot + 1) & (slots - 1);
    slots_[slot] = static_cast<std::uint16_t>(i);
  }
}

std::size_t NameIndex::find(std::string_view name) const noexcept {
  if (slots_.empty()) return none;
  for (auto slot = slot_of(name, slots_.size()); slots_[slot] != unused; slot = (slot + 1) & (slots_.size() - 1))
    if (names_[slots_[slot]] == name) return slots_[slot];
  return none;
}

const Member* Shape::member(std::string_view member_name) const {
  const auto found = by_name.find(member_name);
  return found == NameIndex::none ? nullptr : &members[found];
}

const Member* Shape::json_member(std::string_view wanted) const {
  const auto found = by_json_name.empty() ? by_name.find(wanted) : by_json_name.find(wanted);
  return found == NameIndex::none ? nullptr : &members[found];
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

namespace {

// Most of a text was touched only to find its end. Most models are never asked for: theirs need not stay
// in memory, and what is asked for is read again from the plugin's file.
void put_aside(std::string_view text) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<std::uintptr_t>(text.data()) + page - 1) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(text.data() + text.size()) / page * page;
  // Advice: where it is not taken, nothing is lost.
  if (end > begin) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_PAGEOUT);
}

}  // namespace

Model::Model(std::string_view lua) : state_(std::make_unique<State>()) {
  state_->text = lua;
  state_->header = read_header(lua);
  put_aside(lua);
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
