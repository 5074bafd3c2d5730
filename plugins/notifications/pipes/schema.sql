-- Pipes. A document is what AWS shows of the pipe, as JSON; `runs` is 1 where it is to be running.
CREATE TABLE pipe (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL, runs INTEGER NOT NULL,
  PRIMARY KEY (account, region, name)) STRICT;
CREATE INDEX pipe_by_state ON pipe (runs);

-- How far the pipe has read each shard of a stream.
CREATE TABLE pipe_position (
  account TEXT NOT NULL, region TEXT NOT NULL, pipe TEXT NOT NULL, shard TEXT NOT NULL, position TEXT NOT NULL,
  ended INTEGER NOT NULL, PRIMARY KEY (account, region, pipe, shard)) STRICT;
