-- HTTP APIs. A document is what AWS shows of the resource, as JSON.
CREATE TABLE http_api (
  account TEXT NOT NULL, region TEXT NOT NULL, id TEXT NOT NULL, created_ms INTEGER NOT NULL,
  document TEXT NOT NULL, PRIMARY KEY (account, region, id)) STRICT;
CREATE INDEX http_api_by_id ON http_api (id, created_ms);

CREATE TABLE http_route (
  account TEXT NOT NULL, region TEXT NOT NULL, api_id TEXT NOT NULL, id TEXT NOT NULL,
  route_key TEXT NOT NULL, target TEXT NOT NULL, document TEXT NOT NULL,
  PRIMARY KEY (account, region, api_id, id), UNIQUE (account, region, api_id, route_key)) STRICT;

CREATE TABLE http_integration (
  account TEXT NOT NULL, region TEXT NOT NULL, api_id TEXT NOT NULL, id TEXT NOT NULL,
  document TEXT NOT NULL, PRIMARY KEY (account, region, api_id, id)) STRICT;

-- Without a snapshot a deployment is the API as it is: those of stages that deploy by themselves.
CREATE TABLE http_deployment (
  account TEXT NOT NULL, region TEXT NOT NULL, api_id TEXT NOT NULL, id TEXT NOT NULL,
  created_ms INTEGER NOT NULL, document TEXT NOT NULL, snapshot TEXT,
  PRIMARY KEY (account, region, api_id, id)) STRICT;

CREATE TABLE http_stage (
  account TEXT NOT NULL, region TEXT NOT NULL, api_id TEXT NOT NULL, name TEXT NOT NULL,
  deployment_id TEXT NOT NULL, auto_deploy INTEGER NOT NULL, document TEXT NOT NULL,
  PRIMARY KEY (account, region, api_id, name)) STRICT;
