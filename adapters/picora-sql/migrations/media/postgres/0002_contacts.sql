-- Where an account is reached, once an operator has said, and whether it wants to be told at 80 % of a limit.

ALTER TABLE picora_account
    ADD COLUMN email TEXT COLLATE "C" CHECK (octet_length(email) BETWEEN 3 AND 254),
    ADD COLUMN early_notices BIGINT NOT NULL DEFAULT 1 CHECK (early_notices IN (0, 1));
