CREATE TABLE coupon (
  account TEXT NOT NULL, region TEXT NOT NULL, code TEXT NOT NULL, percent INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL, PRIMARY KEY (account, region, code)) STRICT;
