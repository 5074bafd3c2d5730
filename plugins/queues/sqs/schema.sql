-- A queue. `attributes` is JSON: what was set, by AWS's names, as text. `number` is where its messages are;
-- it is never used again once the queue is gone.
CREATE TABLE sqs_queue (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
  number INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL, modified_at_ms INTEGER NOT NULL,
  purged_at_ms INTEGER NOT NULL,   -- 0: never.
  attributes TEXT NOT NULL, tags TEXT NOT NULL,
  dead_letter_name TEXT NOT NULL,  -- The queue that the redrive policy names; empty: none.
  PRIMARY KEY (account, region, name)
) STRICT;
CREATE INDEX sqs_queue_by_dead_letter ON sqs_queue (account, region, dead_letter_name, name);

-- What changes with the messages of a queue. The row is there as long as the queue is.
CREATE TABLE sqs_counter (
  account TEXT NOT NULL, queue INTEGER NOT NULL,
  version INTEGER NOT NULL,        -- Grows with every change of the queue's definition.
  next_sequence INTEGER NOT NULL,
  messages INTEGER NOT NULL,       -- All of them, hidden ones too.
  expires INTEGER NOT NULL,        -- Whether a task is to remove what is too old.
  fair INTEGER NOT NULL,           -- Whether a standard queue has had messages with a group.
  PRIMARY KEY (account, queue)
) STRICT, WITHOUT ROWID;

-- The next number of an account's queues.
CREATE TABLE sqs_number (account TEXT NOT NULL PRIMARY KEY, next INTEGER NOT NULL) STRICT;

-- Names of queues that were deleted less than a minute ago.
CREATE TABLE sqs_deleted (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, deleted_at_ms INTEGER NOT NULL,
  PRIMARY KEY (account, region, name)
) STRICT;

-- A message. Rows stay small, because every receive writes one anew: long content is in sqs_body.
CREATE TABLE sqs_message (
  account TEXT NOT NULL, queue INTEGER NOT NULL, sequence INTEGER NOT NULL,
  visible_at_ms INTEGER NOT NULL,
  received INTEGER NOT NULL,       -- 1 once it was received in this queue.
  receives INTEGER NOT NULL,       -- Of all queues that it was in.
  receives_before INTEGER NOT NULL,  -- Those of other queues.
  receipt INTEGER NOT NULL,        -- Of the last receive: what its receipt handle must hold.
  first_received_at_ms INTEGER NOT NULL, received_at_ms INTEGER NOT NULL,  -- 0: never.
  sent_at_ms INTEGER NOT NULL,
  fifo_group TEXT,                 -- The message group, in FIFO queues.
  tenant TEXT,                     -- The same in fair queues; a space: it has none. Else null.
  id TEXT NOT NULL,
  system TEXT NOT NULL,            -- JSON: system attributes that stay as they are.
  body TEXT, attributes TEXT,      -- Null: in sqs_body. Attributes are JSON, binary values in base64.
  PRIMARY KEY (account, queue, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX sqs_message_by_time ON sqs_message (account, queue, visible_at_ms, sequence, received);
CREATE INDEX sqs_message_by_group ON sqs_message (account, queue, fifo_group, sequence) WHERE fifo_group IS NOT NULL;

CREATE INDEX sqs_message_by_tenant ON sqs_message (account, queue, tenant, visible_at_ms, sequence)
  WHERE tenant IS NOT NULL;

CREATE TABLE sqs_body (
  account TEXT NOT NULL, queue INTEGER NOT NULL, sequence INTEGER NOT NULL,
  body TEXT NOT NULL, attributes TEXT NOT NULL,
  PRIMARY KEY (account, queue, sequence)
) STRICT;

-- Groups with messages, and when the next message of each may be received.
CREATE TABLE sqs_group (
  account TEXT NOT NULL, queue INTEGER NOT NULL, fifo_group TEXT NOT NULL,
  ready_at_ms INTEGER NOT NULL, head INTEGER NOT NULL,
  PRIMARY KEY (account, queue, fifo_group)
) STRICT, WITHOUT ROWID;
CREATE INDEX sqs_group_by_time ON sqs_group (account, queue, ready_at_ms, head);

-- What was sent in the last five minutes, also what has been deleted since.
CREATE TABLE sqs_sent (
  account TEXT NOT NULL, queue INTEGER NOT NULL, deduplication TEXT NOT NULL,
  expires_at_ms INTEGER NOT NULL, message_id TEXT NOT NULL, sequence INTEGER NOT NULL,
  PRIMARY KEY (account, queue, deduplication)
) STRICT, WITHOUT ROWID;
CREATE INDEX sqs_sent_by_time ON sqs_sent (account, queue, expires_at_ms);

-- What a receive request attempt got: JSON [[sequence, receipt], …].
CREATE TABLE sqs_attempt (
  account TEXT NOT NULL, queue INTEGER NOT NULL, attempt TEXT NOT NULL,
  expires_at_ms INTEGER NOT NULL, visible_at_ms INTEGER NOT NULL, messages TEXT NOT NULL,
  PRIMARY KEY (account, queue, attempt)
) STRICT;
CREATE INDEX sqs_attempt_by_time ON sqs_attempt (account, queue, expires_at_ms);

-- Message move tasks.
CREATE TABLE sqs_move (
  account TEXT NOT NULL, region TEXT NOT NULL, source TEXT NOT NULL,  -- The source queue's name.
  started_at_ms INTEGER NOT NULL, id TEXT NOT NULL,
  destination TEXT NOT NULL,       -- ARN; empty: where each message came from.
  per_second INTEGER NOT NULL,     -- 0: as fast as it goes.
  to_move INTEGER NOT NULL, moved INTEGER NOT NULL,
  status TEXT NOT NULL, failure TEXT NOT NULL,
  PRIMARY KEY (account, region, source, started_at_ms, id)
) STRICT;
