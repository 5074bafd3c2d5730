#include "dynamodb/partiql.hpp"

#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using namespace moonbase::dynamodb;
using namespace moonbase::dynamodb::testing;

namespace {

struct Orders : Platform {
  Orders() : Platform(table_input("orders", {"pk:S", "sk:N"})) {}

  static Map request(const std::string& statement, List parameters = {}, Map more = {}) {
    more.set("Statement", statement);
    if (!parameters.empty()) more.set("Parameters", std::move(parameters));
    return more;
  }
  Value run(const std::string& statement, List parameters = {}, Map more = {}) {
    return call("ExecuteStatement", request(statement, std::move(parameters), std::move(more)));
  }
  Error refused(const std::string& statement, List parameters = {}) {
    return error("ExecuteStatement", request(statement, std::move(parameters)));
  }
  Value item(const std::string& pk, const std::string& sk) { return get("orders", {{"pk", s(pk)}, {"sk", n(sk)}}); }
};

std::string malformed(const std::string& text, const Value& parameters = {}) {
  const auto parsed = parse_statement(text, parameters);
  return parsed ? "" : parsed.error().message;
}

}  // namespace

TEST_CASE("a statement becomes expressions with placeholders for all it names") {
  const auto parsed = parse_statement(
      "SELECT a, \"b c\".d[1] FROM \"Orders\".\"by-state\" WHERE ((pk = 'it''s')) AND (n >= -1.5 OR tags IS MISSING) "
      "AND "
      "NOT begins_with(x, ?) AND y IN ['1', true] AND z BETWEEN 1 AND 2 ORDER BY sk DESC",
      List{s("p")});
  REQUIRE(parsed);
  CHECK(parsed->table == "Orders");
  CHECK(parsed->index == "by-state");
  CHECK(parsed->projection == "#n0, #n1.#n2[1]");
  CHECK(parsed->where ==
        "( #n3 = :v0 ) AND ( #n4 >= :v1 OR attribute_not_exists(#n5) ) AND NOT begins_with(#n6, :v2) AND #n7 IN (:v3, "
        ":v4) AND #n8 BETWEEN :v5 AND :v6");
  CHECK(*parsed->names.find("#n1") == Value("b c"));
  CHECK(*parsed->values.find(":v0") == s("it's"));
  CHECK(*parsed->values.find(":v1") == n("-1.5"));
  CHECK(*parsed->values.find(":v2") == s("p"));
  CHECK(parsed->order_by == "sk");
  CHECK(parsed->descending);
}

TEST_CASE("what is no statement is refused") {
  const std::string wrong = "Statement wasn't well formed, can't be processed: ";
  CHECK(malformed("") == wrong + "Unexpected token: ");
  CHECK(malformed("SELEC * FROM t") == wrong + "Unexpected token: SELEC");
  CHECK(malformed("SELECT * FROM") == wrong + "Expected identifier, found: ");
  CHECK(malformed("SELECT * FROM t WHERE a = 'x") == wrong + "a quote is not closed");
  CHECK(malformed("INSERT INTO t VALUE {'a': 1") == wrong + "Expected '}', found: ");
  CHECK(malformed("UPDATE t SET a = 1") == wrong + "Expected WHERE, found: ");
  CHECK(malformed("SELECT * FROM t extra") == wrong + "Unexpected token: extra");
  CHECK(malformed("SELECT * FROM t WHERE a = ?") == "Number of parameters in request and statement don't match.");
  CHECK(malformed("SELECT * FROM t WHERE a = ?", List{s("x"), s("y")}) ==
        "Number of parameters in request and statement don't match.");
  CHECK(malformed("SELECT * FROM t WHERE a = <<1, 1>>") == "Input collection contains duplicates");
  CHECK(malformed("SELECT * FROM t WHERE a = " + std::string(4000, '[')).find("Nesting") != std::string::npos);
  CHECK(malformed("SELECT * FROM t WHERE " + std::string(8000, '(')) == "");  // The expression refuses it.
}

TEST_CASE("statements insert, read, update and delete") {
  Orders orders;
  orders.run(
      "INSERT INTO \"orders\" VALUE {'pk': 'a', 'sk': 1, 'total': 12.50, 'tags': <<'new'>>, 'm': {'l': [1, null]}}");
  orders.run("INSERT INTO orders VALUE {'pk': ?, 'sk': ?, 'state': 'SENT'}", {s("a"), n("2")});
  orders.run("INSERT INTO orders VALUE {'pk': 'b', 'sk': 1}");
  CHECK(orders.item("a", "1")["total"] == n("12.5"));
  const auto twice = orders.refused("INSERT INTO orders VALUE {'pk': 'a', 'sk': 1}");
  CHECK(twice.code == "DuplicateItemException");
  CHECK(twice.message == "Duplicate primary key exists in table");

  CHECK(orders.run("SELECT * FROM orders")["Items"].list().size() == 3);
  CHECK(orders.run("SELECT sk FROM orders WHERE pk = 'a' ORDER BY sk DESC")["Items"] ==
        Value(List{Map{{"sk", n("2")}}, Map{{"sk", n("1")}}}));
  CHECK(orders.run("SELECT * FROM orders WHERE pk = 'a' AND sk > 1 AND state = 'SENT'")["Items"].list().size() == 1);
  CHECK(orders.run("SELECT * FROM orders WHERE state IS NOT MISSING OR pk = 'b'")["Items"].list().size() == 2);

  const auto updated = orders.run(
      "UPDATE orders SET total = total + 1 SET tags = set_add(tags, <<'paid'>>), m.l = list_append(m.l, [2]) REMOVE "
      "m.x "
      "WHERE pk = 'a' AND sk = 1 AND total < 20 RETURNING ALL NEW *");
  CHECK(updated["Items"][0]["total"] == n("13.5"));
  CHECK(updated["Items"][0]["tags"] == Value(Map{{"SS", List{"new", "paid"}}}));
  CHECK(updated["Items"][0]["m"]["M"]["l"]["L"].list().size() == 3);
  CHECK(orders.refused("UPDATE orders SET x = 1 WHERE pk = 'a' AND sk = 9").code == "ConditionalCheckFailedException");
  CHECK(orders.item("a", "9").is_null());
  CHECK(orders.refused("UPDATE orders SET x = 1 WHERE pk = 'a'").message ==
        "Where clause does not contain a mandatory equality on all key attributes");

  const auto deleted = orders.run("DELETE FROM orders WHERE pk = ? AND sk = 2 RETURNING ALL OLD *", {s("a")});
  CHECK(deleted["Items"][0]["state"] == s("SENT"));
  CHECK(orders.item("a", "2").is_null());
  CHECK(orders.refused("SELECT * FROM absent").code == "ResourceNotFoundException");
}

TEST_CASE("a select goes on from its token") {
  Orders orders;
  for (int i = 0; i < 5; ++i) orders.put("orders", {{"pk", s("a")}, {"sk", n(std::to_string(i))}});
  const auto first = orders.run("SELECT * FROM orders WHERE pk = 'a'", {}, {{"Limit", 3}});
  CHECK(first["Items"].list().size() == 3);
  const auto second = orders.run("SELECT * FROM orders WHERE pk = 'a'", {}, {{"NextToken", first["NextToken"]}});
  CHECK(second["Items"].list().size() == 2);
  CHECK(second["NextToken"].is_null());
}

TEST_CASE("batches answer each statement, transactions all or none") {
  Orders orders;
  orders.put("orders", {{"pk", s("a")}, {"sk", n("1")}, {"stock", n("1")}});
  const auto batch = orders.call(
      "BatchExecuteStatement",
      {{"Statements", List{Orders::request("SELECT * FROM orders WHERE pk = 'a' AND sk = 1"),
                           Orders::request("INSERT INTO orders VALUE {'pk': 'a', 'sk': 1}"),
                           Orders::request("SELECT * FROM orders WHERE pk = 'a'"), Orders::request("nonsense")}}});
  CHECK(batch["Responses"][0]["Item"]["stock"] == n("1"));
  CHECK(batch["Responses"][1]["Error"]["Code"].string() == "DuplicateItem");
  CHECK(batch["Responses"][2]["Error"]["Code"].string() == "ValidationError");
  CHECK(batch["Responses"][3]["Error"]["Code"].string() == "ValidationError");

  const auto transaction = [](const std::string& least) {
    return Map{
        {"TransactStatements",
         List{Orders::request("INSERT INTO orders VALUE {'pk': 'b', 'sk': 1}"),
              Orders::request("EXISTS(SELECT * FROM orders WHERE pk = 'a' AND sk = 1 AND stock >= " + least + ")")}}};
  };
  const auto cancelled = orders.error("ExecuteTransaction", transaction("2"));
  CHECK(cancelled.code == "TransactionCanceledException");
  CHECK(orders.item("b", "1").is_null());
  orders.call("ExecuteTransaction", transaction("1"));
  CHECK_FALSE(orders.item("b", "1").is_null());

  const auto read =
      orders.call("ExecuteTransaction",
                  {{"TransactStatements", List{Orders::request("SELECT stock FROM orders WHERE pk = 'a' AND sk = 1"),
                                               Orders::request("SELECT * FROM orders WHERE pk = 'z' AND sk = 1")}}});
  CHECK(read["Responses"] == Value(List{Map{{"Item", Map{{"stock", n("1")}}}}, Map{}}));
}

TEST_CASE("a statement's pages go on from binary keys, and from nothing that a client made up") {
  Platform platform(table_input("blobs", {"pk:S", "sk:B"}));
  for (const auto* bytes : {"\x01", "\xff\xfe", "\x7f", "\xc3\x28"})
    platform.put("blobs", {{"pk", s("a")}, {"sk", Map{{"B", bytes}}}});
  Map input = {{"Statement", "SELECT sk FROM blobs WHERE pk = 'a'"}, {"Limit", 1}};
  std::size_t seen = 0;
  while (true) {
    const auto page = platform.call("ExecuteStatement", input);
    seen += page["Items"].list().size();
    if (page["NextToken"].is_null()) break;
    input.set("NextToken", page["NextToken"]);
    REQUIRE(seen < 10);
  }
  CHECK(seen == 4);
  // {"pk":5}, {"pk":{"S":5}}, {"pk":{"L":[]}}, 5, text that is no base64.
  for (const auto* token : {"eyJwayI6NX0=", "eyJwayI6eyJTIjo1fX0=", "eyJwayI6eyJMIjpbXX19", "NQ==", "%%"}) {
    input.set("NextToken", token);
    CHECK(platform.error("ExecuteStatement", input).message == "Given invalid next token");
  }
}

TEST_CASE("a batch of statements tells what each has used") {
  Platform platform(table_input("orders", {"id:S"}));
  const auto output = platform.call(
      "BatchExecuteStatement",
      {{"Statements", List{Map{{"Statement", "INSERT INTO orders VALUE {'id': 'a'}"}}, Map{{"Statement", "nonsense"}},
                           Map{{"Statement", "SELECT * FROM orders WHERE id = 'a'"}, {"ConsistentRead", true}}}},
       {"ReturnConsumedCapacity", "TOTAL"}});
  REQUIRE(output["ConsumedCapacity"].list().size() == 2);
  CHECK(output["ConsumedCapacity"][0]["CapacityUnits"].number() == 1);
  CHECK(output["ConsumedCapacity"][1]["TableName"].string() == "orders");
  CHECK(output["Responses"][2]["Item"]["id"]["S"].string() == "a");
  List many(26, Map{{"Statement", "SELECT * FROM orders WHERE id = 'a'"}});
  CHECK(platform.error("BatchExecuteStatement", {{"Statements", many}}).code == "ValidationException");
}

TEST_CASE("an insert that a transaction cannot do is a duplicate, and tokens are a region's own") {
  Platform platform(table_input("orders", {"id:S"}));
  const auto insert = [](const char* id) {
    return Map{{"Statement", std::string("INSERT INTO orders VALUE {'id': '") + id + "'}"}};
  };
  platform.put("orders", {{"id", s("a")}});
  const auto error = platform.error("ExecuteTransaction", {{"TransactStatements", List{insert("b"), insert("a")}}});
  CHECK(error.message.find("[None, DuplicateItem]") != std::string::npos);
  CHECK((*error.members.find("CancellationReasons"))[1]["Message"].string() == "Duplicate primary key exists in table");

  const auto write = [&](const char* id) {
    return platform.try_call(
        "dynamodb", "TransactWriteItems",
        {{"ClientRequestToken", "t"},
         {"TransactItems", List{Map{{"Put", Map{{"TableName", "orders"}, {"Item", Map{{"id", s(id)}}}}}}}}});
  };
  CHECK(write("x"));
  CHECK(write("y").error().code == "IdempotentParameterMismatchException");
  platform.context.region = "eu-west-1";
  platform.call("CreateTable", table_input("orders", {"id:S"}));
  CHECK(write("y"));
}
