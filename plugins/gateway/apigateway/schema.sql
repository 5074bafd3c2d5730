-- REST APIs. A document is what AWS shows of the resource, as JSON.
CREATE TABLE rest_api (
  account TEXT NOT NULL, region TEXT NOT NULL, id TEXT NOT NULL, created_ms INTEGER NOT NULL,
  document TEXT NOT NULL, PRIMARY KEY (account, region, id)) STRICT;
CREATE INDEX rest_api_by_id ON rest_api (id, created_ms);

CREATE TABLE rest_resource (
  account TEXT NOT NULL, region TEXT NOT NULL, api_id TEXT NOT NULL, id TEXT NOT NULL,
  parent_id TEXT NOT NULL, path_part TEXT NOT NULL, path TEXT NOT NULL,
  methods TEXT NOT NULL, PRIMARY KEY (account, region, api_id, id)) STRICT;

-- A snapshot is all that serving needs, so that later changes of the API do not reach a deployment.
CREATE TABLE rest_deployment (
  account TEXT NOT NULL, region TEXT NOT NULL, api_id TEXT NOT NULL, id TEXT NOT NULL,
  created_ms INTEGER NOT NULL, description TEXT, snapshot TEXT NOT NULL,
  PRIMARY KEY (account, region, api_id, id)) STRICT;

CREATE TABLE rest_stage (
  account TEXT NOT NULL, region TEXT NOT NULL, api_id TEXT NOT NULL, name TEXT NOT NULL,
  deployment_id TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (account, region, api_id, name)) STRICT;
