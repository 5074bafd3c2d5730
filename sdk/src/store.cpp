#include <moonbase/store.hpp>

#include <stdexcept>

namespace moonbase {

Parameter::Parameter(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null:
      break;
    case Value::Kind::boolean:
      kind = Kind::integer;
      integer = value.boolean() ? 1 : 0;
      break;
    case Value::Kind::integer:
      kind = Kind::integer;
      integer = value.integer();
      break;
    case Value::Kind::number:
      kind = Kind::number;
      number = value.number();
      break;
    case Value::Kind::string:
      kind = Kind::text;
      bytes = value.string();
      break;
    case Value::Kind::list:
    case Value::Kind::map:
      throw std::logic_error("a list or a map cannot be bound to a column");
  }
}

Row::Row(std::shared_ptr<const std::vector<std::string>> columns, std::vector<Value> values)
    : columns_(std::move(columns)), values_(std::move(values)) {}

const Value& Row::at(std::string_view column) const {
  for (std::size_t i = 0; i < columns_->size(); ++i)
    if ((*columns_)[i] == column) return values_[i];
  throw std::out_of_range("the query answered no column " + std::string(column));
}

}  // namespace moonbase
