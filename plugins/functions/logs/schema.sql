CREATE TABLE log_group (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, created_at_ms INTEGER NOT NULL,
  PRIMARY KEY (account, region, name));
CREATE TABLE log_stream (
  account TEXT NOT NULL, region TEXT NOT NULL, log_group TEXT NOT NULL, name TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, ingested_ms INTEGER NOT NULL,
  PRIMARY KEY (account, region, log_group, name));
CREATE TABLE log_chunk (
  account TEXT NOT NULL, region TEXT NOT NULL, log_group TEXT NOT NULL, log_stream TEXT NOT NULL,
  sequence INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, events BLOB NOT NULL,
  PRIMARY KEY (account, region, log_group, log_stream, sequence));
