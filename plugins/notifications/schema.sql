-- Tags of this plugin's resources, whatever the service.
CREATE TABLE notification_tag (
  account TEXT NOT NULL, region TEXT NOT NULL, arn TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (account, region, arn, key)) STRICT;
