-- Scheduler. A document is what AWS shows of the resource, as JSON. The default group has a row only once
-- something was said of it. `next_ms`: when it runs next, 0 where it does not.
CREATE TABLE schedule_group (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL, token TEXT NOT NULL,
  PRIMARY KEY (account, region, name)) STRICT;

CREATE TABLE schedule (
  account TEXT NOT NULL, region TEXT NOT NULL, group_name TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,
  token TEXT NOT NULL, next_ms INTEGER NOT NULL, PRIMARY KEY (account, region, group_name, name)) STRICT;
