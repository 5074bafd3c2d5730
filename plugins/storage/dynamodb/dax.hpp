// DAX: a read cache before the tables, reached at an endpoint of its own (host dax.*, or path /_aws/dax/) in DynamoDB's
// JSON protocol.
//
// Eventually consistent reads are answered from memory where they were asked before: GetItem and BatchGetItem from the
// item cache, Query and Scan, parameter by parameter, from the query cache. What passes by the endpoint, a write or a
// strongly consistent read, goes to the table; a write is then in the item cache. Writes that pass elsewhere are
// seen when an entry's five minutes are over.
#pragma once

#include <moonbase/plugin.hpp>
#include <string_view>

#include "dax_cache.hpp"

namespace moonbase::dynamodb {

struct Service;

// One per plugin. Any thread may use it.
class Dax {
 public:
  static HttpMatch match();
  HttpResponse serve(Service& service, HttpCall& call);
  void clear();

 private:
  static constexpr std::size_t bytes_max = 32u << 20;  // Of each cache.

  DaxCache items_{bytes_max};    // Encoded items (item_format.hpp), binary values in base64; empty: there is none.
  DaxCache queries_{bytes_max};  // Outputs as JSON.
};

}  // namespace moonbase::dynamodb
