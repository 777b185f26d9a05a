-- Takes room in one call, when all that is asked for is plain: the cells exist, their limits stand, nothing is due, nothing is counted in a
-- later window, and everything fits in full. Answers what the cells held before, in the order of the arrays; or nothing, and then nothing
-- has changed. It may answer nothing where the rule would admit: the caller then goes step by step. What it admits, the caller holds
-- against the rule.
--
-- Cells are looked at before they are locked, so that a refusal locks nothing and writes nothing. What changes between the look and the
-- lock is found by the conditions of the UPDATE, and ends the call with PC001.
CREATE FUNCTION picora_reserve_at_once(
    of_account BYTEA, counters TEXT[], wins TEXT[], more BIGINT[], at BIGINT,
    later_counters TEXT[], later_wins TEXT[], singles TEXT[], wanted BIGINT[],
    new_id BYTEA, new_request_hash BYTEA, new_granted TEXT, new_created_at BIGINT, new_expires_at BIGINT
) RETURNS TABLE (were_used BIGINT[], were_reserved BIGINT[], lims BIGINT[])
LANGUAGE plpgsql AS $$
DECLARE
    cell RECORD;
BEGIN
    IF EXISTS (
        SELECT FROM picora_reservation r
        WHERE r.account = of_account AND r.state = 'pending' AND r.expires_at <= at)
    THEN
        RETURN;
    END IF;
    FOR n IN 1..cardinality(later_counters) LOOP
        IF EXISTS (
            SELECT FROM picora_usage u
            WHERE u.account = of_account AND u.counter = later_counters[n] AND u.win = later_wins[n] AND u.used + u.reserved > 0)
        THEN
            RETURN;
        END IF;
    END LOOP;
    FOR n IN 1..cardinality(counters) LOOP
        PERFORM FROM picora_usage u
        WHERE u.account = of_account AND u.counter = counters[n] AND u.win = wins[n]
            AND (u.lim IS NULL OR u.lim - u.used - u.reserved >= more[n])
            AND (u.lim_until IS NULL OR u.lim_until > at);
        IF NOT FOUND THEN
            RETURN;
        END IF;
    END LOOP;
    FOR n IN 1..cardinality(singles) LOOP
        PERFORM FROM picora_account_limit l
        WHERE l.account = of_account AND l.counter = singles[n] AND (l.lim IS NULL OR l.lim >= wanted[n]);
        IF NOT FOUND THEN
            RETURN;
        END IF;
    END LOOP;

    FOR n IN 1..cardinality(counters) LOOP
        UPDATE picora_usage u SET reserved = u.reserved + more[n], moves = u.moves + 1
        WHERE u.account = of_account AND u.counter = counters[n] AND u.win = wins[n]
            AND (u.lim IS NULL OR u.lim - u.used - u.reserved >= more[n])
            AND (u.lim_until IS NULL OR u.lim_until > at)
        RETURNING u.used, u.reserved - more[n] AS reserved, u.lim INTO cell;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'another step was there first' USING ERRCODE = 'PC001';
        END IF;
        were_used[n] := cell.used;
        were_reserved[n] := cell.reserved;
        lims[n] := cell.lim;
    END LOOP;
    -- Now that the cells are held, a plan change has written these, too, or none of both.
    FOR n IN 1..cardinality(singles) LOOP
        PERFORM FROM picora_account_limit l
        WHERE l.account = of_account AND l.counter = singles[n] AND (l.lim IS NULL OR l.lim >= wanted[n]);
        IF NOT FOUND THEN
            RAISE EXCEPTION 'another step was there first' USING ERRCODE = 'PC001';
        END IF;
    END LOOP;
    INSERT INTO picora_reservation (id, account, request_hash, state, granted, created_at, expires_at, decided_at)
    VALUES (new_id, of_account, new_request_hash, 'pending', new_granted, new_created_at, new_expires_at, at);
    RETURN NEXT;
END
$$;
