-- What has changed since when, for whoever copies the ledger elsewhere. `changed_at` is the time that the last change of a limit was given.
ALTER TABLE picora_account_limit ADD COLUMN changed_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX picora_account_limit_changed ON picora_account_limit (changed_at, account);
CREATE INDEX picora_posting_posted ON picora_posting (posted_at, account);
