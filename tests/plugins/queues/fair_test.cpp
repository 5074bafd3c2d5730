// Fair queues: MessageGroupId in standard queues.
#include <catch2/catch.hpp>
#include <set>

#include "support.hpp"

using namespace moonbase;
using namespace moonbase::sqs::testing;

namespace {

struct FairPlatform : Platform {
  using Platform::Platform;
  void put(const std::string& tenant, int count, const std::string& body = "") {
    for (int i = 0; i < count; ++i)
      send(body.empty() ? tenant : body, tenant.empty() ? Map{} : Map{{"MessageGroupId", tenant}});
  }
  // Receives this many, ten at a time, and leaves them in flight.
  List take(int count, Map more = {}) {
    List all;
    for (int i = 0; i < count; i += 10)
      for (auto& message : receive(more)) all.push_back(std::move(message));
    return all;
  }
};

}  // namespace

TEST_CASE("a tenant with too many messages in flight does not starve the others") {
  FairPlatform platform;
  platform.put("noisy", 100);
  for (const auto* quiet : {"b", "c", "d"}) platform.put(quiet, 2);
  platform.put("", 2, "alone");
  CHECK(platform.take(30).size() == 30);  // The first of them, whoever they are from.
  const auto next = platform.bodies();
  CHECK(std::multiset<std::string>(next.begin(), next.end()) ==
        std::multiset<std::string>{"b", "b", "c", "c", "d", "d", "alone", "alone", "noisy", "noisy"});
  // Where the others have nothing, the noisy one is served.
  CHECK(platform.bodies() == Texts(10, "noisy"));
  platform.put("b", 1);
  CHECK(platform.bodies({{"MaxNumberOfMessages", 1}}) == Texts{"b"});
}

TEST_CASE("who is not noisy is served in order of time") {
  FairPlatform platform;
  platform.put("a", 40);
  platform.put("b", 1);
  CHECK(platform.take(20).size() == 20);  // Fewer than 30 in flight.
  CHECK(platform.bodies() == Texts(10, "a"));

  // A tenth of what is in flight is no more than a fair share.
  FairPlatform shared;
  for (int i = 0; i < 10; ++i) shared.put("t" + std::to_string(i), 30);
  shared.put("t0", 10, "early");
  shared.put("t1", 1, "late");
  CHECK(shared.take(300).size() == 300);
  CHECK(shared.bodies() == Texts(10, "early"));
}

TEST_CASE("a tenant is quiet again when its messages are done with") {
  FairPlatform platform;
  platform.put("a", 60);
  platform.put("b", 10);
  const auto held = platform.take(30);
  CHECK(platform.bodies({{"MaxNumberOfMessages", 1}}) == Texts{"b"});
  for (const auto& message : held) platform.remove(message);
  platform.clock.advance_ms(2 * second);
  CHECK(platform.bodies({{"MaxNumberOfMessages", 1}}) == Texts{"a"});
}

TEST_CASE("quiet tenants take turns") {
  FairPlatform platform;
  platform.put("noisy", 50);
  CHECK(platform.take(40).size() == 40);
  for (const auto* quiet : {"x", "y", "z"}) platform.put(quiet, 3);
  Texts order;
  for (int i = 0; i < 9; ++i)
    for (auto& body : platform.bodies({{"MaxNumberOfMessages", 1}})) order.push_back(body);
  CHECK(order == Texts{"x", "y", "z", "x", "y", "z", "x", "y", "z"});
}

TEST_CASE("a fair queue delays, hides, hands out once and restarts like any other") {
  FairPlatform platform;
  platform.put("noisy", 50);
  CHECK(platform.take(40).size() == 40);
  platform.send("later", {{"MessageGroupId", "b"}, {"DelaySeconds", 10}});
  CHECK(platform.bodies({{"MaxNumberOfMessages", 1}}) == Texts{"noisy"});
  platform.clock.advance_ms(10 * second);
  CHECK(platform.bodies({{"MaxNumberOfMessages", 2}}) == Texts{"later", "noisy"});
  CHECK(platform.bodies({{"VisibilityTimeout", 0}}).size() == 8);  // Each once, though visible at once.
  const auto all = platform.attribute("ApproximateNumberOfMessages");
  CHECK(all.string() == "8");
  platform.restart();
  platform.put("c", 1);
  const auto seen = platform.take(20);
  REQUIRE(seen.size() == 9);
  CHECK(seen[8]["Attributes"]["MessageGroupId"].string() == "c");
}

TEST_CASE("messages of a fair queue keep their group on the way to a dead letter queue and back") {
  FairPlatform platform;
  const auto dead = platform.create("dead");
  platform.on("SetQueueAttributes", {{"Attributes", Map{{"RedrivePolicy", Platform::redrive("dead", 1)}}}});
  platform.put("a", 1);
  CHECK(platform.bodies({{"VisibilityTimeout", 0}}) == Texts{"a"});
  CHECK(platform.bodies().empty());
  const auto letters = platform.receive({{"QueueUrl", dead}, {"VisibilityTimeout", 0}});
  REQUIRE(letters.size() == 1);
  CHECK(letters[0]["Attributes"]["MessageGroupId"].string() == "a");
  platform.call("StartMessageMoveTask", {{"SourceArn", Platform::arn("dead")}});
  platform.clock.advance_ms(0);
  const auto back = platform.receive();
  REQUIRE(back.size() == 1);
  CHECK(back[0]["Attributes"]["MessageGroupId"].string() == "a");
}
