#include "timing/time_zone.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>

namespace moonbase::notifications {
namespace {

constexpr std::size_t file_bytes_max = 256 * 1024;
constexpr std::size_t transitions_max = 10'000;
constexpr std::size_t header_bytes = 44;
constexpr std::int64_t day_seconds = 86400;

// Big-endian numbers, one after the other. Past the end everything is 0 and is_good() false.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  std::int64_t number(std::size_t width) {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < width; ++i) number = number << 8 | byte();
    if (width == 4) return static_cast<std::int32_t>(number);
    return static_cast<std::int64_t>(number);
  }
  std::uint8_t byte() {
    if (at_ >= bytes_.size()) {
      good_ = false;
      return 0;
    }
    return static_cast<std::uint8_t>(bytes_[at_++]);
  }
  void skip(std::size_t count) {
    if (count > bytes_.size() - at_) good_ = false;
    at_ = std::min(bytes_.size(), at_ + count);
  }
  bool is_good() const { return good_; }
  std::string_view rest() const { return bytes_.substr(at_); }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
  bool good_ = true;
};

struct Header {
  std::size_t ut, standard, leaps, times, types, chars;
  // What follows it, with times of this width.
  std::size_t body_bytes(std::size_t width) const {
    return times * width + times + types * 6 + chars + leaps * (width + 4) + standard + ut;
  }
};

std::optional<Header> read_header(Bytes& bytes) {
  if (!bytes.rest().starts_with("TZif")) return std::nullopt;
  bytes.skip(20);
  const auto count = [&] { return static_cast<std::size_t>(static_cast<std::uint32_t>(bytes.number(4))); };
  Header header{};
  for (auto* field : {&header.ut, &header.standard, &header.leaps, &header.times, &header.types, &header.chars})
    *field = count();
  const bool is_sane = bytes.is_good() && header.times <= transitions_max && header.types >= 1 && header.types <= 256 &&
                       header.chars <= 4096 && header.leaps <= 4096 && header.ut <= 256 && header.standard <= 256;
  return is_sane ? std::optional(header) : std::nullopt;
}

// A POSIX TZ string's parts.
class RuleText {
 public:
  explicit RuleText(std::string_view text) : text_(text) {}
  bool take(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool skip_name() {
    const auto end =
        take('<') ? text_.find('>') : text_.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    if (end == 0) return false;
    text_.remove_prefix(std::min(end, text_.size()));
    take('>');
    return true;
  }
  std::optional<int> number() {
    int number = 0;
    std::size_t digits = 0;
    while (digits < text_.size() && digits < 4 && text_[digits] >= '0' && text_[digits] <= '9')
      number = number * 10 + (text_[digits++] - '0');
    if (digits == 0) return std::nullopt;
    text_.remove_prefix(digits);
    return number;
  }
  // "-5", "5:30", "+1:00:00" in seconds.
  std::optional<std::int64_t> time() {
    const bool is_negative = take('-');
    if (!is_negative) take('+');
    const auto hours = number();
    if (!hours) return std::nullopt;
    std::int64_t seconds = *hours * 3600;
    for (const int unit : {60, 1}) {
      if (!take(':')) break;
      const auto part = number();
      if (!part) return std::nullopt;
      seconds += *part * unit;
    }
    return is_negative ? -seconds : seconds;
  }
  std::optional<TimeZone::Change> change() {
    TimeZone::Change change;
    using Kind = TimeZone::Change::Kind;
    if (take('M')) {
      change.kind = Kind::month_week_day;
      for (auto* field : {&change.month, &change.week, &change.day}) {
        if (field != &change.month && !take('.')) return std::nullopt;
        const auto read = number();
        if (!read) return std::nullopt;
        *field = *read;
      }
      if (change.month < 1 || change.month > 12 || change.week < 1 || change.week > 5 || change.day > 6)
        return std::nullopt;
    } else {
      change.kind = take('J') ? Kind::day_without_leap : Kind::day;
      const auto read = number();
      if (!read || *read > 366) return std::nullopt;
      change.day = *read;
    }
    if (take('/')) {
      const auto at = time();
      if (!at) return std::nullopt;
      change.at = *at;
    }
    return change;
  }
  bool is_empty() const { return text_.empty(); }

 private:
  std::string_view text_;
};

// The local second of a year at which clocks change.
std::int64_t change_in(const TimeZone::Change& change, int year) {
  using namespace std::chrono;
  using Kind = TimeZone::Change::Kind;
  const std::chrono::year y{year};
  sys_days date;
  if (change.kind == Kind::month_week_day) {
    const weekday wanted{static_cast<unsigned>(change.day)};
    const month m{static_cast<unsigned>(change.month)};
    date = change.week == 5 ? sys_days(year_month_weekday_last(y, m, weekday_last(wanted)))
                            : sys_days(year_month_weekday(y, m, wanted[static_cast<unsigned>(change.week)]));
  } else {
    date = sys_days(y / January / 1);
    int days = change.day;
    if (change.kind == Kind::day_without_leap) {
      days -= 1;
      if (y.is_leap() && change.day >= 60) ++days;
    }
    date += std::chrono::days(days);
  }
  return static_cast<std::int64_t>(date.time_since_epoch().count()) * day_seconds + change.at;
}

int year_of(std::int64_t seconds) {
  using namespace std::chrono;
  const auto days_since = std::chrono::days(seconds >= 0 ? seconds / day_seconds : -((-seconds - 1) / day_seconds) - 1);
  return static_cast<int>(year_month_day(sys_days(days_since)).year());
}

}  // namespace

std::shared_ptr<const TimeZone> TimeZone::find(std::string_view name) {
  if (name.empty() || name.size() > 50 || name.front() == '/' || name.find("..") != std::string_view::npos)
    return nullptr;
  const bool is_legal = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '_' ||
           c == '+' || c == '-';
  });
  if (!is_legal) return nullptr;
  std::ifstream file("/usr/share/zoneinfo/" + std::string(name), std::ios::binary);
  if (!file) return nullptr;
  std::string bytes(file_bytes_max, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return parse(bytes);
}

std::shared_ptr<const TimeZone> TimeZone::parse(std::string_view text) {
  // The first part has 32-bit times, for old readers; the second is what counts.
  Bytes bytes(text);
  const auto old = read_header(bytes);
  if (!old || text.size() < header_bytes || text[4] < '2') return nullptr;
  bytes.skip(old->body_bytes(4));
  const auto header = read_header(bytes);
  if (!header) return nullptr;

  auto zone = std::make_shared<TimeZone>();
  std::vector<std::int64_t> times(header->times);
  for (auto& time : times) time = bytes.number(8);
  std::vector<std::uint8_t> type_of(header->times);
  for (auto& type : type_of) type = bytes.byte();
  std::vector<std::int64_t> offsets(header->types);
  for (auto& offset : offsets) {
    offset = bytes.number(4);
    bytes.skip(2);
  }
  bytes.skip(header->chars + header->leaps * 12 + header->standard + header->ut);
  if (!bytes.is_good() || !std::is_sorted(times.begin(), times.end())) return nullptr;
  for (const auto offset : offsets)
    if (offset < -day_seconds || offset > day_seconds) return nullptr;
  zone->first_offset_ = offsets.front();
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (type_of[i] >= offsets.size()) return nullptr;
    zone->transitions_.push_back({times[i], offsets[type_of[i]]});
  }
  auto footer = bytes.rest();
  if (footer.starts_with('\n')) {
    footer.remove_prefix(1);
    zone->rule_ = parse_rule(footer.substr(0, footer.find('\n')));
  }
  return zone;
}

std::optional<TimeZone::Rule> TimeZone::parse_rule(std::string_view text) {
  RuleText rest(text);
  Rule rule;
  if (!rest.skip_name()) return std::nullopt;
  const auto standard = rest.time();
  if (!standard) return std::nullopt;
  rule.standard = -*standard;  // POSIX counts westwards.
  if (rest.is_empty()) return rule;
  if (!rest.skip_name()) return std::nullopt;
  rule.has_summer = true;
  rule.summer = rule.standard + 3600;
  if (!rest.take(',')) {
    const auto summer = rest.time();
    if (!summer || !rest.take(',')) return std::nullopt;
    rule.summer = -*summer;
  }
  const auto begins = rest.change();
  if (!begins || !rest.take(',')) return std::nullopt;
  const auto ends = rest.change();
  if (!ends || !rest.is_empty()) return std::nullopt;
  rule.begins = *begins;
  rule.ends = *ends;
  return rule;
}

std::int64_t TimeZone::offset_by_rule(std::int64_t utc) const {
  if (!rule_->has_summer) return rule_->standard;
  const int year = year_of(utc + rule_->standard);
  const auto begins = change_in(rule_->begins, year) - rule_->standard;
  const auto ends = change_in(rule_->ends, year) - rule_->summer;
  const bool is_summer = begins < ends ? utc >= begins && utc < ends : utc >= begins || utc < ends;
  return is_summer ? rule_->summer : rule_->standard;
}

std::int64_t TimeZone::offset_at(std::int64_t utc) const {
  const auto after = std::upper_bound(transitions_.begin(), transitions_.end(), utc,
                                      [](std::int64_t at, const Transition& each) { return at < each.at; });
  if (after == transitions_.end() && rule_) return offset_by_rule(utc);
  return after == transitions_.begin() ? first_offset_ : std::prev(after)->offset;
}

std::optional<std::int64_t> TimeZone::to_utc(std::int64_t local) const {
  // Offsets a day before and after are those on both sides of whatever change is near.
  const auto earlier = local - offset_at(local - day_seconds), later = local - offset_at(local + day_seconds);
  for (const auto utc : {std::min(earlier, later), std::max(earlier, later)})
    if (to_local(utc) == local) return utc;
  return std::nullopt;
}

}  // namespace moonbase::notifications
