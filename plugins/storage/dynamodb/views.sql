-- What `moonbase sql storage` shows beside the tables themselves (schema.sql). Items are DynamoDB JSON:
-- SELECT item ->> '$.id.S' FROM items WHERE "table" = 'product';

-- The tables that exist.
CREATE TEMP VIEW tables AS
  SELECT account, region, name AS "table", version, definition FROM dynamodb_table;

-- Their items. `bytes` is the size as DynamoDB counts it.
CREATE TEMP VIEW items AS
  SELECT t.account, t.region, t.name AS "table", i.bytes, dynamodb_json(i.content) AS item
  FROM dynamodb_table t JOIN dynamodb_item i ON i.account = t.account AND i.space = t.space;

-- The entries of their indexes, as the indexes hold them.
CREATE TEMP VIEW index_entries AS
  SELECT t.account, t.region, t.name AS "table", x.value ->> '$.IndexName' AS "index", i.bytes,
         dynamodb_json(i.content) AS item
  FROM dynamodb_table t,
       json_each(json_array(t.definition -> '$.GlobalSecondaryIndexes', t.definition -> '$.LocalSecondaryIndexes')) l,
       json_each(l.value) x
  JOIN dynamodb_item i ON i.account = t.account AND i.space = x.value ->> '$.Space';

-- What their streams hold, oldest first.
CREATE TEMP VIEW stream_records AS
  SELECT s.account, s.region, s.table_name AS "table", r.sequence, r.at_ms,
         CASE r.event WHEN 0 THEN 'INSERT' WHEN 1 THEN 'MODIFY' ELSE 'REMOVE' END AS event,
         dynamodb_json(r.keys) AS keys, dynamodb_json(r.before) AS before, dynamodb_json(r.after) AS after
  FROM dynamodb_stream s JOIN dynamodb_record r ON r.account = s.account AND r.stream = s.stream
  ORDER BY r.sequence;

-- Backups, without their items.
CREATE TEMP VIEW backups AS
  SELECT account, region, table_name AS "table", arn, created_at_ms, backup FROM dynamodb_backup;
