-- Accounts with their keys, assets, uploads under way, objects that are to be removed, and what operators did.
-- Ids are 16 bytes, times are microseconds since 1970, hashes are SHA-256. An asset's id is its kind and its bytes.

CREATE TABLE picora_account (
    id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    plan TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    disabled_until INTEGER
) STRICT, WITHOUT ROWID;

-- Of a secret only its hash is known. A revoked key stays, so that what was done with it can be told.
CREATE TABLE picora_api_key (
    id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    account BLOB NOT NULL CHECK (length(account) = 16),
    secret_hash BLOB NOT NULL UNIQUE CHECK (length(secret_hash) = 32),
    label TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX picora_api_key_of_account ON picora_api_key (account);

-- `tags` is a JSON array of texts, in their order.
CREATE TABLE picora_asset (
    id BLOB NOT NULL CHECK (length(id) = 16),
    kind TEXT NOT NULL,
    account BLOB NOT NULL CHECK (length(account) = 16),
    reservation BLOB NOT NULL CHECK (length(reservation) = 16),
    file_name TEXT,
    content_type TEXT NOT NULL,
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
    is_public INTEGER NOT NULL CHECK (is_public IN (0, 1)),
    tags TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (id, kind)
) STRICT, WITHOUT ROWID;

-- A page of an account's assets of one kind, the newest first.
CREATE INDEX picora_asset_of_account ON picora_asset (account, kind, id);
CREATE INDEX picora_asset_of_reservation ON picora_asset (account, reservation);
-- The same bytes are one document of an account, whoever comes first.
CREATE UNIQUE INDEX picora_asset_document ON picora_asset (account, sha256) WHERE kind = 'document';

-- An upload under way: what a crash leaves is found by its deadline.
CREATE TABLE picora_upload (
    id BLOB NOT NULL CHECK (length(id) = 16),
    kind TEXT NOT NULL,
    account BLOB NOT NULL CHECK (length(account) = 16),
    reservation BLOB NOT NULL CHECK (length(reservation) = 16),
    deadline INTEGER NOT NULL,
    PRIMARY KEY (id, kind)
) STRICT, WITHOUT ROWID;

CREATE INDEX picora_upload_overdue ON picora_upload (deadline, id);
CREATE INDEX picora_upload_of_account ON picora_upload (account);

-- Objects whose bytes are to be removed, until that has succeeded.
CREATE TABLE picora_condemned (
    id BLOB NOT NULL CHECK (length(id) = 16),
    kind TEXT NOT NULL,
    account BLOB NOT NULL CHECK (length(account) = 16),
    since INTEGER NOT NULL,
    PRIMARY KEY (id, kind)
) STRICT, WITHOUT ROWID;

CREATE INDEX picora_condemned_oldest ON picora_condemned (since, id);

-- No actor is the command line on the host itself.
CREATE TABLE picora_audit (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    actor BLOB CHECK (length(actor) = 16),
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX picora_audit_actor ON picora_audit (actor);
CREATE INDEX picora_audit_subject ON picora_audit (subject);
