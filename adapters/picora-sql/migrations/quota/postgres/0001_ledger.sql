-- The ledger: limits, what is used and reserved of them, reservations with their outcomes, and the keys of postings.
-- Ids are 16 bytes, times are microseconds since 1970, amounts are 0..=2^62. Names compare as bytes, so that every database sorts alike.

-- What an account may do. Written by plan changes only; no number means no limit.
CREATE TABLE picora_account_limit (
    account BYTEA NOT NULL CHECK (octet_length(account) = 16),
    counter TEXT COLLATE "C" NOT NULL,
    lim BIGINT CHECK (lim BETWEEN 0 AND 4611686018427387904),
    PRIMARY KEY (account, counter)
);

-- One cell: a counter of an account in a window ('' for a level, '2026-04' or '2026-04-24'). `lim` copies the account's limit, so that
-- the row alone decides; a plan change writes both. The pages keep room for the next version of a row, which changes with every upload.
CREATE TABLE picora_usage (
    account BYTEA NOT NULL CHECK (octet_length(account) = 16),
    counter TEXT COLLATE "C" NOT NULL,
    win TEXT COLLATE "C" NOT NULL,
    used BIGINT NOT NULL CHECK (used >= 0),
    reserved BIGINT NOT NULL CHECK (reserved >= 0),
    lim BIGINT CHECK (lim BETWEEN 0 AND 4611686018427387904),
    PRIMARY KEY (account, counter, win),
    CHECK (used + reserved <= 4611686018427387904)
) WITH (fillfactor = 70);

-- A reservation, or a refusal that is remembered. `granted` and `denial` are JSON: they are read and written whole, under the lock of
-- their row.
CREATE TABLE picora_reservation (
    id BYTEA PRIMARY KEY CHECK (octet_length(id) = 16),
    account BYTEA NOT NULL CHECK (octet_length(account) = 16),
    request_hash BYTEA NOT NULL CHECK (octet_length(request_hash) = 32),
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('pending', 'committed', 'released', 'expired', 'denied')),
    granted TEXT NOT NULL,
    denial TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    decided_at BIGINT NOT NULL,
    CHECK ((state = 'denied') = (denial IS NOT NULL))
);

CREATE INDEX picora_reservation_of_account ON picora_reservation (account, state, expires_at);
CREATE INDEX picora_reservation_due ON picora_reservation (expires_at) WHERE state = 'pending';
CREATE INDEX picora_reservation_old ON picora_reservation (decided_at) WHERE state <> 'pending';

-- What moved the ledger without a reservation. A key is kept for good: it moves the ledger once.
CREATE TABLE picora_posting (
    key TEXT COLLATE "C" PRIMARY KEY,
    account BYTEA NOT NULL CHECK (octet_length(account) = 16),
    counter TEXT COLLATE "C" NOT NULL,
    win TEXT COLLATE "C" NOT NULL,
    delta BIGINT NOT NULL,
    reason TEXT NOT NULL,
    happened_at BIGINT NOT NULL,
    posted_at BIGINT NOT NULL
);

CREATE INDEX picora_posting_of_account ON picora_posting (account);
