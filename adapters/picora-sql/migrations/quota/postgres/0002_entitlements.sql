-- What an account may do besides its plan, when that changes by itself, what was told of it, and how its usage went.

-- `lim` is what counts now; `plan_lim` is the plan's part of it. At `lim_until` an override or a grant begins or ends; the first step
-- after it replaces the limits. `version` grows with every change.
ALTER TABLE picora_account_limit
    ADD COLUMN plan_lim BIGINT CHECK (plan_lim BETWEEN 0 AND 4611686018427387904),
    ADD COLUMN lim_until BIGINT,
    ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
UPDATE picora_account_limit SET plan_lim = lim;
CREATE INDEX picora_account_limit_due ON picora_account_limit (lim_until) WHERE lim_until IS NOT NULL;

-- `moves` counts every change of the row; `fired` and `arming` are its alarm: the highest level told of, in permille, and how often levels
-- were armed again.
ALTER TABLE picora_usage
    ADD COLUMN lim_until BIGINT,
    ADD COLUMN moves BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN fired BIGINT NOT NULL DEFAULT 0 CHECK (fired BETWEEN 0 AND 65535),
    ADD COLUMN arming BIGINT NOT NULL DEFAULT 0 CHECK (arming >= 0);

-- Numbers that are kept beside a dimension have no limit of their own.
INSERT INTO picora_account_limit (account, counter)
SELECT DISTINCT l.account, tally.name
FROM picora_account_limit l CROSS JOIN (VALUES ('audio_storage_bytes'), ('audio_bandwidth_bytes')) AS tally (name);

-- From here on every movement of `used` is written down, commits too; what came before is one movement.
INSERT INTO picora_posting (key, account, counter, win, delta, reason, happened_at, posted_at)
SELECT 'opening:' || encode(u.account, 'hex') || ':' || u.counter || ':' || u.win, u.account, u.counter, u.win,
    u.used - coalesce(sum(p.delta), 0)::bigint, 'opening', 0, 0
FROM picora_usage u
LEFT JOIN picora_posting p ON p.account = u.account AND p.counter = u.counter AND p.win = u.win
GROUP BY u.account, u.counter, u.win
HAVING u.used <> coalesce(sum(p.delta), 0);

CREATE TABLE picora_adjustment (
    id BYTEA PRIMARY KEY CHECK (octet_length(id) = 16),
    account BYTEA NOT NULL CHECK (octet_length(account) = 16),
    counter TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('grant', 'override')),
    amount BIGINT CHECK (amount BETWEEN 0 AND 4611686018427387904),
    begins_at BIGINT NOT NULL,
    ends_at BIGINT,
    reason TEXT NOT NULL,
    CHECK (kind = 'override' OR amount IS NOT NULL)
);
CREATE INDEX picora_adjustment_of_account ON picora_adjustment (account, id);

-- What was told, once.
CREATE TABLE picora_alert (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account BYTEA NOT NULL CHECK (octet_length(account) = 16),
    counter TEXT COLLATE "C" NOT NULL,
    permille BIGINT NOT NULL CHECK (permille BETWEEN 1 AND 65535),
    win TEXT COLLATE "C" NOT NULL,
    arming BIGINT NOT NULL,
    used BIGINT NOT NULL CHECK (used >= 0),
    lim BIGINT NOT NULL CHECK (lim >= 0),
    raised_at BIGINT NOT NULL,
    UNIQUE (account, counter, permille, win, arming)
);

-- What moved in an hour, a day or a month, and the number after the last move in it. A fact is in one grain only.
CREATE TABLE picora_usage_fact (
    account BYTEA NOT NULL CHECK (octet_length(account) = 16),
    counter TEXT COLLATE "C" NOT NULL,
    grain TEXT COLLATE "C" NOT NULL CHECK (grain IN ('hour', 'day', 'month')),
    start BIGINT NOT NULL,
    moved BIGINT NOT NULL,
    level BIGINT NOT NULL CHECK (level >= 0),
    PRIMARY KEY (account, counter, grain, start)
);
CREATE INDEX picora_usage_fact_old ON picora_usage_fact (grain, start);
