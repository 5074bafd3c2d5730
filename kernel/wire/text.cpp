#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>
#include <moonbase/clock.hpp>
#include <moonbase/hash.hpp>
#include <wire/text.hpp>

namespace moonbase::wire {
namespace {

using model::Kind;

// Reads off the front of a text; any misfit makes it bad for good.
struct Scanner {
  std::string_view rest;
  bool good = true;

  int digits(std::size_t count) {
    int number = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (i >= rest.size() || rest[i] < '0' || rest[i] > '9') {
        good = false;
        return 0;
      }
      number = number * 10 + (rest[i] - '0');
    }
    rest.remove_prefix(count);
    return number;
  }
  bool take(std::string_view text) {
    if (!rest.starts_with(text)) return false;
    rest.remove_prefix(text.size());
    return true;
  }
  void expect(std::string_view text) { good = take(text) && good; }
};

std::optional<std::int64_t> moment(int year, int month, int day, int hour, int minute, int second, int ms) {
  namespace chrono = std::chrono;
  const chrono::year_month_day date{chrono::year(year), chrono::month(static_cast<unsigned>(month)),
                                    chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const auto days = chrono::sys_days(date).time_since_epoch().count();
  return ((std::int64_t{days} * 24 + hour) * 60 + minute) * 60'000 + std::int64_t{second} * 1000 + ms;
}

std::optional<std::int64_t> parse_date_time(std::string_view text) {
  Scanner in{text};
  const int year = in.digits(4);
  in.expect("-");
  const int month = in.digits(2);
  in.expect("-");
  const int day = in.digits(2);
  if (in.good && in.rest.empty()) return moment(year, month, day, 0, 0, 0, 0);  // A date alone: its midnight.
  if (!in.take("T") && !in.take("t")) in.expect(" ");
  const int hour = in.digits(2);
  in.expect(":");
  const int minute = in.digits(2);
  int second = 0;
  int ms = 0;
  if (in.take(":")) {
    second = in.digits(2);
    if (in.take(".")) {
      int scale = 100;
      std::size_t count = 0;
      for (; !in.rest.empty() && in.rest[0] >= '0' && in.rest[0] <= '9'; ++count, scale /= 10)
        ms += in.digits(1) * scale;  // Digits beyond milliseconds count nothing.
      in.good = in.good && count > 0;
    }
  }
  int offset_minutes = 0;
  if (!in.take("Z") && !in.take("z")) {
    const int sign = in.take("-") ? -1 : 1;
    if (sign > 0) in.expect("+");
    const int hours = in.digits(2);
    in.take(":");
    const int minutes = in.digits(2);
    in.good = in.good && hours < 24 && minutes < 60;
    offset_minutes = sign * (hours * 60 + minutes);
  }
  if (!in.good || !in.rest.empty()) return std::nullopt;
  const auto local = moment(year, month, day, hour, minute, second, ms);
  if (!local) return std::nullopt;
  return *local - std::int64_t{offset_minutes} * 60'000;
}

// "Sat, 21 Nov 2026 10:00:00 GMT", the form that RFC 9110 has everyone send.
std::optional<std::int64_t> parse_http_date(std::string_view text) {
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const auto comma = text.find(", ");
  if (comma == std::string_view::npos) return std::nullopt;
  Scanner in{text.substr(comma + 2)};
  const int day = in.digits(2);
  if (!in.take(" ")) in.expect("-");
  const auto month = in.rest.size() < 3 ? std::string_view::npos : months.find(in.rest.substr(0, 3));
  if (month == std::string_view::npos || month % 3 != 0) return std::nullopt;
  in.rest.remove_prefix(3);
  if (!in.take(" ")) in.expect("-");
  const int year = in.digits(4);
  in.expect(" ");
  const int hour = in.digits(2);
  in.expect(":");
  const int minute = in.digits(2);
  in.expect(":");
  const int second = in.digits(2);
  int ms = 0;
  if (in.take(".")) ms = in.digits(3);
  if (!in.take(" GMT")) in.expect(" UTC");
  if (!in.good || !in.rest.empty()) return std::nullopt;
  return moment(year, static_cast<int>(month / 3) + 1, day, hour, minute, second, ms);
}

std::optional<std::int64_t> parse_epoch(std::string_view text) {
  const auto seconds = parse_number(text);
  constexpr double seconds_max = 9e15;
  if (!seconds || !(std::abs(*seconds) < seconds_max)) return std::nullopt;
  return std::llround(*seconds * 1000);
}

// The length of the valid UTF-8 sequence at the front, or 0.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return text.empty() ? 0 : 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool bad = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f);
    return follows(1) && follows(2) && !bad ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool bad = (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f);
    return follows(1) && follows(2) && follows(3) && !bad ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::optional<std::int64_t> parse_timestamp(std::string_view text, TimestampFormat format) {
  switch (format) {
    case TimestampFormat::date_time:
      return parse_date_time(text);
    case TimestampFormat::http_date:
      return parse_http_date(text);
    default:
      return parse_epoch(text);
  }
}

void append_timestamp(std::string& out, std::int64_t ms, TimestampFormat format) {
  if (format == TimestampFormat::date_time) {
    out += iso_8601({ms});
  } else if (format == TimestampFormat::http_date) {
    out += http_date({ms});
  } else {
    const bool negative = ms < 0;
    const auto distance = negative ? 0 - static_cast<std::uint64_t>(ms) : static_cast<std::uint64_t>(ms);
    if (negative) out += '-';
    append_integer(out, static_cast<std::int64_t>(distance / 1000));
    if (const auto rest = distance % 1000; rest != 0) {
      out += {'.', static_cast<char>('0' + rest / 100), static_cast<char>('0' + rest / 10 % 10),
              static_cast<char>('0' + rest % 10)};
    }
  }
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t integer = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), integer);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return integer;
}

std::optional<double> parse_number(std::string_view text) {
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  if (text.starts_with('+')) text.remove_prefix(1);
  // from_chars would take "nan" and "inf" in any spelling.
  if (text.empty() || text.find_first_not_of("+-.0123456789eE") != std::string_view::npos) return std::nullopt;
  double number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

void append_integer(std::string& out, std::int64_t integer) {
  std::array<char, 24> digits{};
  const auto [end, problem] = std::to_chars(digits.data(), digits.data() + digits.size(), integer);
  out.append(digits.data(), end);
}

void append_number(std::string& out, double number) {
  if (std::isnan(number)) {
    out += "NaN";
  } else if (std::isinf(number)) {
    out += number > 0 ? "Infinity" : "-Infinity";
  } else {
    std::array<char, 32> text{};
    const auto [end, problem] = std::to_chars(text.data(), text.data() + text.size(), number);
    const std::string_view digits(text.data(), static_cast<std::size_t>(end - text.data()));
    out += digits;
    if (digits.find_first_of(".e") == std::string_view::npos) out += ".0";
  }
}

bool read_scalar(const model::Shape& shape, std::string_view text, TimestampFormat format, Value& out) {
  switch (shape.kind) {
    case Kind::string:
      out = text;
      return true;
    case Kind::integer:
    case Kind::long_integer: {
      const auto integer = parse_integer(text);
      if (!integer) return false;
      out = *integer;
      return true;
    }
    case Kind::number:
    case Kind::float_number:
    case Kind::double_number: {
      if (shape.kind == Kind::number) {
        if (const auto integer = parse_integer(text)) {
          out = *integer;
          return true;
        }
      }
      const auto number = parse_number(text);
      if (!number) return false;
      out = *number;
      return true;
    }
    case Kind::boolean:
      if (text != "true" && text != "false" && text != "True" && text != "False") return false;
      out = text == "true" || text == "True";
      return true;
    case Kind::blob: {
      auto bytes = from_base64(text);
      if (!bytes) return false;
      out = std::move(*bytes);
      return true;
    }
    case Kind::timestamp: {
      const auto wanted = shape.timestamp_format == TimestampFormat::of_protocol ? format : shape.timestamp_format;
      const auto ms = parse_timestamp(text, wanted);
      if (!ms) return false;
      out = *ms;
      return true;
    }
    default:
      return false;
  }
}

void append_scalar(std::string& out, const model::Shape& shape, const Value& value, TimestampFormat format) {
  switch (shape.kind) {
    case Kind::string:
      out += value.string();
      return;
    case Kind::integer:
    case Kind::long_integer:
      append_integer(out, value.integer());
      return;
    case Kind::number:
      if (value.is_integer()) return append_integer(out, value.integer());
      return append_number(out, value.number());
    case Kind::float_number:
    case Kind::double_number:
      append_number(out, value.number());
      return;
    case Kind::boolean:
      out += value.boolean() ? "true" : "false";
      return;
    case Kind::blob:
      out += base64(value.string());
      return;
    case Kind::timestamp:
      append_timestamp(out, value.integer(),
                       shape.timestamp_format == TimestampFormat::of_protocol ? format : shape.timestamp_format);
      return;
    default:
      return;
  }
}

std::string_view type_name(Kind kind) {
  switch (kind) {
    case Kind::string:
      return "String";
    case Kind::integer:
      return "Integer";
    case Kind::long_integer:
      return "Long";
    case Kind::float_number:
      return "Float";
    case Kind::number:
    case Kind::double_number:
      return "Double";
    case Kind::boolean:
      return "Boolean";
    case Kind::blob:
      return "Blob";
    case Kind::timestamp:
      return "Timestamp";
    case Kind::document:
      return "Document";
    case Kind::list:
      return "List";
    case Kind::map:
      return "Map";
    default:
      return "Structure";
  }
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void append_xml_text(std::string& out, std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c >= 0x80) {
      const auto length = utf8_length(text.substr(at));
      if (length == 0) {
        out += "\xef\xbf\xbd";
        ++at;
      } else {
        out.append(text, at, length);
        at += length;
      }
      continue;
    }
    ++at;
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        if (c >= 0x20 || c == '\n' || c == '\t') {
          out += static_cast<char>(c);
        } else {
          // XML 1.0 knows no other control characters; AWS writes them like this all the same.
          constexpr std::string_view digits = "0123456789abcdef";
          out += "&#x";
          if (c >= 16) out += '1';
          out += digits[c & 15];
          out += ';';
        }
    }
  }
}

}  // namespace moonbase::wire
