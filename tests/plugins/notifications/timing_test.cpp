#include <catch2/catch.hpp>

#include "timing/expression.hpp"
#include "timing/time_zone.hpp"

using namespace moonbase;
using namespace moonbase::notifications;
using Dialect = ScheduleExpression::Dialect;

namespace {

// "2027-01-01T00:00" of a Time; empty for none.
std::string text_of(std::optional<Time> time) { return time ? iso_8601(*time).substr(0, 16) : std::string(); }
Time time_of(const std::string& text) {
  const auto at = ScheduleExpression::parse("at(" + text + ":00)", Dialect::scheduler);
  return *at->next(Time{-1'000'000'000'000'000}, {}, false, nullptr);
}
// The first times after a moment.
std::string runs(const std::string& expression, const std::string& after, int count = 1, const char* zone = nullptr) {
  const auto parsed = ScheduleExpression::parse(expression, Dialect::scheduler);
  if (!parsed) return "not valid";
  const auto time_zone = zone ? TimeZone::find(zone) : nullptr;
  if (zone && !time_zone) return "no such zone";
  std::string all;
  auto at = time_of(after);
  for (int i = 0; i < count; ++i) {
    const auto next = parsed->next(at, time_of(after), false, time_zone.get());
    if (!next) return all + (all.empty() ? "never" : " never");
    all += (all.empty() ? "" : " ") + text_of(next);
    at = *next;
  }
  return all;
}
bool valid(const std::string& text, Dialect dialect = Dialect::rule) {
  return ScheduleExpression::parse(text, dialect).has_value();
}

}  // namespace

TEST_CASE("every feature of cron fires when AWS's does") {
  struct Row {
    const char* expression;
    const char* after;
    int count;
    const char* wanted;
  };
  const auto row = GENERATE(values<Row>({
      {"cron(0 10 * * ? *)", "2027-01-01T10:00", 1, "2027-01-02T10:00"},
      {"cron(15 12 * * ? *)", "2027-01-01T00:00", 1, "2027-01-01T12:15"},
      {"cron(0 18 ? * MON-FRI *)", "2027-01-01T18:00", 2, "2027-01-04T18:00 2027-01-05T18:00"},
      {"cron(0 8 1 * ? *)", "2027-01-01T08:00", 1, "2027-02-01T08:00"},
      {"cron(0/15 * * * ? *)", "2027-01-01T00:50", 3, "2027-01-01T01:00 2027-01-01T01:15 2027-01-01T01:30"},
      {"cron(0/10 * ? * MON-FRI *)", "2027-01-01T23:50", 1, "2027-01-04T00:00"},
      {"cron(0/5 8-17 ? * MON-FRI *)", "2027-01-04T17:54", 2, "2027-01-04T17:55 2027-01-05T08:00"},
      {"cron(5,10,50 1 * * ? *)", "2027-01-01T01:05", 2, "2027-01-01T01:10 2027-01-01T01:50"},
      {"cron(*/20 5 * * ? *)", "2027-01-01T05:00", 3, "2027-01-01T05:20 2027-01-01T05:40 2027-01-02T05:00"},
      {"cron(10-30/10 5 * * ? *)", "2027-01-01T05:10", 3, "2027-01-01T05:20 2027-01-01T05:30 2027-01-02T05:10"},
      // Names, numbers and ranges of days; 1 is Sunday.
      {"cron(0 0 ? * 1 *)", "2027-01-01T00:00", 1, "2027-01-03T00:00"},
      {"cron(0 0 ? * sun *)", "2027-01-01T00:00", 1, "2027-01-03T00:00"},
      {"cron(0 0 ? * FRI-MON *)", "2027-01-01T00:00", 3, "2027-01-02T00:00 2027-01-03T00:00 2027-01-04T00:00"},
      {"cron(0 0 1 JAN,JUL ? *)", "2027-01-01T00:00", 2, "2027-07-01T00:00 2028-01-01T00:00"},
      {"cron(0 0 1 NOV-FEB ? *)", "2027-01-02T00:00", 2, "2027-02-01T00:00 2027-11-01T00:00"},
      // The ends of months and weeks.
      {"cron(0 0 L * ? *)", "2027-01-31T00:00", 2, "2027-02-28T00:00 2027-03-31T00:00"},
      {"cron(0 0 L FEB ? *)", "2027-03-01T00:00", 1, "2028-02-29T00:00"},
      {"cron(0 0 L-3 * ? *)", "2027-01-01T00:00", 2, "2027-01-28T00:00 2027-02-25T00:00"},
      {"cron(0 0 ? * L *)", "2027-01-01T00:00", 1, "2027-01-02T00:00"},
      {"cron(0 0 ? * 6L *)", "2027-01-01T00:00", 2, "2027-01-29T00:00 2027-02-26T00:00"},
      {"cron(0 0 ? * FRIL *)", "2027-01-01T00:00", 1, "2027-01-29T00:00"},
      // The nearest working day: 2027-05-15 is a Saturday, 2027-08-15 a Sunday, 2027-05-01 a Saturday.
      {"cron(0 0 15W 5,8 ? *)", "2027-01-01T00:00", 2, "2027-05-14T00:00 2027-08-16T00:00"},
      {"cron(0 0 1W 5 ? *)", "2027-01-01T00:00", 1, "2027-05-03T00:00"},
      {"cron(0 0 31W 1,10 ? *)", "2027-01-01T00:00", 2, "2027-01-29T00:00 2027-10-29T00:00"},
      {"cron(0 0 LW * ? *)", "2027-01-01T00:00", 2, "2027-01-29T00:00 2027-02-26T00:00"},
      // The n-th weekday.
      {"cron(0 0 ? * 3#2 *)", "2027-01-01T00:00", 2, "2027-01-12T00:00 2027-02-09T00:00"},
      {"cron(0 0 ? * MON#5 *)", "2027-01-01T00:00", 2, "2027-03-29T00:00 2027-05-31T00:00"},
      {"cron(0 0 ? * 2#1,6#3 *)", "2027-01-01T00:00", 2, "2027-01-04T00:00 2027-01-15T00:00"},
      // Years, leap days, what never comes.
      {"cron(0 0 1 1 ? 2028,2030)", "2027-01-01T00:00", 3, "2028-01-01T00:00 2030-01-01T00:00 never"},
      {"cron(0 0 1 1 ? 2027/2)", "2027-01-01T00:00", 1, "2029-01-01T00:00"},
      {"cron(0 0 29 2 ? *)", "2027-01-01T00:00", 2, "2028-02-29T00:00 2032-02-29T00:00"},
      {"cron(0 0 30 2 ? *)", "2027-01-01T00:00", 1, "never"},
      {"cron(0 0 1 1 ? 2020)", "2027-01-01T00:00", 1, "never"},
      {"cron(59 23 31 12 ? 2199)", "2027-01-01T00:00", 2, "2199-12-31T23:59 never"},
      {"rate(5 minutes)", "2027-01-01T00:00", 2, "2027-01-01T00:05 2027-01-01T00:10"},
      {"rate(1 hour)", "2027-01-01T00:00", 2, "2027-01-01T01:00 2027-01-01T02:00"},
      {"rate(7 days)", "2027-01-01T00:00", 2, "2027-01-08T00:00 2027-01-15T00:00"},
      {"at(2027-03-01T12:30:00)", "2027-01-01T00:00", 2, "2027-03-01T12:30 never"},
      {"at(2027-01-01T00:00:00)", "2027-01-01T00:00", 1, "never"},
  }));
  INFO(row.expression);
  CHECK(runs(row.expression, row.after, row.count) == row.wanted);
}

TEST_CASE("expressions that are wrong are refused") {
  for (const char* text : {"",
                           "rate()",
                           "rate(0 minutes)",
                           "rate(-1 minutes)",
                           "rate(1 minutes)",
                           "rate(5 minute)",
                           "rate(5 seconds)",
                           "rate(5minutes)",
                           "rate(1.5 hours)",
                           "rate(5 minutes) ",
                           "every(5 minutes)",
                           "cron()",
                           "cron(0 12 * * ?)",
                           "cron(0 12 * * * *)",
                           "cron(0 12 ? * ? *)",
                           "cron(60 12 * * ? *)",
                           "cron(0 24 * * ? *)",
                           "cron(0 0 0 * ? *)",
                           "cron(0 0 32 * ? *)",
                           "cron(0 0 * 13 ? *)",
                           "cron(0 0 * FOO ? *)",
                           "cron(0 0 ? * 8 *)",
                           "cron(0 0 ? * 0 *)",
                           "cron(0 0 ? * 2#6 *)",
                           "cron(0 0 ? * 2#0 *)",
                           "cron(0 0 * * ? 1969)",
                           "cron(0 0 * * ? 2200)",
                           "cron(0/0 0 * * ? *)",
                           "cron(? 0 * * ? *)",
                           "cron(0 0 32W * ? *)",
                           "cron(0 0 L-40 * ? *)",
                           "cron(1,,2 0 * * ? *)",
                           "cron(L 0 * * ? *)",
                           "cron(2#1 0 * * ? *)",
                           "at(2027-01-01T00:00:00)"}) {
    INFO(text);
    CHECK_FALSE(valid(text));
  }
  for (const char* text : {"at(2027-01-01)", "at(2027-02-30T00:00:00)", "at(2027-01-01T24:00:00)",
                           "at(2027-01-01 00:00:00)", "at(2027-1-1T0:0:0)"}) {
    INFO(text);
    CHECK_FALSE(valid(text, Dialect::scheduler));
  }
  CHECK(valid("rate(1 minute)"));
  CHECK(valid("rate(1 minutes)", Dialect::scheduler));
}

TEST_CASE("a time zone's clocks decide, also where they change") {
  // New York skips 2027-03-14 02:00 to 03:00 and repeats 2027-11-07 01:00 to 02:00.
  CHECK(runs("cron(0 9 * * ? *)", "2027-03-13T00:00", 2, "America/New_York") == "2027-03-13T14:00 2027-03-14T13:00");
  CHECK(runs("cron(30 2 * * ? *)", "2027-03-13T08:00", 1, "America/New_York") == "2027-03-15T06:30");
  CHECK(runs("cron(30 1 * * ? *)", "2027-11-06T12:00", 2, "America/New_York") == "2027-11-07T05:30 2027-11-08T06:30");
  CHECK(runs("cron(0/30 * * * ? *)", "2027-11-07T05:29", 3, "America/New_York") ==
        "2027-11-07T05:30 2027-11-07T07:00 2027-11-07T07:30");
  CHECK(runs("cron(0 12 * * ? *)", "2027-06-30T12:00", 1, "Europe/Berlin") == "2027-07-01T10:00");
  CHECK(runs("cron(0 12 * * ? *)", "2027-01-01T00:00", 1, "Asia/Kolkata") == "2027-01-01T06:30");
  CHECK(runs("at(2027-07-01T00:00:00)", "2027-01-01T00:00", 1, "Australia/Lord_Howe") == "2027-06-30T13:30");
  // Behind the last change that the file names.
  CHECK(runs("cron(0 12 1 7 ? *)", "2080-01-01T00:00", 1, "Europe/Berlin") == "2080-07-01T10:00");
  CHECK(runs("cron(0 12 1 1 ? *)", "2080-06-01T00:00", 1, "Australia/Sydney") == "2081-01-01T01:00");
  CHECK(runs("cron(0 12 * * ? *)", "2080-01-01T00:00", 1, "America/Sao_Paulo") == "2080-01-01T15:00");
}

TEST_CASE("only names of zones are looked up") {
  for (const char* name : {"", "Mars/Olympus", "../../../etc/passwd", "/etc/passwd", "Europe/../Europe/Berlin",
                           "Europe/Berlin\n", "Europe", "tzdata.zi"}) {
    INFO(name);
    CHECK_FALSE(TimeZone::find(name));
  }
  CHECK(TimeZone::find("UTC"));
  CHECK(TimeZone::find("Etc/GMT+5")->offset_at(0) == -5 * 3600);
  CHECK_FALSE(TimeZone::parse("TZif2"));
  CHECK_FALSE(TimeZone::parse(std::string("TZif2") + std::string(200, '\xff')));
}
