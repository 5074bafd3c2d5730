#include <map>
#include <pugixml.hpp>
#include <wire/codec.hpp>

namespace moonbase::wire {
namespace {

using model::Kind;
using model::Member;
using model::Shape;

// A tree of nodes takes many times its text, so the text itself is limited beyond the body's limit.
constexpr std::size_t bytes_max = 8 * 1024 * 1024;

std::string_view local_name(std::string_view name) {
  return name.substr(name.find(':') + 1);  // Without a colon: npos + 1, all of it.
}

// All text directly in an element.
std::string text_of(pugi::xml_node node) {
  std::string text;
  for (const auto child : node.children())
    if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata) text += child.value();
  return text;
}

bool is_element(pugi::xml_node node) { return node.type() == pugi::node_element; }

// EC2's lists hold <item>s where the others' hold <member>s.
std::string_view element_name(const Shape& list, XmlStyle style) {
  return style.ec2 && !list.element.xml_name_given ? std::string_view("item") : std::string_view(list.element.xml_name);
}

class Reader {
 public:
  Reader(const Limits& limits, XmlStyle style) : limits_(limits), style_(style) {}

  bool read(const Shape& shape, pugi::xml_node node, std::size_t depth, Value& out) {
    if (depth > limits_.depth_max) return fail("nested too deeply");
    switch (shape.kind) {
      case Kind::list: {
        out = List();
        for (const auto child : node.children())
          if (is_element(child) && local_name(child.name()) == element_name(shape, style_) &&
              !read(*shape.element.shape, child, depth + 1, out.list().emplace_back()))
            return false;
        return true;
      }
      case Kind::map: {
        out = Map();
        for (const auto child : node.children())
          if (is_element(child) && !read_entry(shape, child, depth, out.map())) return false;
        return true;
      }
      case Kind::structure:
      case Kind::union_structure:
        return read_structure(shape, Part::all, node, depth, out);
      default:
        if (!read_scalar(shape, text_of(node), TimestampFormat::date_time, out))
          return fail("<" + std::string(node.name()) + "> is no " + std::string(type_name(shape.kind)));
        return true;
    }
  }

  bool read_structure(const Shape& shape, Part part, pugi::xml_node node, std::size_t depth, Value& out) {
    if (depth > limits_.depth_max) return fail("nested too deeply");
    out = Map();
    auto& map = out.map();
    for (const auto child : node.children()) {
      if (!is_element(child)) continue;
      const auto* member = find(shape, part, local_name(child.name()), false);
      if (!member) continue;
      const bool flat = member->flattened && !style_.ec2;
      if (flat && member->shape->kind == Kind::list) {
        auto& list = map[member->name];
        if (list.is_null()) list = List();
        if (!read(*member->shape->element.shape, child, depth + 1, list.list().emplace_back())) return false;
      } else if (flat && member->shape->kind == Kind::map) {
        auto& entries = map[member->name];
        if (entries.is_null()) entries = Map();
        if (!read_entry(*member->shape, child, depth, entries.map())) return false;
      } else if (!read(*member->shape, child, depth + 1, map.set(std::string(member->name), Value()))) {
        return false;
      }
    }
    for (const auto attribute : node.attributes()) {
      const auto* member = find(shape, part, local_name(attribute.name()), true);
      if (member && !read_scalar(*member->shape, attribute.value(), TimestampFormat::date_time,
                                 map.set(std::string(member->name), Value())))
        return fail("a malformed attribute");
    }
    return true;
  }

  std::string problem;

 private:
  bool fail(std::string why) {
    if (problem.empty()) problem = std::move(why);
    return false;
  }

  static const Member* find(const Shape& shape, Part part, std::string_view name, bool attribute) {
    for (const auto& member : shape.members) {
      if (member.xml_attribute != attribute || !belongs_to(part, member)) continue;
      const std::string_view wanted = attribute ? local_name(member.xml_name) : member.xml_name;
      if (wanted == name) return &member;
    }
    return nullptr;
  }

  bool read_entry(const Shape& shape, pugi::xml_node entry, std::size_t depth, Map& map) {
    std::string key;
    pugi::xml_node value;
    bool has_key = false;
    for (const auto child : entry.children()) {
      if (!is_element(child)) continue;
      if (local_name(child.name()) == shape.key.xml_name) {
        key = text_of(child);
        has_key = true;
      } else if (local_name(child.name()) == shape.element.xml_name) {
        value = child;
      }
    }
    if (!has_key || !value) return fail("an entry without its key or value");
    return read(*shape.element.shape, value, depth + 1, map.set(std::move(key), Value()));
  }

  const Limits& limits_;
  XmlStyle style_;
};

Error malformed() {
  return {"MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema"};
}

}  // namespace

Problem read_xml(const Shape& shape, Part part, std::string_view text, const Limits& limits, XmlStyle style,
                 const std::vector<std::string_view>& path, Value& out) {
  out = Map();
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return std::nullopt;
  if (text.size() > bytes_max || !is_utf8(text)) return malformed();
  pugi::xml_document document;
  // DOCTYPE is parsed only to be seen: entities of its own would be the client's program.
  const auto parsed =
      document.load_buffer(text.data(), text.size(),
                           pugi::parse_escapes | pugi::parse_cdata | pugi::parse_eol | pugi::parse_wconv_attribute |
                               pugi::parse_doctype | pugi::parse_ws_pcdata_single | pugi::parse_declaration,
                           pugi::encoding_utf8);
  if (!parsed) return malformed();
  pugi::xml_node root;
  for (const auto child : document.children()) {
    const bool second = is_element(child) && root;
    if (second || child.type() == pugi::node_doctype || child.type() == pugi::node_cdata) return malformed();
    if (is_element(child)) root = child;
  }
  if (!root) return malformed();

  for (const auto step : path) {
    pugi::xml_node next;
    for (const auto child : root.children())
      if (is_element(child) && local_name(child.name()) == step) next = child;
    if (!next) return std::nullopt;  // An empty result may be left out altogether.
    root = next;
  }
  Reader reader(limits, style);
  const bool good =
      shape.is_structure() ? reader.read_structure(shape, part, root, 0, out) : reader.read(shape, root, 0, out);
  if (!good) return malformed();
  return std::nullopt;
}

namespace {

void open(std::string& out, std::string_view name) {
  out += '<';
  out += name;
}

void open_and_close(std::string& out, std::string_view name) {
  open(out, name);
  out += '>';
}

void close(std::string& out, std::string_view name) {
  out += "</";
  out += name;
  out += '>';
}

void append_attribute(std::string& out, std::string_view name, std::string_view content) {
  out += ' ';
  out += name;
  out += "=\"";
  append_xml_text(out, content);
  out += '"';
}

void write_content(std::string& out, const Shape& shape, const Value& value, XmlStyle style);

void write_scalar(std::string& out, const Shape& shape, const Value& value) {
  if (shape.kind == Kind::string) return append_xml_text(out, value.string());
  append_scalar(out, shape, value, TimestampFormat::date_time);
}

void write_entry(std::string& out, std::string_view name, const Shape& map, const std::string& key, const Value& value,
                 XmlStyle style) {
  open_and_close(out, name);
  open_and_close(out, map.key.xml_name);
  append_xml_text(out, key);
  close(out, map.key.xml_name);
  open_and_close(out, map.element.xml_name);
  write_content(out, *map.element.shape, value, style);
  close(out, map.element.xml_name);
  close(out, name);
}

void write_element(std::string& out, std::string_view name, const Member& member, const Value& value, XmlStyle style) {
  open(out, name);
  if (!member.xml_namespace.empty()) {
    const auto attribute =
        member.xml_namespace_prefix.empty() ? "xmlns" : "xmlns:" + std::string(member.xml_namespace_prefix);
    append_attribute(out, attribute, member.xml_namespace);
  }
  if (member.shape->is_structure() && value.is_map()) {
    for (const auto& inner : member.shape->members) {
      const auto& attribute = value[inner.name];
      if (!inner.xml_attribute || attribute.is_null()) continue;
      std::string text;
      append_scalar(text, *inner.shape, attribute, TimestampFormat::date_time);
      append_attribute(out, inner.xml_name, text);
    }
  }
  out += '>';
  write_content(out, *member.shape, value, style);
  close(out, name);
}

void write_member(std::string& out, const Member& member, const Value& value, XmlStyle style) {
  const auto& shape = *member.shape;
  // EC2's answers always have the wrapper, whatever its requests do.
  const bool flat = member.flattened && !style.ec2;
  if (flat && shape.kind == Kind::list) {
    for (const auto& element : value.list())
      if (!element.is_null()) write_element(out, member.xml_name, shape.element, element, style);
  } else if (flat && shape.kind == Kind::map) {
    for (const auto& [key, element] : value.map())
      if (!element.is_null()) write_entry(out, member.xml_name, shape, key, element, style);
  } else {
    write_element(out, member.xml_name, member, value, style);
  }
}

void write_content(std::string& out, const Shape& shape, const Value& value, XmlStyle style) {
  switch (shape.kind) {
    case Kind::list:
      for (const auto& element : value.list())
        if (!element.is_null()) write_element(out, element_name(shape, style), shape.element, element, style);
      return;
    case Kind::map:
      for (const auto& [key, element] : value.map())
        if (!element.is_null()) write_entry(out, "entry", shape, key, element, style);
      return;
    case Kind::structure:
    case Kind::union_structure:
      return append_xml_members(out, shape, Part::all, value, style);
    default:
      return write_scalar(out, shape, value);
  }
}

}  // namespace

void append_xml_members(std::string& out, const Shape& shape, Part part, const Value& value, XmlStyle style) {
  if (value.is_null()) return;
  for (const auto& [name, content] : value.map()) {
    const auto* member = content.is_null() ? nullptr : shape.member(name);
    if (!member || member->xml_attribute || !belongs_to(part, *member)) continue;
    write_member(out, *member, content, style);
  }
}

void append_xml_element(std::string& out, std::string_view name, std::string_view xml_namespace, const Shape& shape,
                        Part part, const Value& value, XmlStyle style) {
  if (shape.is_structure() && part != Part::all) {
    open(out, name);
    if (!xml_namespace.empty()) append_attribute(out, "xmlns", xml_namespace);
    out += '>';
    append_xml_members(out, shape, part, value, style);
    close(out, name);
    return;
  }
  Member root;
  root.shape = &shape;
  root.xml_namespace = xml_namespace;
  write_element(out, name, root, value, style);
}

}  // namespace moonbase::wire
