// Small models for tests, as a person would write them.
#pragma once

#include <model/model.hpp>

namespace wire_test {

// As in STYLE: two protocols, structures in place.
inline constexpr const char* coupons = R"lua(
-- Coupons: percentage discounts that expire.
local shape = require "moonbase.shape"

return shape.service {
  name = "coupons", version = "2026-01-01",
  protocols = { "json-1.0", "query" }, target = "Coupons",

  errors = { CouponNotFound = { status = 404 }, CouponExpired = {} },

  operations = {
    CreateCoupon = {
      input = { Code     = shape.string  { required = true, length = { 4, 12 } },
                Percent  = shape.integer { required = true, range = { 1, 100 } },
                Lifetime = shape.integer { default = 86400 } },  -- Seconds.
      output = {},
    },
    RedeemCoupon = {
      input  = { Code = shape.string { required = true } },
      output = { Percent = shape.integer },
      errors = { "CouponNotFound", "CouponExpired" },
    },
  },
}
)lua";

// Every kind of shape in every protocol.
inline constexpr const char* everything = R"lua(
local shape = require "moonbase.shape"
local members = {
  Text = shape.string, Count = shape.integer, Long = shape.long, Rate = shape.double, Any = shape.number,
  On = shape.boolean, Bytes = shape.blob, At = shape.timestamp,
  Epoch = shape.timestamp { format = "epoch-seconds" }, Day = shape.timestamp { format = "http-date" },
  Names = shape.list { shape.string }, Flat = shape.list { shape.string { xml_name = "Item" }, flattened = true, xml_name = "FlatItem" },
  Named = shape.list { shape.integer { xml_name = "N" } },
  Tags = shape.map { shape.string }, FlatTags = shape.map { shape.string { xml_name = "K" }, shape.integer { xml_name = "V" }, flattened = true },
  Inner = { Deep = shape.list { { Word = shape.string { xml_name = "word", ec2_name = "Wort" }, More = "Tree" } } },
  Choice = "Choice", Tree = "Tree", Lists = shape.list { shape.list { shape.integer } },
}
return shape.service {
  name = "everything", version = "2026-11-21", target = "Every_2026", xml_namespace = "http://everything/",
  error_namespace = "com.everything",
  protocols = { "json-1.0", "json-1.1", "query", "ec2-query", "rest-json", "rest-xml", "rpc-v2-cbor" },
  errors = { Gone = { status = 410, members = { Left = shape.list { shape.string }, Size = shape.integer } },
             Broken = { status = 503, message = "Message" } },
  shapes = {
    Choice = shape.union { A = shape.string, B = shape.integer, C = { X = shape.boolean } },
    Tree = { Value = shape.integer, Left = "Tree", Right = "Tree" },
    Bag = members,
  },
  operations = {
    Echo = { http = { "POST", "/echo" }, input = "Bag", output = "Bag" },
    Nothing = { http = { "POST", "/nothing", 202 } },
    Place = { http = { "PUT", "/places/{Id}/{Path+}?place", 201 },
      input = { Id = shape.integer, Path = shape.string, Limit = shape.integer { query = "max-items" },
                Since = shape.timestamp { query = "since" }, Kinds = shape.list { shape.string, query = "kind" },
                Rest = shape.map { shape.string, query_map = true },
                Trace = shape.string { header = "X-Trace" }, If = shape.timestamp { header = "X-If" },
                Words = shape.list { shape.string, header = "X-Words" }, Days = shape.list { shape.timestamp, header = "X-Days" },
                Meta = shape.map { shape.string, prefix_headers = "X-Meta-" }, Note = shape.string { json_name = "note" } },
      output = { Code = shape.integer { status = true }, Trace = shape.string { header = "X-Trace" },
                 Meta = shape.map { shape.string, prefix_headers = "X-Meta-" }, Note = shape.string { json_name = "note" } } },
    Blob = { http = { "POST", "/blob" }, input = { Data = shape.blob { payload = true }, Type = shape.string { header = "Content-Type" } },
             output = { Data = shape.blob { payload = true } } },
    Doc = { http = { "POST", "/doc" }, input = { Tree = shape.of("Tree", { payload = true }) },
            output = { Tree = shape.of("Tree", { payload = true, xml_name = "TheTree" }) } },
    Plain = { http = { "POST", "/plain" }, input = { Text = shape.string { payload = true } }, output = { Text = shape.string { payload = true } } },
    Pour = { http = { "PUT", "/pour" }, input = { Data = shape.blob { payload = true, streaming = true }, Size = shape.integer { header = "X-Size" } },
             output = { Data = shape.blob { payload = true, streaming = true } } },
  },
}
)lua";

}  // namespace wire_test
