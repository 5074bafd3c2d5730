// Object Lock: versions that nobody may delete before a date, or while they are held. What a version has of it are
// members of its headers, as HeadObject answers them: ObjectLockMode, ObjectLockRetainUntilDate,
// ObjectLockLegalHoldStatus.
#pragma once

#include <moonbase/call.hpp>

#include "bucket.hpp"
#include "object.hpp"

namespace moonbase::s3 {

// An ObjectLockConfiguration. Errors MalformedXML and InvalidArgument.
Result<Done> check_lock_configuration(const Value& configuration);

// Mode, date and hold of a request that makes an object, set into its headers. Errors InvalidRequest where the bucket
// has no Object Lock, and InvalidArgument.
Result<Done> take_lock(const Value& input, const Bucket& bucket, Time now, Map& headers);
// Headers of one object with the lock of another's: copies do not take their source's.
Map with_lock_of(Map headers, const Map& other);
// What the bucket says of versions that say nothing. Of add_version().
void apply_default_retention(const Change& change, Object& object);

// Whether a version must stay. `bypass`: the caller may, and wants to, go past GOVERNANCE.
bool is_locked(const Object& object, Time now, bool bypass = false);
Error protected_by_lock();

// Whether the retention of a version may become this one: a null mode takes it away. Errors AccessDenied, MalformedXML
// and InvalidArgument.
Result<Done> check_retention(const Object& object, const Value& retention, Time now, bool bypass);
void set_retention(Object& object, const Value& retention);

}  // namespace moonbase::s3
