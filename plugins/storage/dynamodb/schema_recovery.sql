-- Backups. Their items are in spaces of their own, which nothing else uses.
CREATE TABLE dynamodb_backup (
  account TEXT NOT NULL, region TEXT NOT NULL, arn TEXT NOT NULL,
  table_name TEXT NOT NULL, created_at_ms INTEGER NOT NULL,
  space INTEGER NOT NULL,
  backup TEXT NOT NULL,            -- JSON: BackupDescription as DescribeBackup answers it.
  definition TEXT NOT NULL,        -- JSON: the table's, as in dynamodb_table.
  PRIMARY KEY (account, region, arn)
) STRICT;

-- What items were before each change, of tables with point-in-time recovery. Sequences only grow.
CREATE TABLE dynamodb_undo (
  account TEXT NOT NULL, space INTEGER NOT NULL, sequence INTEGER NOT NULL,
  at_ms INTEGER NOT NULL, pk BLOB NOT NULL, sk BLOB NOT NULL,
  bytes INTEGER NOT NULL,
  content BLOB,                    -- Null: there was no item.
  PRIMARY KEY (account, space, sequence)
) STRICT, WITHOUT ROWID;
