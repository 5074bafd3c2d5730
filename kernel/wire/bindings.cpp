// REST: members in headers, labels, query parameters and the status code.
#include <algorithm>
#include <model/router.hpp>
#include <wire/codec.hpp>

namespace moonbase::wire {
namespace {

using model::Kind;
using model::Location;
using model::Member;
using model::Shape;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool has_prefix(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), text.begin(), [](char a, char b) { return lower(a) == lower(b); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// a, "b, c", d — HTTP dates hold a comma of their own.
std::vector<std::string> header_elements(std::string_view text, bool dates) {
  std::vector<std::string> elements;
  std::string element;
  bool quoted = false;
  bool was_quoted = false;
  int commas = 0;
  const auto finish = [&] {
    elements.emplace_back(was_quoted ? element : std::string(trimmed(element)));
    element.clear();
    was_quoted = false;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\' && i + 1 < text.size()) {
      element += text[++i];
    } else if (c == '"' && !dates) {
      if (!quoted && trimmed(element).empty()) element.clear();
      quoted = !quoted;
      was_quoted = true;
    } else if (c == ',' && !quoted && (!dates || ++commas % 2 == 0)) {
      finish();
    } else if (!was_quoted || quoted) {
      element += c;
    }
  }
  finish();
  return elements;
}

Error wrong_header(const Member& member) {
  return {"SerializationException", "The header " + std::string(member.location_name) + " is no " +
                                        std::string(type_name(member.shape->kind)) + "."};
}

TimestampFormat header_format(const Shape& shape) {
  return shape.timestamp_format == TimestampFormat::of_protocol ? TimestampFormat::http_date : shape.timestamp_format;
}

Problem read_header(const Member& member, const HttpHeaders& headers, Value& out) {
  const auto& shape = *member.shape;
  const auto texts = headers.all(member.location_name);
  if (texts.empty()) return std::nullopt;
  if (shape.kind != Kind::list) {
    Value value;
    if (!is_scalar(shape) || !read_scalar(shape, trimmed(texts.front()), TimestampFormat::http_date, value))
      return wrong_header(member);
    out.set(std::string(member.name), std::move(value));
    return std::nullopt;
  }
  const auto& element = *shape.element.shape;
  const bool dates = element.kind == Kind::timestamp && header_format(element) == TimestampFormat::http_date;
  List list;
  for (const auto text : texts)
    for (const auto& part : header_elements(text, dates))
      if (!read_scalar(element, part, TimestampFormat::http_date, list.emplace_back())) return wrong_header(member);
  out.set(std::string(member.name), std::move(list));
  return std::nullopt;
}

void read_prefix_headers(const Member& member, const HttpHeaders& headers, Value& out) {
  Map map;
  for (const auto& [name, value] : headers) {
    if (!has_prefix(name, member.location_name) || name.size() == member.location_name.size()) continue;
    std::string key = name.substr(member.location_name.size());
    // Names of headers have no case, so the keys arrive as clients expect them: in lower case.
    std::transform(key.begin(), key.end(), key.begin(), lower);
    map.set(std::move(key), value);
  }
  if (!map.empty()) out.set(std::string(member.name), std::move(map));
}

Problem read_parameter(const Member& member, const Parameters& parameters, Value& out) {
  const auto& shape = *member.shape;
  const auto wrong = [&] {
    return Error{"SerializationException", "The query parameter " + std::string(member.location_name) + " is no " +
                                               std::string(type_name(shape.kind)) + "."};
  };
  List list;
  for (const auto& [name, text] : parameters) {
    if (name != member.location_name) continue;
    if (!is_utf8(text)) return wrong();
    if (shape.kind == Kind::list) {
      if (!read_scalar(*shape.element.shape, text, TimestampFormat::date_time, list.emplace_back())) return wrong();
      continue;
    }
    Value value;
    // "?marker=" and "?versions": a parameter without content is no number.
    if (text.empty() && shape.kind != Kind::string) return std::nullopt;
    if (!read_scalar(shape, text, TimestampFormat::date_time, value)) return wrong();
    out.set(std::string(member.name), std::move(value));
    return std::nullopt;
  }
  if (!list.empty()) out.set(std::string(member.name), std::move(list));
  return std::nullopt;
}

// Parameters that are part of the route, or members of their own.
bool is_known(const model::Operation& operation, std::string_view name) {
  return std::any_of(operation.query.begin(), operation.query.end(),
                     [&](const model::QueryLiteral& literal) { return literal.name == name; }) ||
         std::any_of(operation.input->members.begin(), operation.input->members.end(), [&](const Member& member) {
           return member.location == Location::query && member.location_name == name;
         });
}

void read_query_map(const model::Operation& operation, const Member& member, const Parameters& parameters, Value& out) {
  const bool lists = member.shape->element.shape && member.shape->element.shape->kind == Kind::list;
  Map map;
  for (const auto& [name, text] : parameters) {
    if (is_known(operation, name)) continue;
    if (!lists) {
      if (!map.contains(name)) map.set(name, text);
      continue;
    }
    auto& list = map[name];
    if (list.is_null()) list = List();
    list.list().emplace_back(text);
  }
  if (!map.empty()) out.set(std::string(member.name), std::move(map));
}

// Control characters would end the header.
std::string header_safe(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; }, ' ');
  return text;
}

void write_header(const Member& member, const Value& value, HttpHeaders& headers) {
  const auto& shape = *member.shape;
  std::string text;
  if (member.location == Location::prefix_headers) {
    for (const auto& [key, element] : value.map())
      if (!element.is_null())
        headers.set(std::string(member.location_name) + header_safe(key), header_safe(element.string()));
    return;
  }
  if (shape.kind == Kind::list) {
    for (const auto& element : value.list()) {
      if (element.is_null()) continue;
      if (!text.empty()) text += ", ";
      std::string one;
      append_scalar(one, *shape.element.shape, element, TimestampFormat::http_date);
      const bool quote = shape.element.shape->kind == Kind::string && one.find_first_of(",\"") != std::string::npos;
      if (!quote) {
        text += one;
        continue;
      }
      text += '"';
      for (const char c : one) {
        if (c == '"' || c == '\\') text += '\\';
        text += c;
      }
      text += '"';
    }
    if (value.list().empty()) return;
  } else {
    append_scalar(text, shape, value, TimestampFormat::http_date);
  }
  headers.set(std::string(member.location_name), header_safe(std::move(text)));
}

std::string label_text(const Shape& shape, const Value& value) {
  std::string text;
  append_scalar(text, shape, value, TimestampFormat::date_time);
  return text;
}

void append_parameter(std::string& query, std::string_view name, std::string_view value) {
  if (!query.empty()) query += '&';
  query += percent_encode(name);
  query += '=';
  query += percent_encode(value);
}

}  // namespace

Problem read_request_bindings(const model::Header& service, const model::Operation& operation,
                              const HttpRequest& request, Value& out) {
  const auto labels = model::labels_of(operation, routed_path(service, request));
  for (const auto& [name, text] : labels) {
    const auto* member = operation.input->member(name);
    Value value;
    if (!member || !is_utf8(text) || !read_scalar(*member->shape, text, TimestampFormat::date_time, value))
      return Error{"SerializationException", "The path's " + std::string(name) + " is malformed."};
    out.set(std::string(name), std::move(value));
  }
  std::optional<Parameters> parameters;
  for (const auto& member : operation.input->members) {
    Problem problem;
    switch (member.location) {
      case Location::header:
        problem = read_header(member, request.headers, out);
        break;
      case Location::prefix_headers:
        read_prefix_headers(member, request.headers, out);
        break;
      case Location::query:
        if (!parameters) parameters = parse_query(request.query);
        problem = read_parameter(member, *parameters, out);
        break;
      case Location::query_map:
        if (!parameters) parameters = parse_query(request.query);
        read_query_map(operation, member, *parameters, out);
        break;
      default:
        break;
    }
    if (problem) return problem;
  }
  return std::nullopt;
}

Problem read_response_bindings(const model::Operation& operation, const HttpResponse& response, Value& out) {
  for (const auto& member : operation.output->members) {
    if (member.location == Location::header) {
      if (auto problem = read_header(member, response.headers, out)) return problem;
    } else if (member.location == Location::prefix_headers) {
      read_prefix_headers(member, response.headers, out);
    } else if (member.location == Location::status) {
      out.set(std::string(member.name), response.status);
    }
  }
  return std::nullopt;
}

void write_response_bindings(const model::Operation& operation, const Value& output, HttpResponse& response) {
  for (const auto& member : operation.output->members) {
    const auto& value = output[member.name];
    if (value.is_null()) continue;
    if (member.location == Location::header || member.location == Location::prefix_headers) {
      write_header(member, value, response.headers);
    } else if (member.location == Location::status) {
      response.status = static_cast<int>(value.integer());
    }
  }
}

Problem write_request_bindings(const model::Operation& operation, const Value& input, HttpRequest& request) {
  for (const auto& segment : operation.segments) {
    request.path += '/';
    if (!segment.is_label) {
      request.path += segment.text;
      continue;
    }
    const auto* member = operation.input->member(segment.text);
    const auto& value = input[segment.text];
    auto text = value.is_null() ? std::string() : label_text(*member->shape, value);
    if (text.empty()) return Error{"ValidationException", "The path needs " + segment.text + "."};
    request.path += percent_encode(text, segment.is_greedy);
  }
  if (operation.segments.empty() || operation.trailing_slash) request.path += '/';
  for (const auto& literal : operation.query) {
    if (literal.value.empty()) {
      request.query += (request.query.empty() ? "" : "&") + percent_encode(literal.name);
    } else {
      append_parameter(request.query, literal.name, literal.value);
    }
  }
  for (const auto& member : operation.input->members) {
    const auto& value = input[member.name];
    if (value.is_null()) continue;
    if (member.location == Location::header || member.location == Location::prefix_headers) {
      write_header(member, value, request.headers);
    } else if (member.location == Location::query) {
      if (member.shape->kind == Kind::list) {
        for (const auto& element : value.list())
          append_parameter(request.query, member.location_name, label_text(*member.shape->element.shape, element));
      } else {
        append_parameter(request.query, member.location_name, label_text(*member.shape, value));
      }
    } else if (member.location == Location::query_map) {
      for (const auto& [name, element] : value.map()) {
        if (element.is_list()) {
          for (const auto& one : element.list()) append_parameter(request.query, name, one.string());
        } else {
          append_parameter(request.query, name, element.string());
        }
      }
    }
  }
  return std::nullopt;
}

std::string_view payload_name(const Member& member) {
  return member.xml_name_given ? std::string_view(member.xml_name) : std::string_view(member.shape->xml_name);
}

}  // namespace moonbase::wire
