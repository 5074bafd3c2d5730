CREATE TABLE log_group (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, created_at_ms INTEGER NOT NULL,
  retention_days INTEGER,           -- Null: kept for ever.
  class TEXT NOT NULL, kms_key TEXT NOT NULL, protected INTEGER NOT NULL, tags TEXT NOT NULL,
  stored_bytes INTEGER NOT NULL,
  last_sequence INTEGER NOT NULL,   -- Of its chunks so far.
  PRIMARY KEY (account, region, name));
-- While it has no events: first_ms and ingested_ms are null, last_ms is 0.
CREATE TABLE log_stream (
  account TEXT NOT NULL, region TEXT NOT NULL, log_group TEXT NOT NULL, name TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL, first_ms INTEGER, last_ms INTEGER NOT NULL, ingested_ms INTEGER,
  PRIMARY KEY (account, region, log_group, name));
CREATE INDEX log_stream_by_time ON log_stream (account, region, log_group, last_ms, name);
-- Events of one stream that arrived together, of at most a day. `sequence`: of the first of them, in order of arrival.
CREATE TABLE log_chunk (
  account TEXT NOT NULL, region TEXT NOT NULL, log_group TEXT NOT NULL, log_stream TEXT NOT NULL,
  sequence INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, ingested_ms INTEGER NOT NULL,
  events BLOB NOT NULL,
  -- By time, with both ends: a search of an hour reads no other rows.
  PRIMARY KEY (account, region, log_group, log_stream, first_ms, sequence, last_ms));
-- The same of a group, and of a stream from the newest back.
CREATE INDEX log_chunk_by_time ON log_chunk (account, region, log_group, first_ms, sequence, last_ms);
CREATE INDEX log_chunk_newest ON log_chunk (account, region, log_group, log_stream, last_ms, sequence, first_ms);
CREATE TABLE log_subscription (
  account TEXT NOT NULL, region TEXT NOT NULL, log_group TEXT NOT NULL, name TEXT NOT NULL,
  pattern TEXT NOT NULL, destination_arn TEXT NOT NULL, role_arn TEXT NOT NULL, distribution TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  PRIMARY KEY (account, region, log_group, name));
CREATE TABLE log_policy (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  PRIMARY KEY (account, region, name));
-- definition: JSON, as DescribeQueryDefinitions shows it. token: of the request that made it.
CREATE TABLE log_query_definition (
  account TEXT NOT NULL, region TEXT NOT NULL, id TEXT NOT NULL, definition TEXT NOT NULL, token TEXT NOT NULL,
  modified_at_ms INTEGER NOT NULL,
  PRIMARY KEY (account, region, id));
