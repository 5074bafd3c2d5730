#include <algorithm>
#include <array>
#include <cmath>
#include <model/lua_table.hpp>
#include <model/model.hpp>
#include <model/pattern.hpp>
#include <model/router.hpp>
#include <set>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>

namespace moonbase::model {
namespace {

constexpr int depth_max = 64;

// Every option that a shape or a member may have. A misspelt one must not go unnoticed.
constexpr std::array<std::string_view, 36> options_known = {
    "default",      "ec2_name",  "element",        "event_header",  "event_payload",
    "flattened",    "format",    "header",         "host_label",    "idempotency_token",
    "json_name",    "key",       "label",          "length",        "members",
    "pattern",      "payload",   "prefix_headers", "query",         "query_map",
    "range",        "required",  "sensitive",      "shape",         "sparse",
    "status",       "streaming", "values",         "xml_attribute", "xml_name",
    "xml_namespace"};

const std::unordered_map<std::string_view, Kind>& kinds() {
  static const std::unordered_map<std::string_view, Kind> known = {
      {"string", Kind::string},       {"integer", Kind::integer},
      {"long", Kind::long_integer},   {"number", Kind::number},
      {"float", Kind::float_number},  {"double", Kind::double_number},
      {"boolean", Kind::boolean},     {"blob", Kind::blob},
      {"timestamp", Kind::timestamp}, {"document", Kind::document},
      {"list", Kind::list},           {"map", Kind::map},
      {"structure", Kind::structure}, {"union", Kind::union_structure}};
  return known;
}

// "TableName" is "tableName" in messages.
std::string path_name(std::string_view name) {
  std::string path(name);
  if (!path.empty() && path[0] >= 'A' && path[0] <= 'Z') path[0] = static_cast<char>(path[0] + 32);
  return path;
}

void read_header_fields(const Table& table, Header& header) {
  const auto needed = [&](const char* field) {
    auto text = table.text(field);
    if (!text || text->empty()) table.fail(std::string("a service needs its ") + field);
    return std::move(*text);
  };
  header.name = needed("name");
  header.version = needed("version");
  table.each_text("protocols", [&](const std::string& name) {
    const auto protocol = protocol_named(name);
    if (!protocol) table.fail("there is no protocol '" + name + "'");
    header.protocols.push_back(*protocol);
  });
  if (header.protocols.empty()) table.fail("a service needs its protocols");
  header.target = table.text_or("target", "");
  header.signing_name = table.text_or("signing_name", header.name);
  header.endpoint_prefix = table.text_or("endpoint_prefix", header.signing_name);
  table.each_text("virtual_hosts", [&](std::string host) { header.virtual_hosts.push_back(std::move(host)); });
  header.xml_namespace = table.text_or("xml_namespace", "");
  header.service_id = table.text_or("service_id", header.name);
  header.error_namespace = table.text_or("error_namespace", "");
  header.request_id_header = table.text_or("request_id_header", header.request_id_header);
  header.query_compatible = table.flag("query_compatible");
  header.bare_errors = table.flag("bare_errors");
  table.with_table("validation", [&](const Table& validation) {
    auto& wording = header.validation;
    wording.code = validation.text_or("code", wording.code);
    wording.missing_code = validation.text_or("missing_code", "");
    wording.serialization_code = validation.text_or("serialization_code", wording.serialization_code);
    wording.checks_unions = !validation.flag("unions_by_operation");
    const auto style = validation.text_or("style", "list");
    if (style != "list" && style != "parameter") validation.fail("style is \"list\" or \"parameter\"");
    wording.style = style == "list" ? Validation::Style::list : Validation::Style::parameter;
  });
}

class Reader {
 public:
  explicit Reader(Service& service) : service_(service) {}

  void read(const Table& table) {
    read_header_fields(table, service_);
    table.with_table("shapes", [&](const Table& shapes) {
      // All names first: shapes may name each other, and themselves.
      shapes.each([&](std::string_view name) { named_.emplace(std::string(name), add_shape(name)); });
      shapes.each([&](std::string_view name) { read_named(shapes, std::string(name)); });
    });
    table.with_table("errors", [&](const Table& errors) { read_errors(errors); });
    table.with_table("operations", [&](const Table& operations) { read_operations(operations); });
    finish_shapes();
    service_.router = std::make_unique<const Router>(service_);
  }

 private:
  Shape* add_shape(std::string_view name) {
    service_.shapes.push_back(std::make_unique<Shape>());
    service_.shapes.back()->name = keep(name);
    return service_.shapes.back().get();
  }

  std::string_view keep(std::string_view text) {
    if (const auto known = texts_.find(text); known != texts_.end()) return *known;
    auto* copy = static_cast<char*>(service_.texts.allocate(text.size(), 1));
    text.copy(copy, text.size());
    return *texts_.emplace(copy, text.size()).first;
  }

  Shape* named(const Table& table, const std::string& name) {
    const auto found = named_.find(name);
    if (found == named_.end()) table.fail("there is no shape '" + name + "'");
    return found->second;
  }

  // The plain shape of a kind, shared by all members that say nothing more.
  Shape* plain(Kind kind) {
    auto& shape = plain_[kind];
    if (!shape) {
      shape = add_shape("");
      shape->kind = kind;
    }
    return shape;
  }

  void read_named(const Table& shapes, const std::string& name) {
    // The value is on top of the stack.
    const Table table(shapes.lua(), lua_gettop(shapes.lua()), shapes.where() + "." + name);
    if (!lua_istable(shapes.lua(), -1)) table.fail("a shape is made with shape.…");
    auto* shape = named_.at(name);
    if (kind_of(table).empty()) {
      read_members(table, *shape, 0);
    } else {
      if (kind_of(table) == "of") table.fail("a shape cannot be another by name only");
      fill_shape(table, *shape, 0);
    }
  }

  // The marker that shape.lua leaves; empty for a plain table of members.
  static std::string kind_of(const Table& table) {
    std::string kind;
    if (table.push(1) == LUA_TSTRING) kind = lua_tostring(table.lua(), -1);
    lua_pop(table.lua(), 1);
    return kind;
  }

  void check_options(const Table& table) {
    table.each([&](std::string_view option) {
      if (std::find(options_known.begin(), options_known.end(), option) == options_known.end())
        table.fail("there is no option '" + std::string(option) + "'");
    });
  }

  // What the value on top of the stack says: a name, a shape or a plain table of members.
  void read_member(lua_State* lua, const std::string& where, Member& member, int depth) {
    const Table table(lua, lua_gettop(lua), where);
    if (depth > depth_max) table.fail("nested too deeply; give the shapes names");
    if (lua_type(lua, -1) == LUA_TSTRING) {
      member.shape = named(table, lua_tostring(lua, -1));
      return;
    }
    if (!lua_istable(lua, -1)) table.fail("a member is a shape, the name of one, or a table of members");
    const auto kind = kind_of(table);
    if (kind.empty()) {
      auto* shape = add_shape("");
      read_members(table, *shape, depth);
      member.shape = shape;
      return;
    }
    if (kind == "of") {
      member.shape = named(table, table.text_or("shape", ""));
    } else {
      const auto known = kinds().find(kind);
      if (known == kinds().end()) table.fail("there is no kind '" + kind + "'");
      if (is_plain(table, known->second)) {
        member.shape = plain(known->second);
      } else {
        auto* shape = add_shape("");
        fill_shape(table, *shape, depth);
        member.shape = shape;
      }
    }
    read_member_options(table, member);
  }

  static bool is_plain(const Table& table, Kind kind) {
    if (kind >= Kind::list) return false;
    bool plain = true;
    table.each([&](std::string_view option) {
      for (const auto* own : {"length", "range", "pattern", "values", "format", "streaming", "sensitive"})
        plain = plain && option != own;
    });
    return plain;
  }

  void read_member_options(const Table& table, Member& member) {
    check_options(table);
    member.required = table.flag("required");
    member.idempotency_token = table.flag("idempotency_token");
    member.host_label = table.flag("host_label");
    member.flattened = table.flag("flattened");
    member.xml_attribute = table.flag("xml_attribute");
    member.event_header = table.flag("event_header");
    member.event_payload = table.flag("event_payload");
    member.json_name = keep(table.text_or("json_name", ""));
    member.xml_name = keep(table.text_or("xml_name", ""));
    member.ec2_name = keep(table.text_or("ec2_name", ""));
    const auto at = [&](const char* field, Location location) {
      if (auto name = table.text(field)) {
        member.location = location;
        member.location_name = keep(*name);
      }
    };
    at("header", Location::header);
    at("prefix_headers", Location::prefix_headers);
    at("query", Location::query);
    if (table.flag("query_map")) member.location = Location::query_map;
    if (table.flag("label")) member.location = Location::label;
    if (table.flag("payload")) member.location = Location::payload;
    if (table.flag("status")) member.location = Location::status;
    read_namespace(table, member);
    read_default(table, member);
  }

  void read_namespace(const Table& table, Member& member) {
    const int type = table.push("xml_namespace");
    lua_pop(table.lua(), 1);
    if (type != LUA_TTABLE) {
      member.xml_namespace = keep(table.text_or("xml_namespace", ""));
      return;
    }
    std::vector<std::string> parts;
    table.each_text("xml_namespace", [&](std::string part) { parts.push_back(std::move(part)); });
    if (parts.size() != 2) table.fail("xml_namespace is a namespace, or { namespace, prefix }");
    member.xml_namespace = keep(parts[0]);
    member.xml_namespace_prefix = keep(parts[1]);
  }

  static void read_default(const Table& table, Member& member) {
    auto* lua = table.lua();
    const auto kind = member.shape->kind;
    switch (table.push("default")) {
      case LUA_TNIL:
        break;
      case LUA_TBOOLEAN:
        member.default_value = lua_toboolean(lua, -1) != 0;
        break;
      case LUA_TSTRING: {
        std::size_t length = 0;
        const char* text = lua_tolstring(lua, -1, &length);
        member.default_value = std::string_view(text, length);
        break;
      }
      case LUA_TNUMBER: {
        const double number = lua_tonumber(lua, -1);
        const bool fraction = kind == Kind::float_number || kind == Kind::double_number || number != std::floor(number);
        member.default_value = fraction ? Value(number) : Value(static_cast<std::int64_t>(number));
        break;
      }
      case LUA_TTABLE:
        member.default_value = kind == Kind::list ? Value(List{}) : Value(Map{});
        break;
      default:
        table.fail("a default is a string, a number, a boolean or an empty table");
    }
    lua_pop(lua, 1);
  }

  void fill_shape(const Table& table, Shape& shape, int depth) {
    check_options(table);
    const auto kind = kind_of(table);
    const auto known = kinds().find(kind);
    if (known == kinds().end()) table.fail("there is no kind '" + kind + "'");
    shape.kind = known->second;
    shape.streaming = table.flag("streaming");
    shape.sensitive = table.flag("sensitive");
    shape.sparse = table.flag("sparse");
    shape.xml_name = keep(table.text_or("xml_name", ""));
    if (shape.kind >= Kind::structure) shape.xml_namespace = keep(table.text_or("xml_namespace", ""));
    if (const auto format = table.text("format")) shape.timestamp_format = format_named(table, *format);
    read_constraints(table, shape);

    if (shape.is_structure()) {
      table.with_table("members", [&](const Table& members) { read_members(members, shape, depth, shape.kind); });
    } else if (shape.kind == Kind::list || shape.kind == Kind::map) {
      const bool is_map = shape.kind == Kind::map;
      read_part(table, "element", shape.element, is_map ? "value" : "member", depth);
      if (!shape.element.shape) table.fail("a list or map needs the shape of what it holds");
      if (!is_map) return;
      read_part(table, "key", shape.key, "key", depth);
      if (!shape.key.shape) shape.key.shape = plain(Kind::string);
    }
  }

  void read_part(const Table& table, const char* field, Member& part, const char* name, int depth) {
    if (table.push(field) != LUA_TNIL) read_member(table.lua(), table.where() + "." + field, part, depth + 1);
    lua_pop(table.lua(), 1);
    part.name = name;
    finish_member(part);
  }

  static TimestampFormat format_named(const Table& table, std::string_view format) {
    if (format == "epoch-seconds") return TimestampFormat::epoch_seconds;
    if (format == "date-time") return TimestampFormat::date_time;
    if (format == "http-date") return TimestampFormat::http_date;
    table.fail("a format is \"epoch-seconds\", \"date-time\" or \"http-date\"");
  }

  // { 1, 10 }, { 1 } or { nil, 10 }; a single number is both.
  static void read_bounds(const Table& table, const char* field, std::optional<double>& least,
                          std::optional<double>& most) {
    auto* lua = table.lua();
    const int type = table.push(field);
    if (type == LUA_TNUMBER) {
      least = most = lua_tonumber(lua, -1);
    } else if (type == LUA_TTABLE) {
      lua_rawgeti(lua, -1, 1);
      if (lua_isnumber(lua, -1)) least = lua_tonumber(lua, -1);
      lua_rawgeti(lua, -2, 2);
      if (lua_isnumber(lua, -1)) most = lua_tonumber(lua, -1);
      lua_pop(lua, 2);
    } else if (type != LUA_TNIL) {
      table.fail(std::string(field) + " is { least, most }");
    }
    lua_pop(lua, 1);
  }

  // Many members share few patterns, and compiling one takes longer than reading the rest of a shape.
  std::shared_ptr<const Pattern> pattern_of(const Table& table, const std::string& text) {
    auto& compiled = patterns_[text];
    try {
      if (!compiled) compiled = compile_pattern(text);
    } catch (const std::runtime_error& problem) {
      table.fail(problem.what());
    }
    return compiled;
  }

  void read_constraints(const Table& table, Shape& shape) {
    auto constraints = std::make_unique<Constraints>();
    std::optional<double> least, most;
    read_bounds(table, "length", least, most);
    if (least) constraints->length_min = static_cast<std::int64_t>(*least);
    if (most) constraints->length_max = static_cast<std::int64_t>(*most);
    read_bounds(table, "range", constraints->range_min, constraints->range_max);
    if (auto pattern = table.text("pattern")) {
      constraints->pattern = std::move(*pattern);
      constraints->compiled = pattern_of(table, constraints->pattern);
    }
    table.each_text("values", [&](std::string value) { constraints->values.push_back(std::move(value)); });
    const bool any = least || most || constraints->range_min || constraints->range_max || constraints->compiled ||
                     !constraints->values.empty();
    if (any) shape.constraints = std::move(constraints);
  }

  void read_members(const Table& table, Shape& shape, int depth, Kind kind = Kind::structure) {
    shape.kind = kind;
    table.each([&](std::string_view name) {
      Member member;
      member.name = keep(name);
      read_member(table.lua(), table.where() + "." + std::string(name), member, depth + 1);
      finish_member(member);
      shape.members.push_back(std::move(member));
    });
    if (shape.members.size() >= 0xffff) table.fail("too many members");
    std::sort(shape.members.begin(), shape.members.end(),
              [](const Member& a, const Member& b) { return a.name < b.name; });
  }

  // Names that the model leaves out.
  void finish_member(Member& member) {
    if (member.json_name.empty()) member.json_name = member.name;
    if (member.ec2_name.empty()) {
      std::string capital(member.xml_name.empty() ? member.name : member.xml_name);
      if (capital[0] >= 'a' && capital[0] <= 'z') capital[0] = static_cast<char>(capital[0] - 32);
      member.ec2_name = keep(capital);
    }
    member.xml_name_given = !member.xml_name.empty();
    if (!member.xml_name_given) member.xml_name = member.name;
    member.path_name = keep(path_name(member.name));
    member.json_key = keep("\"" + std::string(member.json_name) + "\":");
  }

  void finish_shapes() {
    for (auto& shape : service_.shapes) {
      if (shape->xml_name.empty()) shape->xml_name = shape->name;
      for (std::size_t i = 0; i < shape->members.size(); ++i) {
        const auto& member = shape->members[i];
        if (member.required || member.idempotency_token || !member.default_value.is_null())
          shape->minded_when_absent.push_back(static_cast<std::uint16_t>(i));
      }
      std::vector<std::string_view> names, json_names;
      for (const auto& member : shape->members) {
        names.push_back(member.name);
        json_names.push_back(member.json_name);
      }
      if (names != json_names) shape->by_json_name.build(std::move(json_names));
      shape->by_name.build(std::move(names));
    }
  }

  void read_errors(const Table& errors) {
    errors.each([&](std::string_view name) {
      const Table table(errors.lua(), lua_gettop(errors.lua()), errors.where() + "." + std::string(name));
      if (!lua_istable(errors.lua(), -1)) table.fail("an error is a table, {} at least");
      ErrorShape error;
      error.name = name;
      error.status = static_cast<int>(table.number("status").value_or(400));
      const auto fault = table.text_or("fault", error.status >= 500 ? "receiver" : "sender");
      if (fault != "sender" && fault != "receiver") table.fail("fault is \"sender\" or \"receiver\"");
      error.sender_fault = fault == "sender";
      error.query_code = table.text_or("query_code", error.name);
      error.query_status = static_cast<int>(table.number("query_status").value_or(error.status));
      error.message_name = table.text_or("message", error.message_name);
      table.with_table("members", [&](const Table& members) {
        auto* shape = add_shape(error.name);
        read_members(members, *shape, 0);
        error.shape = shape;
      });
      service_.errors.push_back(std::move(error));
    });
    std::sort(service_.errors.begin(), service_.errors.end(),
              [](const ErrorShape& a, const ErrorShape& b) { return a.name < b.name; });
  }

  const Shape* read_structure(const Table& operation, const char* field) {
    Member member;
    if (operation.push(field) != LUA_TNIL) read_member(operation.lua(), operation.where() + "." + field, member, 0);
    lua_pop(operation.lua(), 1);
    if (!member.shape) {
      if (!empty_) {
        empty_ = add_shape("");
        empty_->kind = Kind::structure;
      }
      member.shape = empty_;
    }
    if (member.shape->kind != Kind::structure) operation.fail(std::string(field) + " must be a structure");
    return member.shape;
  }

  void read_operations(const Table& operations) {
    operations.each([&](std::string_view name) {
      const Table table(operations.lua(), lua_gettop(operations.lua()), operations.where() + "." + std::string(name));
      if (!lua_istable(operations.lua(), -1)) table.fail("an operation is a table, {} at least");
      Operation operation;
      operation.name = name;
      read_operation(table, operation);
      service_.operations.push_back(std::move(operation));
    });
    if (service_.operations.empty()) operations.fail("a service needs operations");
    std::sort(service_.operations.begin(), service_.operations.end(),
              [](const Operation& a, const Operation& b) { return a.name < b.name; });
  }

  // An event stream is the body in every protocol.
  static bool is_payload(const Member& member) {
    return member.location == Location::payload ||
           (member.shape->streaming && member.shape->kind == Kind::union_structure);
  }

  void read_operation(const Table& table, Operation& operation) {
    operation.input = read_structure(table, "input");
    operation.output = read_structure(table, "output");
    operation.has_output = operation.output != empty_;
    table.each_text("errors", [&](const std::string& name) {
      const auto* error = service_.error(name);
      if (!error) table.fail("there is no error '" + name + "'");
      operation.errors.push_back(error);
    });
    operation.host_prefix = table.text_or("host_prefix", "");
    operation.result_wrapper = table.text_or("result_wrapper", operation.name + "Result");
    operation.checksum = table.flag("checksum");
    operation.unsigned_auth = table.flag("unsigned");
    operation.output_unwrapped = table.flag("unwrapped");
    table.with_table("http", [&](const Table& http) { read_http(http, operation); });
    for (const auto& member : operation.input->members) {
      if (is_payload(member)) operation.input_payload = &member;
      operation.has_body_members |= in_request_body(member);
    }
    for (const auto& member : operation.output->members) {
      if (is_payload(member)) operation.output_payload = &member;
      operation.output_has_body_members |= in_response_body(member);
    }
  }

  void read_http(const Table& http, Operation& operation) {
    const auto element = [&](int position) {
      std::string text;
      if (http.push(position) == LUA_TSTRING || lua_isnumber(http.lua(), -1)) text = lua_tostring(http.lua(), -1);
      lua_pop(http.lua(), 1);
      return text;
    };
    operation.method = element(1);
    operation.uri = element(2);
    const auto status = element(3);
    if (operation.method.empty() || operation.uri.empty() || operation.uri[0] != '/')
      http.fail("http is { method, \"/path\", status }");
    if (!status.empty()) operation.status = std::stoi(status);

    const std::string_view uri = operation.uri;
    const auto path = uri.substr(0, uri.find('?'));
    if (path.size() < uri.size()) read_query(uri.substr(path.size() + 1), operation);
    for (std::size_t at = 1; at <= path.size();) {
      const auto end = std::min(path.find('/', at), path.size());
      const auto piece = path.substr(at, end - at);
      at = end + 1;
      if (piece.empty()) {
        operation.trailing_slash = at > path.size() && path.size() > 1;
        continue;
      }
      operation.segments.push_back(read_segment(http, piece, operation));
    }
  }

  static void read_query(std::string_view query, Operation& operation) {
    while (!query.empty()) {
      const auto part = query.substr(0, query.find('&'));
      query.remove_prefix(std::min(part.size() + 1, query.size()));
      const auto equals = part.find('=');
      operation.query.push_back({std::string(part.substr(0, equals)),
                                 equals == std::string_view::npos ? "" : std::string(part.substr(equals + 1))});
    }
  }

  UriSegment read_segment(const Table& http, std::string_view piece, const Operation& operation) {
    if (piece.front() != '{' || piece.back() != '}') return {std::string(piece), false, false};
    UriSegment segment{std::string(piece.substr(1, piece.size() - 2)), true, false};
    if (segment.text.ends_with('+')) {
      segment.text.pop_back();
      segment.is_greedy = true;
    }
    // The path alone says which members are labels.
    for (const auto& shape : service_.shapes) {
      if (shape.get() != operation.input) continue;
      for (auto& member : shape->members) {
        if (member.name != segment.text) continue;
        member.location = segment.is_greedy ? Location::greedy_label : Location::label;
        member.required = true;
        return segment;
      }
    }
    http.fail("the input has no member '" + segment.text + "'");
  }

  Service& service_;
  std::unordered_set<std::string_view> texts_;
  std::unordered_map<std::string, Shape*> named_;
  std::unordered_map<Kind, Shape*> plain_;
  std::unordered_map<std::string, std::shared_ptr<const Pattern>> patterns_;
  Shape* empty_ = nullptr;
};

// The text before shapes, errors and operations, closed: all that routing needs, for next to nothing.
std::string header_text(std::string_view lua) {
  auto end = std::string_view::npos;
  for (const auto* part : {"\n  shapes = {", "\n  errors = {", "\n  operations = {"})
    end = std::min(end, lua.find(part));
  if (end == std::string_view::npos) return {};
  return std::string(lua.substr(0, end)) + "\n}";
}

}  // namespace

Header read_header(std::string_view lua, const std::string& chunk) {
  // One state for all the headers of a start; models cannot leave anything behind in it.
  thread_local std::optional<ModelState> state;
  if (!state) state.emplace();
  try {
    state->run(header_text(lua), chunk);
  } catch (const std::runtime_error&) {
    state->run(lua, chunk);  // Written in another order, or wrong: then this says where.
  }
  Header header;
  read_header_fields(Table(state->lua(), lua_gettop(state->lua()), chunk), header);
  lua_settop(state->lua(), 0);
  return header;
}

std::unique_ptr<const Service> read_service(std::string_view lua, const std::string& chunk) {
  ModelState state;
  state.run(lua, chunk);
  auto service = std::make_unique<Service>();
  Reader(*service).read(Table(state.lua(), lua_gettop(state.lua()), chunk));
  return service;
}

}  // namespace moonbase::model
