// Result and Error: what a client can cause is a value.
//
// An exception means a bug or a broken disk. Only the kernel catches those: it logs them with the
// request id and answers InternalFailure.
#pragma once

#include <moonbase/value.hpp>

#include <string>
#include <utility>
#include <variant>

namespace moonbase {

// An AWS error. `code` is spelled as AWS spells it; the model says its HTTP status and whether the
// sender or the receiver is at fault (400 and the sender where the model is silent).
struct Error {
  std::string code;
  std::string message;
  Map members = {};      // Further members of the error's shape, such as CancellationReasons; where errors are bare
                         // XML, any strings, such as BucketName.
  int status = 0;        // 0: as the model says.
};

// The answer to what is not built: HTTP 501, never a pretence. `what` names the service and the
// operation, and the parameter if only that is missing: "sqs SendMessage MessageSystemAttributes".
Error not_implemented(std::string what);

// Either a T or an Error.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : data_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : data_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const noexcept { return data_.index() == 0; }
  bool ok() const noexcept { return data_.index() == 0; }

  // The value. Throws std::bad_variant_access when this is an Error.
  T& value() & { return std::get<0>(data_); }
  const T& value() const& { return std::get<0>(data_); }
  T&& value() && { return std::get<0>(std::move(data_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // The Error. Throws std::bad_variant_access when this is a value.
  Error& error() & { return std::get<1>(data_); }
  const Error& error() const& { return std::get<1>(data_); }
  Error&& error() && { return std::get<1>(std::move(data_)); }

 private:
  std::variant<T, Error> data_;
};

// For what either works or fails: `return done;`.
struct Done {};
inline constexpr Done done{};

}  // namespace moonbase
