-- What must leave, and who may run which job. Times are microseconds since 1970, ids are 16 bytes.

-- A message. `next_at` says from when on it may be claimed: when it is due, then the end of a claim or of a postponement. Rows stay for
-- good, so that a key is used once; the body goes when the account is erased or the message is long done.
CREATE TABLE picora_outbox (
    topic TEXT NOT NULL,
    key TEXT NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 200),
    account BLOB CHECK (length(account) = 16),
    state TEXT NOT NULL CHECK (state IN ('open', 'done', 'given_up', 'erased')),
    body TEXT,
    due_at INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    fence INTEGER NOT NULL CHECK (fence >= 0),
    reason TEXT,
    ended_at INTEGER,
    PRIMARY KEY (topic, key),
    CHECK (state <> 'open' OR body IS NOT NULL),
    CHECK ((state IN ('done', 'given_up')) = (ended_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX picora_outbox_next ON picora_outbox (topic, next_at, key) WHERE state = 'open';
CREATE INDEX picora_outbox_of_account ON picora_outbox (account) WHERE account IS NOT NULL;
CREATE INDEX picora_outbox_old ON picora_outbox (ended_at) WHERE ended_at IS NOT NULL AND body IS NOT NULL;

-- Who runs a job, until when, and how often it was taken. Rows stay for good, so that fences never start again.
CREATE TABLE picora_lease (
    name TEXT PRIMARY KEY NOT NULL,
    holder BLOB NOT NULL CHECK (length(holder) = 16),
    fence INTEGER NOT NULL CHECK (fence >= 0),
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
