-- SNS. `attributes` are JSON: what was set, by AWS's names, as text.
CREATE TABLE sns_topic (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, attributes TEXT NOT NULL,
  subscriptions_deleted INTEGER NOT NULL,
  last_sequence INTEGER NOT NULL,  -- Of a FIFO topic: how many messages it has taken.
  PRIMARY KEY (account, region, name)) STRICT;

-- `token` confirms it; `confirmed` is 0 or 1. An endpoint is subscribed once.
CREATE TABLE sns_subscription (
  account TEXT NOT NULL, region TEXT NOT NULL, topic TEXT NOT NULL, id TEXT NOT NULL,
  protocol TEXT NOT NULL, endpoint TEXT NOT NULL, token TEXT NOT NULL, confirmed INTEGER NOT NULL,
  attributes TEXT NOT NULL, PRIMARY KEY (account, region, topic, id)) STRICT;
CREATE UNIQUE INDEX sns_subscription_by_endpoint
  ON sns_subscription (account, region, topic, protocol, endpoint);
CREATE INDEX sns_subscription_by_token ON sns_subscription (account, region, topic, token);

-- What a FIFO topic took in the last five minutes. `scope` is the message group where the topic's
-- FifoThroughputScope says so; else empty.
CREATE TABLE sns_deduplication (
  account TEXT NOT NULL, region TEXT NOT NULL, topic TEXT NOT NULL, scope TEXT NOT NULL, id TEXT NOT NULL,
  message_id TEXT NOT NULL, sequence INTEGER NOT NULL, expires_at_ms INTEGER NOT NULL,
  PRIMARY KEY (account, region, topic, scope, id)) STRICT;
CREATE INDEX sns_deduplication_by_age ON sns_deduplication (account, region, topic, expires_at_ms);

-- Messages of FIFO topics that have not been handed on yet. Documents of messages are JSON, binary values
-- in base64.
CREATE TABLE sns_outgoing (
  account TEXT NOT NULL, region TEXT NOT NULL, topic TEXT NOT NULL, sequence INTEGER NOT NULL,
  message TEXT NOT NULL, PRIMARY KEY (account, region, topic, sequence)) STRICT;

-- What waits for a subscription of a FIFO topic, in order: behind a message that failed, or replayed.
CREATE TABLE sns_backlog (
  account TEXT NOT NULL, region TEXT NOT NULL, topic TEXT NOT NULL, subscription TEXT NOT NULL,
  position INTEGER NOT NULL, message TEXT NOT NULL, tries INTEGER NOT NULL,
  PRIMARY KEY (account, region, topic, subscription, position)) STRICT;

-- The archive of a FIFO topic.
CREATE TABLE sns_archive (
  account TEXT NOT NULL, region TEXT NOT NULL, topic TEXT NOT NULL, sequence INTEGER NOT NULL,
  at_ms INTEGER NOT NULL, message TEXT NOT NULL, PRIMARY KEY (account, region, topic, sequence)) STRICT;
CREATE INDEX sns_archive_by_age ON sns_archive (account, region, topic, at_ms, sequence);

-- Mail and text messages. `id` makes a repeated delivery one letter.
CREATE TABLE sns_mailbox (
  account TEXT NOT NULL, region TEXT NOT NULL, at_ms INTEGER NOT NULL, id TEXT NOT NULL,
  protocol TEXT NOT NULL, address TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL,
  topic_arn TEXT NOT NULL, message_id TEXT NOT NULL, links TEXT NOT NULL,
  PRIMARY KEY (account, region, at_ms, id)) STRICT;

CREATE TABLE sns_platform_application (
  account TEXT NOT NULL, region TEXT NOT NULL, platform TEXT NOT NULL, name TEXT NOT NULL,
  attributes TEXT NOT NULL, PRIMARY KEY (account, region, platform, name)) STRICT;

-- `application` is "PLATFORM/NAME".
CREATE TABLE sns_endpoint (
  account TEXT NOT NULL, region TEXT NOT NULL, application TEXT NOT NULL, id TEXT NOT NULL,
  token TEXT NOT NULL, attributes TEXT NOT NULL, PRIMARY KEY (account, region, application, id)) STRICT;
CREATE UNIQUE INDEX sns_endpoint_by_token ON sns_endpoint (account, region, application, token);

CREATE TABLE sns_endpoint_message (
  account TEXT NOT NULL, region TEXT NOT NULL, at_ms INTEGER NOT NULL, id TEXT NOT NULL,
  endpoint TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (account, region, at_ms, id)) STRICT;

CREATE TABLE sns_sms_settings (
  account TEXT NOT NULL, region TEXT NOT NULL, attributes TEXT NOT NULL, PRIMARY KEY (account, region)) STRICT;

CREATE TABLE sns_opted_out (
  account TEXT NOT NULL, region TEXT NOT NULL, number TEXT NOT NULL, PRIMARY KEY (account, region, number)) STRICT;

CREATE TABLE sns_sandbox_number (
  account TEXT NOT NULL, region TEXT NOT NULL, number TEXT NOT NULL, verified INTEGER NOT NULL,
  password TEXT NOT NULL, PRIMARY KEY (account, region, number)) STRICT;

-- With what messages are signed. PEM; `name` is in the certificate's address.
CREATE TABLE sns_signing_key (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, private_key TEXT NOT NULL,
  certificate TEXT NOT NULL, PRIMARY KEY (account, region)) STRICT;
CREATE UNIQUE INDEX sns_signing_key_by_name ON sns_signing_key (name);
