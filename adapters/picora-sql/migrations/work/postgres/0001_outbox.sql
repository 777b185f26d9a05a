-- What must leave, and who may run which job. Times are microseconds since 1970, ids are 16 bytes. Names compare as bytes, so that every
-- database sorts alike.

-- A message. `next_at` says from when on it may be claimed: when it is due, then the end of a claim or of a postponement. Rows stay for
-- good, so that a key is used once; the body goes when the account is erased or the message is long done.
CREATE TABLE picora_outbox (
    topic TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 200),
    account BYTEA CHECK (octet_length(account) = 16),
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('open', 'done', 'given_up', 'erased')),
    body TEXT,
    due_at BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL CHECK (attempts >= 0),
    fence BIGINT NOT NULL CHECK (fence >= 0),
    reason TEXT,
    ended_at BIGINT,
    PRIMARY KEY (topic, key),
    CHECK (state <> 'open' OR body IS NOT NULL),
    CHECK ((state IN ('done', 'given_up')) = (ended_at IS NOT NULL))
);

CREATE INDEX picora_outbox_next ON picora_outbox (topic, next_at, key) WHERE state = 'open';
CREATE INDEX picora_outbox_of_account ON picora_outbox (account) WHERE account IS NOT NULL;
CREATE INDEX picora_outbox_old ON picora_outbox (ended_at) WHERE ended_at IS NOT NULL AND body IS NOT NULL;

-- Who runs a job, until when, and how often it was taken. Rows stay for good, so that fences never start again.
CREATE TABLE picora_lease (
    name TEXT COLLATE "C" PRIMARY KEY,
    holder BYTEA NOT NULL CHECK (octet_length(holder) = 16),
    fence BIGINT NOT NULL CHECK (fence >= 0),
    until BIGINT NOT NULL
);
