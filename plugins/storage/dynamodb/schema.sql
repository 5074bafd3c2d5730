-- A table of a client's. `definition` is JSON: what DescribeTable answers of what does not change by itself.
CREATE TABLE dynamodb_table (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
  space INTEGER NOT NULL,        -- Where its items are; never used again once the table is gone.
  version INTEGER NOT NULL,      -- Grows with every change of the definition.
  definition TEXT NOT NULL,
  PRIMARY KEY (account, region, name)
) STRICT, WITHOUT ROWID;

-- The items of all tables and, in spaces of their own, the entries of all indexes. The key's bytes
-- sort as DynamoDB sorts (key.hpp), the content is the item's compact form (item_format.hpp).
CREATE TABLE dynamodb_item (
  account TEXT NOT NULL, space INTEGER NOT NULL,
  pk BLOB NOT NULL, sk BLOB NOT NULL,
  tie BLOB NOT NULL,             -- In an index, where keys repeat: the item's own key. Else empty.
  bytes INTEGER NOT NULL,        -- The item's size as DynamoDB counts it.
  content BLOB NOT NULL,
  PRIMARY KEY (account, space, pk, sk, tie)
) STRICT, WITHOUT ROWID;

-- The next space of an account.
CREATE TABLE dynamodb_space (account TEXT NOT NULL PRIMARY KEY, next INTEGER NOT NULL) STRICT;

-- Client tokens of transactions, for ten minutes: "region/token".
CREATE TABLE dynamodb_token (
  account TEXT NOT NULL, token TEXT NOT NULL, digest TEXT NOT NULL, expires_at_ms INTEGER NOT NULL,
  PRIMARY KEY (account, token)
) STRICT;
CREATE INDEX dynamodb_token_expiry ON dynamodb_token (account, expires_at_ms);

-- When items of tables with a time to live expire, in seconds since 1970.
CREATE TABLE dynamodb_expiry (
  account TEXT NOT NULL, space INTEGER NOT NULL, expires_at INTEGER NOT NULL, pk BLOB NOT NULL, sk BLOB NOT NULL,
  PRIMARY KEY (account, space, expires_at, pk, sk)
) STRICT, WITHOUT ROWID;

-- Streams: also those of tables that are gone, until their last record is a day old.
CREATE TABLE dynamodb_stream (
  account TEXT NOT NULL, region TEXT NOT NULL, table_name TEXT NOT NULL, label TEXT NOT NULL,
  stream INTEGER NOT NULL,         -- From dynamodb_space.
  view_type TEXT NOT NULL, key_schema TEXT NOT NULL, created_at_ms INTEGER NOT NULL,
  disabled_at_ms INTEGER,          -- Null while it is enabled.
  next_sequence INTEGER NOT NULL,
  shard INTEGER NOT NULL,          -- The open one.
  shard_opened_at_ms INTEGER NOT NULL,
  trims INTEGER NOT NULL,          -- Whether a task is to trim it.
  PRIMARY KEY (account, region, table_name, label)
) STRICT;
CREATE UNIQUE INDEX dynamodb_stream_by_number ON dynamodb_stream (account, stream);
CREATE TABLE dynamodb_shard (
  account TEXT NOT NULL, stream INTEGER NOT NULL, shard INTEGER NOT NULL,
  opened_at_ms INTEGER NOT NULL, first_sequence INTEGER NOT NULL,
  last_sequence INTEGER,           -- Null while it is open.
  PRIMARY KEY (account, stream, shard)
) STRICT;
CREATE TABLE dynamodb_record (
  account TEXT NOT NULL, stream INTEGER NOT NULL, sequence INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  event INTEGER NOT NULL,          -- 0: inserted, 1: modified, 2: removed.
  expired INTEGER NOT NULL,        -- Whether the time to live removed the item.
  keys BLOB NOT NULL, before BLOB, after BLOB,
  PRIMARY KEY (account, stream, sequence)
) STRICT, WITHOUT ROWID;
