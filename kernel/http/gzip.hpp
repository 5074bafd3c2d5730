// gzip of whole bodies, with a limit on what comes out.
#pragma once

#include <cstddef>
#include <memory>
#include <moonbase/http.hpp>
#include <moonbase/result.hpp>
#include <string>
#include <string_view>

namespace moonbase::http {

std::string gzip(std::string_view bytes);

// Error "SerializationException" for what is not gzip, "RequestEntityTooLargeException" (413) as soon
// as more than `bytes_max` would come out.
Result<std::string> gunzip(std::string_view bytes, std::size_t bytes_max);

// A body that is decompressed while it is read; what comes out is limited, not what goes in.
std::unique_ptr<BodyReader> gunzip_reader(std::unique_ptr<BodyReader> compressed, std::size_t bytes_max);

// Takes body and reader out of the request as one reader.
std::unique_ptr<BodyReader> take_body(HttpRequest& request);

// For protocols that allow compressed requests: if Content-Encoding is gzip, the request's body is
// from now on the decompressed one and the header is gone. `bytes_max` limits what comes out.
void decompress_body(HttpRequest& request, std::size_t bytes_max);

}  // namespace moonbase::http
