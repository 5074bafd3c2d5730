-- A table of a client's. `definition` is JSON: what DescribeTable answers of what does not change by itself.
CREATE TABLE dynamodb_table (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
  space INTEGER NOT NULL,        -- Where its items are; never used again once the table is gone.
  version INTEGER NOT NULL,      -- Grows with every change of the definition.
  definition TEXT NOT NULL,
  PRIMARY KEY (account, region, name)
) STRICT;

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

-- Client tokens of transactions, for ten minutes.
CREATE TABLE dynamodb_token (
  account TEXT NOT NULL, token TEXT NOT NULL, digest TEXT NOT NULL, expires_at_ms INTEGER NOT NULL,
  PRIMARY KEY (account, token)
) STRICT;
CREATE INDEX dynamodb_token_expiry ON dynamodb_token (account, expires_at_ms);
