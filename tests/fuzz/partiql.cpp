// PartiQL statements: whatever is accepted becomes expressions that parse, or is refused by name.
#include "dynamodb/partiql.hpp"

#include "fuzz.hpp"

using namespace moonbase::dynamodb;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using moonbase::List;
  using moonbase::Map;
  static const moonbase::Value parameters = List{Map{{"S", "p"}}, Map{{"N", "1"}}};
  const auto text = fuzz::text_of(data, size);
  for (const auto& given : {moonbase::Value(), parameters}) {
    const auto statement = parse_statement(text, given);
    if (!statement) {
      fuzz::expect(!statement.error().message.empty(), "a refusal says why");
      continue;
    }
    const KeySchema schema{{{"pk", Type::string}}, {{"sk", Type::number}}};
    static_cast<void>(key_in_where(*statement, schema));
    const auto split = split_where(*statement, schema);
    fuzz::expect(!split.ok() || statement->where.empty() || !split->empty(), "a condition is not lost");
  }
  return 0;
}
