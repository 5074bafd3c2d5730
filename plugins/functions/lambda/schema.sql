CREATE TABLE function (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
  runtime TEXT NOT NULL, handler TEXT NOT NULL, role TEXT NOT NULL, description TEXT NOT NULL,
  timeout_seconds INTEGER NOT NULL, memory_mb INTEGER NOT NULL, environment TEXT NOT NULL,
  code_blob TEXT NOT NULL, code_sha256 TEXT NOT NULL, code_bytes INTEGER NOT NULL, library_blob TEXT NOT NULL,
  modified_at_ms INTEGER NOT NULL, revision_id TEXT NOT NULL, tags TEXT NOT NULL,
  PRIMARY KEY (account, region, name));
CREATE TABLE function_permission (
  account TEXT NOT NULL, region TEXT NOT NULL, function TEXT NOT NULL, statement_id TEXT NOT NULL,
  position INTEGER NOT NULL, statement TEXT NOT NULL,
  PRIMARY KEY (account, region, function, statement_id));
