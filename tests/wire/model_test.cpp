#include <catch2/catch.hpp>
#include <model/router.hpp>
#include <moonbase/http.hpp>
#include <stdexcept>
#include <string>

#include "models.hpp"

using namespace moonbase;
using namespace moonbase::model;
using Catch::Contains;

TEST_CASE("a model is read from its Lua text") {
  const Model model(wire_test::coupons);
  CHECK(model.header().name == "coupons");
  CHECK(model.header().target == "Coupons");
  CHECK(model.header().signing_name == "coupons");
  CHECK(model.header().protocols == std::vector{Protocol::json_1_0, Protocol::query});
  CHECK_FALSE(model.loaded());

  const auto& service = model.service();
  CHECK(model.loaded());
  REQUIRE(service.operations.size() == 2);
  const auto* create = service.operation("CreateCoupon");
  REQUIRE(create);
  const auto* code = create->input->member("Code");
  REQUIRE(code);
  CHECK(code->required);
  CHECK(code->path_name == "code");
  CHECK(code->shape->constraints->length_max == 12);
  CHECK(create->input->member("Percent")->shape->constraints->range_min == 1);
  CHECK(create->input->member("Lifetime")->default_value.integer() == 86400);
  CHECK(create->input->member("Lifetime")->shape->constraints == nullptr);
  CHECK(create->output->members.empty());
  CHECK(service.operation("RedeemCoupon")->errors.size() == 2);
  CHECK(service.error("CouponNotFound")->status == 404);
  CHECK(service.error("CouponExpired")->status == 400);
  CHECK(service.operation("Redeem") == nullptr);
}

TEST_CASE("shapes with names may contain themselves") {
  const auto service = read_service(R"(
    local shape = require "moonbase.shape"
    return shape.service { name = "tree", version = "1", protocols = { "json-1.1" },
      shapes = {
        Tree = shape.union { Leaf = shape.enum { "A", "B" }, Both = shape.list { "Tree" },
                             Named = shape.map { shape.string { length = 3 }, "Tree", sparse = true } },
      },
      operations = { Grow = { input = { Tree = shape.required "Tree", At = shape.timestamp { json_name = "at" } } } },
    })");
  const auto* tree = service->operation("Grow")->input->member("Tree");
  REQUIRE(tree);
  CHECK(tree->required);
  CHECK(tree->shape->kind == Kind::union_structure);
  CHECK(tree->shape->member("Both")->shape->element.shape == tree->shape);
  CHECK(tree->shape->member("Leaf")->shape->constraints->values == std::vector<std::string>{"A", "B"});
  CHECK(tree->shape->member("Named")->shape->sparse);
  CHECK(tree->shape->member("Named")->shape->key.shape->constraints->length_min == 3);
  CHECK(service->operation("Grow")->input->json_member("at")->name == "At");
  CHECK(service->operation("Grow")->input->json_member("At") == nullptr);
}

TEST_CASE("a text that is no model is refused with its place") {
  const auto problem = [](const std::string& text) -> std::string {
    try {
      static_cast<void>(read_service(text, "broken"));
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  };
  const auto of_member = [&](const std::string& member) {
    return problem(
        "local shape = require 'moonbase.shape' return shape.service { name = 'n', version = '1', "
        "protocols = {'query'}, operations = { Do = { input = { M = " +
        member + " } } } }");
  };
  CHECK_THAT(problem("return {"), Contains("broken:1"));
  CHECK_THAT(problem("return 1"), Contains("no table"));
  CHECK_THAT(problem("return {}"), Contains("name"));
  CHECK_THAT(problem("while true do end"), Contains("too long"));
  CHECK_THAT(problem("return require 'os'"), Contains("moonbase.shape"));
  CHECK_THAT(problem("return os.time()"), Contains("broken:1"));
  CHECK_THAT(problem("return {name='n',version='1',protocols={'soap'}}"), Contains("soap"));
  CHECK_THAT(of_member("'Missing'"), Contains("no shape 'Missing'"));
  CHECK_THAT(of_member("shape.string { lenght = 3 }"), Contains("lenght"));
  CHECK_THAT(of_member("shape.string { pattern = '(?=x)' }"), Contains("operations.Do.input.M"));
  CHECK_THAT(of_member("shape.list {}"), Contains("list"));
  CHECK_THAT(of_member("5"), Contains("operations.Do.input.M"));
  CHECK(of_member("shape.string").empty());
}

namespace {

constexpr const char* library = R"lua(
local shape = require "moonbase.shape"
local key = { Shelf = shape.string, Key = shape.string }
return shape.service { name = "library", version = "1", protocols = { "rest-xml" },
  operations = {
    ListShelves = { http = { "GET", "/" } },
    ListBooks   = { http = { "GET", "/{Shelf}" }, input = { Shelf = shape.string } },
    ListNew     = { http = { "GET", "/{Shelf}?list-type=2" }, input = { Shelf = shape.string } },
    GetPolicy   = { http = { "GET", "/{Shelf}?policy" }, input = { Shelf = shape.string } },
    GetBook     = { http = { "GET", "/{Shelf}/{Key+}" }, input = key },
    PutBook     = { http = { "PUT", "/{Shelf}/{Key+}" }, input = key },
    CopyBook    = { http = { "PUT", "/{Shelf}/{Key+}" }, input = { Shelf = shape.string, Key = shape.string,
                      Source = shape.string { header = "x-copy-source", required = true } } },
    PutPart     = { http = { "PUT", "/{Shelf}/{Key+}" }, input = { Shelf = shape.string, Key = shape.string,
                      Part = shape.integer { query = "part", required = true } } },
    GetTags     = { http = { "GET", "/admin/tags/{Arn}" }, input = { Arn = shape.string } },
    GetAdmin    = { http = { "GET", "/admin/{Path+}" }, input = { Path = shape.string } },
    GetTail     = { http = { "GET", "/admin/{Path+}/tail/{Id}" }, input = { Path = shape.string, Id = shape.string } },
  } }
)lua";

const Router::Match route(const Service& service, const std::string& method, const std::string& path,
                          const std::string& query = "", bool header = false) {
  const auto parameters = parse_query(query);
  return service.router->match({method, path, parameters, &header,
                                [](const void* has, std::string_view) { return *static_cast<const bool*>(has); }});
}

}  // namespace

TEST_CASE("method, path and query name one operation") {
  const auto service = read_service(library);
  const auto name = [&](auto&&... request) {
    const auto found = route(*service, request...);
    return found.operation ? found.operation->name : std::string();
  };
  CHECK(name("GET", "/") == "ListShelves");
  CHECK(name("GET", "/top") == "ListBooks");
  CHECK(name("GET", "/top/") == "ListBooks");
  CHECK(name("GET", "/top", "list-type=2") == "ListNew");
  CHECK(name("GET", "/top", "list-type=3") == "ListBooks");
  CHECK(name("GET", "/top", "policy") == "GetPolicy");
  CHECK(name("GET", "/top/a/b") == "GetBook");
  CHECK(name("GET", "/top//b") == "GetBook");
  CHECK(name("PUT", "/top/a") == "PutBook");
  CHECK(name("PUT", "/top/a", "", true) == "CopyBook");
  CHECK(name("PUT", "/top/a", "part=1") == "PutPart");
  CHECK(name("GET", "/admin/tags/arn%3A%2F") == "GetTags");
  CHECK(name("GET", "/admin/tags/x/y") == "GetAdmin");
  CHECK(name("GET", "/admin/x/y/tail/z") == "GetTail");
  CHECK(name("DELETE", "/top/a").empty());
  CHECK(route(*service, "DELETE", "/top/a").path_known);
  CHECK(name("GET", "//").empty());
  CHECK_FALSE(route(*service, "GET", "//").path_known);
}

TEST_CASE("labels are decoded, greedy ones keep their slashes") {
  const auto service = read_service(library);
  using Labels = std::vector<std::pair<std::string_view, std::string>>;
  CHECK(labels_of(*service->operation("GetBook"), "/top/a%2Fb//c%20d/") ==
        Labels{{"Shelf", "top"}, {"Key", "a/b//c d/"}});
  CHECK(labels_of(*service->operation("GetTail"), "/admin/x/y/tail/z") == Labels{{"Path", "x/y"}, {"Id", "z"}});
  CHECK(labels_of(*service->operation("GetBook"), "/top").empty());
  CHECK(labels_of(*service->operation("GetTags"), "/admin/tags/arn%3Aaws%3A%2F") == Labels{{"Arn", "arn:aws:/"}});
}
