#include <algorithm>
#include <charconv>
#include <wire/codec.hpp>

namespace moonbase::wire {
namespace {

using model::Kind;
using model::Member;
using model::Shape;

constexpr std::size_t parameters_max = 100'000;

// Sorted parameters: what lies under a prefix is one range of them, so nothing is copied and nothing
// is searched twice.
class Reader {
 public:
  using Iterator = Parameters::const_iterator;

  Reader(const Parameters& sorted, const Limits& limits, bool ec2) : all_(sorted), limits_(limits), ec2_(ec2) {}

  bool read_root(const Shape& shape, Value& out) {
    return read_structure(shape, "", {all_.begin(), all_.end()}, 0, out);
  }
  std::string problem;

 private:
  struct Range {
    Iterator begin, end;
    bool empty() const { return begin == end; }
  };

  bool fail(std::string why) {
    if (problem.empty()) problem = std::move(why);
    return false;
  }

  // The parameters called `prefix` or "prefix.…".
  static Range under(Range range, const std::string& prefix) {
    const auto less = [](const auto& parameter, std::string_view wanted) { return parameter.first < wanted; };
    const auto below = prefix + ".";
    const auto begin = std::lower_bound(range.begin, range.end, prefix, less);
    if (begin != range.end && begin->first == prefix) {
      // Names such as "prefix-x" sort between the two; a parameter has either a value or members.
      return {begin, begin + 1};
    }
    const auto inner = std::lower_bound(range.begin, range.end, below, less);
    auto end = inner;
    const auto past = prefix + "/";  // "/" follows "." in ASCII.
    end = std::lower_bound(inner, range.end, past, less);
    return {inner, end};
  }

  // The distinct numbers in "prefix.N…", in order.
  bool numbers(Range range, std::size_t prefix_size, std::vector<std::uint32_t>& found) {
    for (auto it = range.begin; it != range.end; ++it) {
      const std::string_view name = it->first;
      if (name.size() <= prefix_size) continue;
      std::uint32_t number = 0;
      const auto [end, bad] = std::from_chars(name.data() + prefix_size, name.data() + name.size(), number);
      if (bad != std::errc() || (end != name.data() + name.size() && *end != '.')) continue;
      found.push_back(number);
    }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return true;
  }

  bool read(const Shape& shape, const std::string& name, Range range, bool flattened, std::size_t depth, Value& out) {
    if (depth > limits_.depth_max) return fail("The request is nested too deeply.");
    switch (shape.kind) {
      case Kind::list:
        return read_list(shape, name, range, flattened || ec2_, depth, out);
      case Kind::map:
        return read_map(shape, name, range, flattened, depth, out);
      case Kind::structure:
      case Kind::union_structure:
        return read_structure(shape, name + ".", range, depth, out);
      default:
        break;
    }
    if (range.begin->first != name) return true;
    if (!read_scalar(shape, range.begin->second, TimestampFormat::date_time, out))
      return fail("Value (" + range.begin->second.substr(0, 1024) + ") for parameter " + name +
                  " is invalid. Must be a " + std::string(type_name(shape.kind)) + ".");
    return true;
  }

  std::string_view name_of(const Member& member) const { return ec2_ ? member.ec2_name : member.xml_name; }

  bool read_structure(const Shape& shape, const std::string& prefix, Range range, std::size_t depth, Value& out) {
    if (depth > limits_.depth_max) return fail("The request is nested too deeply.");
    out = Map();
    for (const auto& member : shape.members) {
      auto name = prefix + std::string(name_of(member));
      auto inner = under(range, name);
      if (inner.empty() && member.flattened && member.shape->kind == Kind::list &&
          member.shape->element.xml_name_given) {
        // Some clients name a flattened list by its elements.
        name.assign(prefix).append(member.shape->element.xml_name);
        inner = under(range, name);
      }
      if (inner.empty()) continue;
      Value value;
      if (!read(*member.shape, name, inner, member.flattened, depth + 1, value)) return false;
      if (!value.is_null()) out.map().set(std::string(member.name), std::move(value));
    }
    return true;
  }

  bool read_list(const Shape& shape, const std::string& name, Range range, bool flat, std::size_t depth, Value& out) {
    out = List();
    if (range.begin->first == name) return true;  // "Names=": an empty list.
    auto prefix = name + ".";
    std::vector<std::uint32_t> found;
    if (!flat) {
      const auto wrapped = prefix + std::string(shape.element.xml_name);
      numbers(under(range, wrapped), wrapped.size() + 1, found);
      if (!found.empty()) prefix = wrapped + ".";
    }
    if (found.empty()) numbers(range, prefix.size(), found);
    // Gaps in the numbering are no elements.
    for (const auto number : found) {
      const auto element = prefix + std::to_string(number);
      const auto inner = under(range, element);
      if (inner.empty()) continue;  // "01"
      if (!read(*shape.element.shape, element, inner, false, depth + 1, out.list().emplace_back())) return false;
    }
    return true;
  }

  bool read_map(const Shape& shape, const std::string& name, Range range, bool flat, std::size_t depth, Value& out) {
    out = Map();
    if (range.begin->first == name) return true;
    auto prefix = name + ".";
    std::vector<std::uint32_t> found;
    if (!flat) {
      const auto wrapped = prefix + "entry.";
      numbers(under(range, prefix + "entry"), wrapped.size(), found);
      if (!found.empty()) prefix = wrapped;
    }
    if (found.empty()) numbers(range, prefix.size(), found);
    for (const auto number : found) {
      const auto entry = prefix + std::to_string(number) + ".";
      const auto key_name = entry + std::string(shape.key.xml_name);
      const auto key = under(range, key_name);
      const auto value_name = entry + std::string(shape.element.xml_name);
      const auto value = under(range, value_name);
      if (key.empty() || key.begin->first != key_name) continue;
      auto& slot = out.map().set(key.begin->second, Value());
      if (!value.empty() && !read(*shape.element.shape, value_name, value, false, depth + 1, slot)) return false;
    }
    return true;
  }

  const Parameters& all_;
  const Limits& limits_;
  bool ec2_;
};

void write(std::string& out, const std::string& name, const Shape& shape, bool flattened, const Value& value,
           bool ec2) {
  switch (shape.kind) {
    case Kind::list: {
      const auto prefix = flattened || ec2 ? name + "." : name + "." + std::string(shape.element.xml_name) + ".";
      std::size_t number = 0;
      for (const auto& element : value.list())
        if (!element.is_null())
          write(out, prefix + std::to_string(++number), *shape.element.shape, false, element, ec2);
      if (number == 0 && !ec2) out += "&" + percent_encode(name) + "=";
      return;
    }
    case Kind::map: {
      const auto prefix = flattened ? name + "." : name + ".entry.";
      std::size_t number = 0;
      for (const auto& [key, element] : value.map()) {
        const auto entry = prefix + std::to_string(++number) + ".";
        out += "&" + percent_encode(entry + std::string(shape.key.xml_name)) + "=" + percent_encode(key);
        write(out, entry + std::string(shape.element.xml_name), *shape.element.shape, false, element, ec2);
      }
      return;
    }
    case Kind::structure:
    case Kind::union_structure:
      for (const auto& [member_name, content] : value.map()) {
        const auto* member = content.is_null() ? nullptr : shape.member(member_name);
        if (!member) continue;
        write(out, name + (name.empty() ? "" : ".") + std::string(ec2 ? member->ec2_name : member->xml_name),
              *member->shape, member->flattened, content, ec2);
      }
      return;
    default: {
      std::string text;
      append_scalar(text, shape, value, TimestampFormat::date_time);
      out += "&" + percent_encode(name) + "=" + percent_encode(text);
    }
  }
}

}  // namespace

Problem read_query(const Shape& shape, Parameters parameters, const Limits& limits, bool ec2, Value& out) {
  if (parameters.size() > parameters_max) return Error{"MalformedQueryString", "The request has too many parameters."};
  // Of parameters that are sent twice, the first one counts.
  std::stable_sort(parameters.begin(), parameters.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [name, value] : parameters)
    if (!is_utf8(name) || !is_utf8(value)) return Error{"MalformedQueryString", "The request is not UTF-8."};
  Reader reader(parameters, limits, ec2);
  if (!reader.read_root(shape, out)) return Error{"MalformedInput", std::move(reader.problem)};
  return std::nullopt;
}

void append_query(std::string& out, const Shape& shape, const Value& value, bool ec2) {
  if (!value.is_null()) write(out, "", shape, false, value, ec2);
}

}  // namespace moonbase::wire
