-- Functions and their published versions. `settings`: JSON, members of GetFunctionConfiguration as they are shown.
CREATE TABLE function (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
  version INTEGER NOT NULL,         -- 0: $LATEST, which also keeps the tags.
  runtime TEXT NOT NULL, handler TEXT NOT NULL, role TEXT NOT NULL, description TEXT NOT NULL,
  timeout_seconds INTEGER NOT NULL, memory_mb INTEGER NOT NULL, environment TEXT NOT NULL,
  code_blob TEXT NOT NULL, code_sha256 TEXT NOT NULL, code_bytes INTEGER NOT NULL, library_blob TEXT NOT NULL,
  modified_at_ms INTEGER NOT NULL, revision_id TEXT NOT NULL, tags TEXT NOT NULL, settings TEXT NOT NULL,
  layer_blobs TEXT NOT NULL,        -- JSON: digests, in order.
  published_from TEXT NOT NULL,     -- Digest of what the version was made from.
  unzipped_bytes INTEGER NOT NULL,
  PRIMARY KEY (account, region, name, version));
CREATE INDEX function_latest ON function (account, region, version, name);
CREATE INDEX function_code ON function (code_blob);
CREATE INDEX function_library ON function (library_blob);

-- What a function keeps besides: numbers of versions are never used again.
CREATE TABLE function_counter (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, last_version INTEGER NOT NULL,
  PRIMARY KEY (account, region, name));

-- Sums of what an account stores, so that limits are checked without reading everything.
CREATE TABLE function_usage (
  account TEXT NOT NULL, region TEXT NOT NULL, functions INTEGER NOT NULL, code_bytes INTEGER NOT NULL,
  PRIMARY KEY (account, region));

CREATE TABLE function_alias (
  account TEXT NOT NULL, region TEXT NOT NULL, function TEXT NOT NULL, name TEXT NOT NULL,
  version INTEGER NOT NULL, description TEXT NOT NULL, revision_id TEXT NOT NULL,
  weights TEXT NOT NULL,            -- JSON: {"2": 0.1}
  PRIMARY KEY (account, region, function, name));

-- `qualifier` is empty for the function itself, else a version or an alias.
CREATE TABLE function_permission (
  account TEXT NOT NULL, region TEXT NOT NULL, function TEXT NOT NULL, qualifier TEXT NOT NULL,
  statement_id TEXT NOT NULL, position INTEGER NOT NULL, statement TEXT NOT NULL,
  policy_id TEXT NOT NULL,          -- "Id" of the policy that the statements make up.
  PRIMARY KEY (account, region, function, qualifier, statement_id));

CREATE TABLE function_concurrency (
  account TEXT NOT NULL, region TEXT NOT NULL, function TEXT NOT NULL, reserved INTEGER NOT NULL,
  PRIMARY KEY (account, region, function));
CREATE INDEX function_concurrency_reserved ON function_concurrency (account, region, reserved);
CREATE TABLE function_provisioned (
  account TEXT NOT NULL, region TEXT NOT NULL, function TEXT NOT NULL, qualifier TEXT NOT NULL,
  requested INTEGER NOT NULL, modified_at_ms INTEGER NOT NULL,
  PRIMARY KEY (account, region, function, qualifier));

-- How asynchronous events are dealt with. Absent numbers are null, `destinations` is JSON.
CREATE TABLE function_event_invoke (
  account TEXT NOT NULL, region TEXT NOT NULL, function TEXT NOT NULL, qualifier TEXT NOT NULL,
  retries INTEGER, age_seconds INTEGER, destinations TEXT NOT NULL, modified_at_ms INTEGER NOT NULL,
  PRIMARY KEY (account, region, function, qualifier));
CREATE TABLE function_recursion (
  account TEXT NOT NULL, region TEXT NOT NULL, function TEXT NOT NULL, recursive_loop TEXT NOT NULL,
  PRIMARY KEY (account, region, function));

CREATE TABLE function_runtime_management (
  account TEXT NOT NULL, region TEXT NOT NULL, function TEXT NOT NULL, qualifier TEXT NOT NULL,
  update_on TEXT NOT NULL, runtime_version_arn TEXT NOT NULL,
  PRIMARY KEY (account, region, function, qualifier));

CREATE TABLE function_url (
  account TEXT NOT NULL, region TEXT NOT NULL, function TEXT NOT NULL, qualifier TEXT NOT NULL,
  url_id TEXT NOT NULL, auth_type TEXT NOT NULL, invoke_mode TEXT NOT NULL, cors TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL, modified_at_ms INTEGER NOT NULL,
  PRIMARY KEY (account, region, function, qualifier));
CREATE UNIQUE INDEX function_url_by_id ON function_url (url_id);

CREATE TABLE layer (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, last_version INTEGER NOT NULL,
  PRIMARY KEY (account, region, name));
CREATE TABLE layer_version (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL,
  description TEXT NOT NULL, license TEXT NOT NULL, runtimes TEXT NOT NULL, architectures TEXT NOT NULL,
  code_blob TEXT NOT NULL, code_sha256 TEXT NOT NULL, code_bytes INTEGER NOT NULL, unzipped_bytes INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL, revision_id TEXT NOT NULL,
  PRIMARY KEY (account, region, name, version));
CREATE INDEX layer_version_code ON layer_version (code_blob);
CREATE TABLE layer_permission (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL,
  statement_id TEXT NOT NULL, position INTEGER NOT NULL, statement TEXT NOT NULL,
  PRIMARY KEY (account, region, name, version, statement_id));

-- `configuration`: JSON, the members that GetEventSourceMapping shows.
CREATE TABLE event_source_mapping (
  account TEXT NOT NULL, region TEXT NOT NULL, uuid TEXT NOT NULL,
  function TEXT NOT NULL, qualifier TEXT NOT NULL, source_arn TEXT NOT NULL,
  enabled INTEGER NOT NULL, configuration TEXT NOT NULL, start_at_ms INTEGER NOT NULL,
  modified_at_ms INTEGER NOT NULL, tags TEXT NOT NULL,
  PRIMARY KEY (account, region, uuid));
CREATE INDEX event_source_mapping_by_function ON event_source_mapping (account, region, function, uuid);
CREATE INDEX event_source_mapping_by_source ON event_source_mapping (account, region, source_arn, uuid);
CREATE INDEX event_source_mapping_enabled ON event_source_mapping (enabled, account, region, uuid);
-- Where reading a shard goes on. `state`: JSON of its tumbling window.
CREATE TABLE event_source_checkpoint (
  account TEXT NOT NULL, region TEXT NOT NULL, uuid TEXT NOT NULL, shard TEXT NOT NULL,
  position TEXT NOT NULL, ended INTEGER NOT NULL, state TEXT NOT NULL,
  PRIMARY KEY (account, region, uuid, shard));

-- Which versions use a layer's package.
CREATE TABLE function_layer (
  account TEXT NOT NULL, region TEXT NOT NULL, function TEXT NOT NULL, version INTEGER NOT NULL, blob TEXT NOT NULL,
  PRIMARY KEY (account, region, function, version, blob));
CREATE INDEX function_layer_by_blob ON function_layer (blob);
