// Numbers and stored items of tables.
#include <stdexcept>

#include "dynamodb/item_format.hpp"
#include "dynamodb/number.hpp"
#include "fuzz.hpp"

using namespace moonbase::dynamodb;

namespace {

void numbers(std::string_view text) {
  const auto half = text.find(' ');
  const auto first = Number::parse(text.substr(0, half));
  if (!first) return;
  const auto again = Number::parse(first->text());
  fuzz::expect(again.ok() && *again == *first && again->text() == first->text(), "a number's text is stable");
  fuzz::expect(Number::from_key_bytes(first->key_bytes()) == *first, "key bytes can be read back");
  if (half == std::string_view::npos) return;
  const auto second = Number::parse(text.substr(half + 1));
  if (!second) return;
  fuzz::expect((first->key_bytes() < second->key_bytes()) == (*first < *second), "key bytes keep the order");
  const auto sum = add(*first, *second);
  if (!sum) return;
  const auto back = subtract(*sum, *second);
  fuzz::expect(!back.ok() || *back == *first, "what is added can be taken away");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  numbers(text);
  try {
    const auto item = decode_item(text);
    fuzz::expect(decode_item(encode_item(item)) == item, "a stored item can be stored again");
  } catch (const std::runtime_error&) {
  }
  return 0;
}
