// Policy: what a queue's policy must look like. Kept and answered; nothing is decided by it. Pure.
#pragma once

#include <moonbase/result.hpp>
#include <string>

namespace moonbase::sqs {

// The Error is SetQueueAttributes's.
Result<Done> check_policy(const std::string& text);

}  // namespace moonbase::sqs
