-- EventBridge. A document is what AWS shows of the resource, as JSON. The default bus has a row only once
-- something was said of it.
CREATE TABLE event_bus (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,
  PRIMARY KEY (account, region, name)) STRICT;

-- `next_ms`: when its schedule fires next, 0 where it has none or is disabled.
CREATE TABLE event_rule (
  account TEXT NOT NULL, region TEXT NOT NULL, bus TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,
  next_ms INTEGER NOT NULL, PRIMARY KEY (account, region, bus, name)) STRICT;

CREATE TABLE event_target (
  account TEXT NOT NULL, region TEXT NOT NULL, bus TEXT NOT NULL, rule TEXT NOT NULL, id TEXT NOT NULL,
  arn TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (account, region, bus, rule, id)) STRICT;
CREATE INDEX event_target_by_arn ON event_target (account, region, bus, arn, rule);

CREATE TABLE event_archive (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, bus TEXT NOT NULL, document TEXT NOT NULL,
  retention_days INTEGER NOT NULL, event_count INTEGER NOT NULL, size_bytes INTEGER NOT NULL,
  PRIMARY KEY (account, region, name)) STRICT;
CREATE INDEX event_archive_by_bus ON event_archive (account, region, bus);

-- `at_ms` is the event's own time, by which it is replayed; `kept_ms` when it was archived.
CREATE TABLE archived_event (
  account TEXT NOT NULL, region TEXT NOT NULL, archive TEXT NOT NULL, at_ms INTEGER NOT NULL, id TEXT NOT NULL,
  kept_ms INTEGER NOT NULL, event TEXT NOT NULL, PRIMARY KEY (account, region, archive, at_ms, id)) STRICT;
CREATE INDEX archived_event_by_age ON archived_event (account, region, archive, kept_ms);

CREATE TABLE event_replay (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,
  PRIMARY KEY (account, region, name)) STRICT;

-- `secrets` is what a connection is told but never shows.
CREATE TABLE event_connection (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL, secrets TEXT NOT NULL,
  PRIMARY KEY (account, region, name)) STRICT;

CREATE TABLE api_destination (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,
  connection TEXT NOT NULL, PRIMARY KEY (account, region, name)) STRICT;
CREATE INDEX api_destination_by_connection ON api_destination (account, region, connection);
