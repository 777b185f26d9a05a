-- The service's own tables. Those of the ledger are called picora_… and have a record of migrations of their own.
-- A constraint bears the name of the field that it guards: that is what a client is told when it refuses.

CREATE TABLE accounts (
    id BYTEA PRIMARY KEY,
    name TEXT NOT NULL,
    CONSTRAINT name CHECK (length(name) BETWEEN 1 AND 200)
);

CREATE TABLE notes (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account BYTEA NOT NULL REFERENCES accounts,
    -- The reservation that paid for the note: by it a repeated request finds what the first one made.
    reservation BYTEA NOT NULL UNIQUE,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    CONSTRAINT title CHECK (length(title) BETWEEN 1 AND 200),
    UNIQUE (account, title)
);
