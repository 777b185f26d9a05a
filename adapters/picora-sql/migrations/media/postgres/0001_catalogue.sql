-- Accounts with their keys, assets, uploads under way, objects that are to be removed, and what operators did.
-- Ids are 16 bytes, times are microseconds since 1970, hashes are SHA-256. An asset's id is its kind and its bytes.

CREATE TABLE picora_account (
    id BYTEA PRIMARY KEY CHECK (octet_length(id) = 16),
    plan TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    disabled_until BIGINT
);

-- Of a secret only its hash is known. A revoked key stays, so that what was done with it can be told.
CREATE TABLE picora_api_key (
    id BYTEA PRIMARY KEY CHECK (octet_length(id) = 16),
    account BYTEA NOT NULL CHECK (octet_length(account) = 16),
    secret_hash BYTEA NOT NULL UNIQUE CHECK (octet_length(secret_hash) = 32),
    label TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

CREATE INDEX picora_api_key_of_account ON picora_api_key (account);

-- `tags` is a JSON array of texts, in their order.
CREATE TABLE picora_asset (
    id BYTEA NOT NULL CHECK (octet_length(id) = 16),
    kind TEXT COLLATE "C" NOT NULL,
    account BYTEA NOT NULL CHECK (octet_length(account) = 16),
    reservation BYTEA NOT NULL CHECK (octet_length(reservation) = 16),
    file_name TEXT,
    content_type TEXT NOT NULL,
    bytes BIGINT NOT NULL CHECK (bytes >= 0),
    sha256 BYTEA NOT NULL CHECK (octet_length(sha256) = 32),
    is_public BOOLEAN NOT NULL,
    tags TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (id, kind)
);

-- A page of an account's assets of one kind, the newest first.
CREATE INDEX picora_asset_of_account ON picora_asset (account, kind, id);
CREATE INDEX picora_asset_of_reservation ON picora_asset (account, reservation);
-- The same bytes are one document of an account, whoever comes first.
CREATE UNIQUE INDEX picora_asset_document ON picora_asset (account, sha256) WHERE kind = 'document';

-- An upload under way: what a crash leaves is found by its deadline.
CREATE TABLE picora_upload (
    id BYTEA NOT NULL CHECK (octet_length(id) = 16),
    kind TEXT COLLATE "C" NOT NULL,
    account BYTEA NOT NULL CHECK (octet_length(account) = 16),
    reservation BYTEA NOT NULL CHECK (octet_length(reservation) = 16),
    deadline BIGINT NOT NULL,
    PRIMARY KEY (id, kind)
);

CREATE INDEX picora_upload_overdue ON picora_upload (deadline, id);
CREATE INDEX picora_upload_of_account ON picora_upload (account);

-- Objects whose bytes are to be removed, until that has succeeded.
CREATE TABLE picora_condemned (
    id BYTEA NOT NULL CHECK (octet_length(id) = 16),
    kind TEXT COLLATE "C" NOT NULL,
    account BYTEA NOT NULL CHECK (octet_length(account) = 16),
    since BIGINT NOT NULL,
    PRIMARY KEY (id, kind)
);

CREATE INDEX picora_condemned_oldest ON picora_condemned (since, id);

-- No actor is the command line on the host itself.
CREATE TABLE picora_audit (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    actor BYTEA CHECK (octet_length(actor) = 16),
    action TEXT NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    reason TEXT NOT NULL,
    at BIGINT NOT NULL
);

CREATE INDEX picora_audit_actor ON picora_audit (actor);
CREATE INDEX picora_audit_subject ON picora_audit (subject);
