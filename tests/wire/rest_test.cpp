// REST-JSON and REST-XML, to the byte.
#include "helpers.hpp"
#include "models.hpp"

using namespace wire_test;

TEST_CASE("REST-JSON: Lambda's Invoke has a path, headers, a query and a raw body") {
  const auto service = plugin_model("functions/lambda");
  const auto asked =
      ask(*service,
          request_of("POST",
                     "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af/"
                     "invocations?Qualifier=1",
                     {{"X-Amz-Invocation-Type", "RequestResponse"}, {"x-amz-log-type", "Tail"}}, R"({"any": "bytes")"));
  CHECK(asked.protocol == Protocol::rest_json);
  REQUIRE(asked.operation);
  CHECK(asked.operation->name == "Invoke");
  REQUIRE(asked.input);
  CHECK(*asked.input == Value(Map{{"Payload", R"({"any": "bytes")"},
                                  {"FunctionName", "arn:aws:lambda:us-east-1:000000000000:function:f"},
                                  {"Qualifier", "1"},
                                  {"InvocationType", "RequestResponse"},
                                  {"LogType", "Tail"}}));

  const auto response = answer(*service, "Invoke", Protocol::rest_json,
                               Value(Map{{"StatusCode", 202}, {"FunctionError", "Unhandled"}, {"Payload", "[1]"}}));
  CHECK(response.status == 202);
  CHECK(response.headers.get("x-amz-function-error") == "Unhandled");
  CHECK(response.body == "[1]");
}

TEST_CASE("REST-JSON: the body holds what travels nowhere else") {
  const auto service = plugin_model("functions/lambda");
  const auto asked =
      ask(*service, request_of("PUT", "/2015-03-31/functions/f/code", {{"Content-Type", "application/json"}},
                               R"({"ZipFile":"UEsD","Publish":true,"FunctionName":"other"})"));
  REQUIRE(asked.operation);
  CHECK(asked.operation->name == "UpdateFunctionCode");
  REQUIRE(asked.input);
  CHECK(*asked.input == Value(Map{{"ZipFile", "PK\x03"}, {"Publish", true}, {"FunctionName", "f"}}));
  const auto created = answer(*service, "CreateFunction", Protocol::rest_json,
                              Value(Map{{"FunctionName", "f"}, {"CodeSize", 5}, {"Timeout", 3}}));
  CHECK(created.status == 201);
  CHECK(created.body == R"({"FunctionName":"f","CodeSize":5,"Timeout":3})");
  CHECK(created.headers.get("content-type") == "application/json");
  const auto deleted = answer(*service, "DeleteAlias", Protocol::rest_json, Value(Map{}));
  CHECK(deleted.status == 204);
  CHECK(deleted.body.empty());
  CHECK_FALSE(deleted.headers.contains("content-type"));
}

TEST_CASE("REST-JSON: an error is named in a header") {
  const auto service = plugin_model("functions/lambda");
  const auto response =
      answer(*service, "GetFunction", Protocol::rest_json, Error{"ResourceNotFoundException", "Function not found: f"});
  CHECK(response.status == 404);
  CHECK(response.headers.get("x-amzn-errortype") == "ResourceNotFoundException");
  CHECK(response.body == R"({"Message":"Function not found: f","Type":"User"})");
}

TEST_CASE("REST-JSON: JSON names differ from members where the model says so") {
  const auto service = plugin_model("gateway/apigateway");
  const auto response = answer(*service, "GetResources", Protocol::rest_json,
                               Value(Map{{"items", List{Map{{"id", "a"}, {"path", "/"}}}}}));
  CHECK(response.body == R"({"item":[{"id":"a","path":"/"}]})");
  const auto v2 = plugin_model("gateway/apigatewayv2");
  const auto asked = ask(*v2, request_of("POST", "/v2/apis", {}, R"({"name":"n","protocolType":"HTTP"})"));
  REQUIRE(asked.input);
  CHECK(*asked.input == Value(Map{{"Name", "n"}, {"ProtocolType", "HTTP"}}));
  CHECK(
      answer(*v2, "CreateApi", Protocol::rest_json, Value(Map{{"ApiId", "x"}, {"CreatedDate", 1421866952000}})).body ==
      R"({"apiId":"x","createdDate":"2015-01-21T19:02:32.000Z"})");
}

TEST_CASE("REST: labels, queries, headers and the body become one input") {
  const auto service = model::read_service(everything);
  const auto asked = ask(
      *service,
      request_of("PUT",
                 "/places/7/a%20b/c?place&max-items=5&since=2026-11-21T10%3A00%3A00Z&kind=x&kind=y+z&other=1&other=2",
                 {{"X-Trace", " t "},
                  {"X-If", "Sat, 21 Nov 2026 10:00:00 GMT"},
                  {"X-Words", R"(a, "b, \"c\"" ,d)"},
                  {"X-Words", "e"},
                  {"X-Days", "Sat, 21 Nov 2026 10:00:00 GMT, Thu, 01 Jan 1970 00:00:00 GMT"},
                  {"x-meta-One", "1"},
                  {"X-Meta-two", "2"}},
                 R"({"note":"n","Note":"not this","Trace":"nor this"})"));
  REQUIRE(asked.operation);
  CHECK(asked.operation->name == "Place");
  REQUIRE(asked.input);
  CHECK(*asked.input == Value(Map{{"Note", "n"},
                                  {"Id", 7},
                                  {"Path", "a b/c"},
                                  {"Limit", 5},
                                  {"Since", 1795255200000},
                                  {"Kinds", List{"x", "y z"}},
                                  {"Rest", Map{{"other", "1"}}},
                                  {"Trace", "t"},
                                  {"If", 1795255200000},
                                  {"Words", List{"a", "b, \"c\"", "d", "e"}},
                                  {"Days", List{1795255200000, 0}},
                                  {"Meta", Map{{"one", "1"}, {"two", "2"}}}}));
  const auto response =
      answer(*service, "Place", Protocol::rest_json,
             Value(Map{{"Code", 299}, {"Trace", "a\r\nSet-Cookie: b"}, {"Meta", Map{{"k", "v"}}}, {"Note", "n"}}));
  CHECK(response.status == 299);
  CHECK(response.headers.get("x-trace") == "a  Set-Cookie: b");
  CHECK(response.headers.get("x-meta-k") == "v");
  CHECK(response.body == R"({"note":"n"})");
  CHECK(answer(*service, "Place", Protocol::rest_json, Value(Map{})).status == 201);
}

TEST_CASE("REST: what does not fit its place is refused") {
  const auto service = model::read_service(everything);
  const auto code = [&](const std::string& target, const Headers& headers, const std::string& body = "") {
    const auto asked = ask(*service, request_of("PUT", target, headers, body));
    REQUIRE_FALSE(asked.input);
    return asked.input.error().code;
  };
  CHECK(code("/places/seven/a?place", {}) == "SerializationException");
  CHECK(code("/places/7/%ff?place", {}) == "SerializationException");
  CHECK(code("/places/7/a?place&max-items=x", {}) == "SerializationException");
  CHECK(code("/places/7/a?place&since=yesterday", {}) == "SerializationException");
  CHECK(code("/places/7/a?place", {{"X-If", "yesterday"}}) == "SerializationException");
  CHECK(code("/places/7/a?place", {{"X-Days", "Sat, 21 Nov 2026 10:00:00 GMT,"}}) == "SerializationException");
  CHECK(code("/places/7/a?place", {}, "[") == "SerializationException");
  CHECK(code("/places/7/a", {}) == "UnknownOperationException");
  CHECK(code("/nowhere", {}) == "UnknownOperationException");
  CHECK(ask(*service, request_of("PATCH", "/echo", {})).input.error().status == 405);
}

TEST_CASE("REST: a payload is a blob, a text or a document of its own") {
  const auto service = model::read_service(everything);
  const auto blob =
      ask(*service, request_of("POST", "/blob", {{"Content-Type", "image/png"}}, std::string("\x00\xff", 2)));
  CHECK(*blob.input == Value(Map{{"Data", std::string("\x00\xff", 2)}, {"Type", "image/png"}}));
  const auto document = ask(*service, request_of("POST", "/doc", {}, R"({"Value":1,"Left":{"Value":2}})"));
  CHECK(*document.input == Value(Map{{"Tree", Map{{"Value", 1}, {"Left", Map{{"Value", 2}}}}}}));
  CHECK(answer(*service, "Doc", Protocol::rest_xml, Value(Map{{"Tree", Map{{"Value", 1}}}})).body ==
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><TheTree xmlns=\"http://everything/\"><Value>1</Value></TheTree>");
  CHECK(answer(*service, "Plain", Protocol::rest_json, Value(Map{{"Text", "hi"}})).body == "hi");
  CHECK(answer(*service, "Blob", Protocol::rest_json, Value(Map{{"Data", "hi"}})).headers.get("content-type") ==
        "application/octet-stream");
}

TEST_CASE("REST: a streamed payload stays in the request, and a streamed answer in the response") {
  const auto service = model::read_service(everything);
  const auto asked = ask(*service, request_of("PUT", "/pour", {{"X-Size", "3"}}, "abc"));
  REQUIRE(asked.operation);
  CHECK(asked.operation->streams_input());
  CHECK(asked.operation->streams_output());
  CHECK(*asked.input == Value(Map{{"Size", 3}}));
  HttpResponse response;
  response.stream = [](BodyWriter&) {};
  wire::encode_response(*service, asked.operation, Protocol::rest_json, "id", Value(Map{}), response);
  CHECK(response.stream);
  CHECK(response.body.empty());
  CHECK(response.headers.get("content-type") == "application/octet-stream");

  const auto logs = plugin_model("functions/logs");
  HttpResponse live;
  live.stream = [](BodyWriter&) {};
  wire::encode_response(*logs, logs->operation("StartLiveTail"), Protocol::json_1_1, "id", Value(Map{}), live);
  CHECK(live.headers.get("content-type") == "application/vnd.amazon.eventstream");
}

TEST_CASE("REST-XML: S3's paths, virtual hosts and queries name its operations") {
  const auto service = plugin_model("storage/s3");
  const auto name = [&](const std::string& method, const std::string& target, const Headers& headers = {}) {
    const auto found = wire::find_operation(*service, Protocol::rest_xml, request_of(method, target, headers));
    return found ? (*found)->name : found.error().code;
  };
  CHECK(name("GET", "/") == "ListBuckets");
  CHECK(name("GET", "/?x-id=ListDirectoryBuckets") == "ListDirectoryBuckets");
  CHECK(name("PUT", "/photos") == "CreateBucket");
  CHECK(name("HEAD", "/photos") == "HeadBucket");
  CHECK(name("GET", "/photos?list-type=2&prefix=a") == "ListObjectsV2");
  CHECK(name("GET", "/photos?prefix=a") == "ListObjects");
  CHECK(name("GET", "/photos?location") == "GetBucketLocation");
  CHECK(name("GET", "/photos?acl") == "GetBucketAcl");
  CHECK(name("GET", "/photos/a/b.jpg?acl") == "GetObjectAcl");
  CHECK(name("GET", "/photos/a/b.jpg") == "GetObject");
  CHECK(name("GET", "/photos/a/b.jpg?x-id=GetObject") == "GetObject");
  CHECK(name("PUT", "/photos/a") == "PutObject");
  CHECK(name("PUT", "/photos/a", {{"x-amz-copy-source", "b/c"}}) == "CopyObject");
  CHECK(name("PUT", "/photos/a?partNumber=1&uploadId=u") == "UploadPart");
  CHECK(name("PUT", "/photos/a?partNumber=1&uploadId=u", {{"x-amz-copy-source", "b/c"}}) == "UploadPartCopy");
  CHECK(name("POST", "/photos/a?uploads") == "CreateMultipartUpload");
  CHECK(name("POST", "/photos/a?uploadId=u") == "CompleteMultipartUpload");
  CHECK(name("DELETE", "/photos/a?uploadId=u") == "AbortMultipartUpload");
  CHECK(name("DELETE", "/photos/a") == "DeleteObject");
  CHECK(name("GET", "/photos/a?uploadId=u") == "ListParts");
  CHECK(name("GET", "/photos?uploads") == "ListMultipartUploads");
  CHECK(name("POST", "/photos?delete") == "DeleteObjects");
  CHECK(name("GET", "/photos?analytics&id=x") == "GetBucketAnalyticsConfiguration");
  CHECK(name("GET", "/photos?analytics") == "ListBucketAnalyticsConfigurations");
  CHECK(name("GET", "/cat.jpg", {{"Host", "photos.s3.us-east-1.amazonaws.com"}}) == "GetObject");
  CHECK(name("GET", "/", {{"Host", "photos.s3.localhost:4566"}}) == "ListObjects");
  CHECK(name("GET", "/", {{"Host", "s3.localhost:4566"}}) == "ListBuckets");
  CHECK(name("GET", "/", {{"Host", "127.0.0.1:4566"}}) == "ListBuckets");
  CHECK(name("POST", "/photos") == "MethodNotAllowed");

  const auto asked = ask(*service, request_of("GET", "/a%2Fb//c", {{"Host", "my.photos.s3.localhost"}}));
  CHECK((*asked.input)["Bucket"].string() == "my.photos");
  CHECK((*asked.input)["Key"].string() == "a/b//c");
}

TEST_CASE("REST-XML: S3's answers, to the byte") {
  const auto service = plugin_model("storage/s3");
  const auto list =
      answer(*service, "ListObjectsV2", Protocol::rest_xml,
             Value(Map{{"Name", "photos"},
                       {"KeyCount", 1},
                       {"IsTruncated", false},
                       {"Contents", List{Map{{"Key", "a&b\x01"}, {"ETag", "\"e\""}, {"Size", 3}, {"LastModified", 0}}}},
                       {"CommonPrefixes", List{Map{{"Prefix", "x/"}}, Map{{"Prefix", "y/"}}}}}));
  CHECK(
      list.body ==
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
      "<Name>photos</Name><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated><Contents><Key>a&amp;b&#x1;</Key>"
      "<ETag>&quot;e&quot;</ETag><Size>3</Size><LastModified>1970-01-01T00:00:00.000Z</LastModified></Contents>"
      "<CommonPrefixes><Prefix>x/</Prefix></CommonPrefixes><CommonPrefixes><Prefix>y/</Prefix></CommonPrefixes>"
      "</ListBucketResult>");
  CHECK(list.headers.get("content-type") == "application/xml");
  CHECK(list.headers.get("x-amz-request-id") == "id-1");
  CHECK_FALSE(list.headers.contains("x-amzn-requestid"));

  CHECK(
      answer(*service, "GetBucketLocation", Protocol::rest_xml, Value(Map{{"LocationConstraint", "eu-west-1"}})).body ==
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<LocationConstraint "
      "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
      "eu-west-1</LocationConstraint>");
  const auto missing = answer(*service, "GetObject", Protocol::rest_xml,
                              Error{"NoSuchKey", "The specified key does not exist.", {{"Key", "k"}}});
  CHECK(missing.status == 404);
  CHECK_THAT(missing.body,
             Catch::StartsWith("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code><Message>"
                               "The specified key does not exist.</Message>"));
  CHECK_THAT(missing.body, Catch::Contains("<Key>k</Key><RequestId>id-1</RequestId>"));
  const auto unknown = answer(*service, "GetObject", Protocol::rest_xml,
                              Error{"InvalidRange", "No.", {{"ActualObjectSize", "3"}, {"Number", 3}}, 416});
  CHECK_THAT(unknown.body, Catch::Contains("<Message>No.</Message><ActualObjectSize>3</ActualObjectSize><RequestId>"));
  const auto acl = answer(*service, "GetBucketAcl", Protocol::rest_xml,
                          Value(Map{{"Grants", List{Map{{"Grantee", Map{{"ID", "i"}, {"Type", "CanonicalUser"}}},
                                                        {"Permission", "FULL_CONTROL"}}}}}));
  CHECK_THAT(acl.body, Catch::Contains(
                           "<AccessControlList><Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
                           "xsi:type=\"CanonicalUser\"><ID>i</ID></Grantee><Permission>FULL_CONTROL</Permission>"
                           "</Grant></AccessControlList>"));
}

TEST_CASE("REST-XML: S3's documents come in with any prefix, and malformed ones do not") {
  const auto service = plugin_model("storage/s3");
  const auto complete = [&](const std::string& body) {
    return ask(*service, request_of("POST", "/b/k?uploadId=u", {}, body)).input;
  };
  const auto parsed = complete(
      "<?xml version=\"1.0\"?><s:CompleteMultipartUpload "
      "xmlns:s=\"http://s3.amazonaws.com/doc/2006-03-01/\"><s:Part><s:PartNumber>1"
      "</s:PartNumber><s:ETag>&quot;a&quot;</s:ETag></s:Part><s:Part><s:PartNumber>2</s:PartNumber><s:ETag>b</s:ETag></"
      "s:Part>"
      "<s:Unknown/></s:CompleteMultipartUpload>");
  REQUIRE(parsed);
  CHECK((*parsed)["MultipartUpload"] ==
        Value(Map{{"Parts", List{Map{{"PartNumber", 1}, {"ETag", "\"a\""}}, Map{{"PartNumber", 2}, {"ETag", "b"}}}}}));
  for (const std::string& body :
       {std::string("<a>"), std::string("<a></b>"), std::string("text"), std::string("<a/><b/>"),
        std::string("<a>\xff</a>"), std::string("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>"),
        std::string("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>"),
        std::string("<C><Part><PartNumber>one</PartNumber></Part></C>")}) {
    INFO(body);
    const auto refused = complete(body);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == "MalformedXML");
  }
}

TEST_CASE("REST-XML: deeply nested and very wide documents are refused or read in good time") {
  const auto service = model::read_service(everything);
  std::string deep = "<Bag><Tree>";
  for (int i = 0; i < 100'000; ++i) deep += "<Left>";
  for (int i = 0; i < 100'000; ++i) deep += "</Left>";
  deep += "</Tree></Bag>";
  const auto request = request_of("POST", "/echo", {}, deep);
  CHECK_FALSE(wire::decode_request(*service, *service->operation("Echo"), Protocol::rest_xml, request));
  std::string wide = "<Bag><Names>";
  for (int i = 0; i < 100'000; ++i) wide += "<member>x</member>";
  wide += "</Names></Bag>";
  const auto names = wire::decode_request(*service, *service->operation("Echo"), Protocol::rest_xml,
                                          request_of("POST", "/echo", {}, wide));
  REQUIRE(names);
  CHECK((*names)["Names"].list().size() == 100'000);
}

TEST_CASE("REST-XML: CloudFront wraps its errors, S3 does not") {
  const auto service = plugin_model("network/cloudfront");
  const auto response = answer(*service, "GetDistribution", Protocol::rest_xml, Error{"NoSuchDistribution", "None."});
  CHECK(response.status == 404);
  CHECK(response.body ==
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ErrorResponse "
        "xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\">"
        "<Error><Type>Sender</Type><Code>NoSuchDistribution</Code><Message>None.</Message></Error>"
        "<RequestId>id-1</RequestId></ErrorResponse>");
}
