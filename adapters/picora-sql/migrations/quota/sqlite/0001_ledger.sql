-- The ledger: limits, what is used and reserved of them, reservations with their outcomes, and the keys of postings.
-- Ids are 16 bytes, times are microseconds since 1970, amounts are 0..=2^62.

-- What an account may do. Written by plan changes only; no number means no limit.
CREATE TABLE picora_account_limit (
    account BLOB NOT NULL CHECK (length(account) = 16),
    counter TEXT NOT NULL,
    lim INTEGER CHECK (lim BETWEEN 0 AND 4611686018427387904),
    PRIMARY KEY (account, counter)
) STRICT, WITHOUT ROWID;

-- One cell: a counter of an account in a window ('' for a level, '2026-04' or '2026-04-24'). `lim` copies the account's limit, so that
-- the row alone decides; a plan change writes both.
CREATE TABLE picora_usage (
    account BLOB NOT NULL CHECK (length(account) = 16),
    counter TEXT NOT NULL,
    win TEXT NOT NULL,
    used INTEGER NOT NULL CHECK (used >= 0),
    reserved INTEGER NOT NULL CHECK (reserved >= 0),
    lim INTEGER CHECK (lim BETWEEN 0 AND 4611686018427387904),
    PRIMARY KEY (account, counter, win),
    CHECK (used + reserved <= 4611686018427387904)
) STRICT, WITHOUT ROWID;

-- A reservation, or a refusal that is remembered. `granted` and `denial` are JSON: they are read and written whole, under the lock of
-- their row.
CREATE TABLE picora_reservation (
    id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    account BLOB NOT NULL CHECK (length(account) = 16),
    request_hash BLOB NOT NULL CHECK (length(request_hash) = 32),
    state TEXT NOT NULL CHECK (state IN ('pending', 'committed', 'released', 'expired', 'denied')),
    granted TEXT NOT NULL,
    denial TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    decided_at INTEGER NOT NULL,
    CHECK ((state = 'denied') = (denial IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX picora_reservation_of_account ON picora_reservation (account, state, expires_at);
CREATE INDEX picora_reservation_due ON picora_reservation (expires_at) WHERE state = 'pending';
CREATE INDEX picora_reservation_old ON picora_reservation (decided_at) WHERE state <> 'pending';

-- What moved the ledger without a reservation. A key is kept for good: it moves the ledger once.
CREATE TABLE picora_posting (
    key TEXT PRIMARY KEY NOT NULL,
    account BLOB NOT NULL CHECK (length(account) = 16),
    counter TEXT NOT NULL,
    win TEXT NOT NULL,
    delta INTEGER NOT NULL,
    reason TEXT NOT NULL,
    happened_at INTEGER NOT NULL,
    posted_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX picora_posting_of_account ON picora_posting (account);
