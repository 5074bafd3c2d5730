// A self-signed certificate, made where there is none.
#pragma once

#include <moonbase/result.hpp>
#include <string>
#include <vector>

namespace moonbase::http {

std::string certificate_path(const std::string& folder);
std::string key_path(const std::string& folder);

// Makes key and certificate unless both are there, cover all names and last for another month.
Result<Done> ensure_certificate(const std::string& folder, const std::vector<std::string>& names);

}  // namespace moonbase::http
