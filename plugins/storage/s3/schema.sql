-- Buckets. Names are one namespace for all accounts and regions, so the key is the name alone.
CREATE TABLE s3_bucket (
  name TEXT NOT NULL PRIMARY KEY,
  account TEXT NOT NULL, region TEXT NOT NULL,
  bucket INTEGER NOT NULL,       -- The number under which the account's other tables know it; never used again.
  created_at_ms INTEGER NOT NULL,
  versioning TEXT NOT NULL,      -- "", "Enabled" or "Suspended", as GetBucketVersioning answers.
  settings INTEGER NOT NULL,     -- Bits: which of s3_setting it has (setting.hpp).
  next_content INTEGER NOT NULL  -- The number of the next content.
) STRICT, WITHOUT ROWID;
CREATE INDEX s3_bucket_by_account ON s3_bucket (account, name);

-- The next number of a bucket of an account.
CREATE TABLE s3_bucket_number (account TEXT NOT NULL PRIMARY KEY, next INTEGER NOT NULL) STRICT;

-- Settings: what their operations were given, as JSON.
CREATE TABLE s3_setting (
  account TEXT NOT NULL, bucket INTEGER NOT NULL, kind TEXT NOT NULL, document TEXT NOT NULL,
  PRIMARY KEY (account, bucket, kind)
) STRICT, WITHOUT ROWID;

-- Versions of objects, delete markers too. Keys sort by their bytes; of one key, the smaller rank is the newer version.
CREATE TABLE s3_object (
  account TEXT NOT NULL, bucket INTEGER NOT NULL, key BLOB NOT NULL, rank INTEGER NOT NULL,
  version_id TEXT NOT NULL,         -- "null", or the rank and random bytes (object.hpp).
  listed INTEGER NOT NULL,          -- 1: the newest version of its key, and no delete marker.
  delete_marker INTEGER NOT NULL,
  size INTEGER NOT NULL,
  etag TEXT NOT NULL,               -- Without quotes.
  modified_at_ms INTEGER NOT NULL,
  storage_class TEXT NOT NULL,
  content INTEGER NOT NULL,         -- Its bytes, in s3_segment, and its parts, in s3_part.
  parts INTEGER NOT NULL,           -- 0: not uploaded in parts.
  checksum_algorithm TEXT NOT NULL, checksum_type TEXT NOT NULL, checksum TEXT NOT NULL,
  upload_id TEXT NOT NULL,          -- Of the upload that made it, for who completes it twice.
  headers TEXT NOT NULL,            -- JSON: the members of HeadObject that clients set, ContentType and such.
  metadata TEXT NOT NULL,           -- JSON: the user's.
  tags TEXT NOT NULL,               -- JSON: a TagSet.
  PRIMARY KEY (account, bucket, key, rank)
) STRICT, WITHOUT ROWID;
-- All that a listing shows, so that it reads nothing else: neither old versions nor the keys that delete markers hide.
CREATE INDEX s3_object_listed ON s3_object (account, bucket, listed, key, size, etag, modified_at_ms, storage_class,
                                            checksum_algorithm, checksum_type) WHERE listed = 1;
-- Where the null version of a key is, if newer versions have come since.
CREATE TABLE s3_old_null (
  account TEXT NOT NULL, bucket INTEGER NOT NULL, key BLOB NOT NULL, rank INTEGER NOT NULL,
  PRIMARY KEY (account, bucket, key)
) STRICT, WITHOUT ROWID;

-- The bytes of contents: in the row while they are few, else in a blob, which others may share.
CREATE TABLE s3_segment (
  account TEXT NOT NULL, bucket INTEGER NOT NULL, content INTEGER NOT NULL,
  start INTEGER NOT NULL,  -- Where in the content.
  size INTEGER NOT NULL,
  blob TEXT, blob_start INTEGER NOT NULL,
  bytes BLOB,              -- Null where there is a blob.
  PRIMARY KEY (account, bucket, content, start)
) STRICT;
CREATE INDEX s3_segment_blob ON s3_segment (blob) WHERE blob IS NOT NULL;

-- Blobs that have lost a name, until somebody has looked whether it was the last.
CREATE TABLE s3_unnamed (
  blob TEXT NOT NULL PRIMARY KEY,
  times INTEGER NOT NULL  -- So that who has looked sees when it happened once more.
) STRICT;

-- Parts: of an upload under way by the client's numbers, of an object from 1 on.
CREATE TABLE s3_part (
  account TEXT NOT NULL, bucket INTEGER NOT NULL,
  content INTEGER NOT NULL,       -- The upload's, which is to be the object's.
  number INTEGER NOT NULL,
  start INTEGER NOT NULL,         -- Where in the object, once it is one.
  size INTEGER NOT NULL,
  etag TEXT NOT NULL, checksum TEXT NOT NULL, modified_at_ms INTEGER NOT NULL,
  part_content INTEGER NOT NULL,  -- Where its segments are, until it is part of an object.
  PRIMARY KEY (account, bucket, content, number)
) STRICT;

-- Uploads in parts that have not ended. Their ids sort by the time of their beginning.
CREATE TABLE s3_upload (
  account TEXT NOT NULL, bucket INTEGER NOT NULL, key BLOB NOT NULL, upload_id TEXT NOT NULL,
  content INTEGER NOT NULL, initiated_at_ms INTEGER NOT NULL, storage_class TEXT NOT NULL,
  checksum_algorithm TEXT NOT NULL, checksum_type TEXT NOT NULL,
  checksum_asked INTEGER NOT NULL,  -- 1: by the client, who then sends each part's again in the end.
  initiator TEXT NOT NULL,          -- An account.
  headers TEXT NOT NULL, metadata TEXT NOT NULL, tags TEXT NOT NULL,
  PRIMARY KEY (account, bucket, key, upload_id)
) STRICT;
