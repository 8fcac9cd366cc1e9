-- The session's staging tables: filled by COPY, emptied at commit, never written to the WAL. Salts come with
-- the events: the server's own random function opens /dev/urandom anew for each. A row staged as unchanged has no events.
CREATE FUNCTION record.open_stage() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL client_min_messages = warning;
    CREATE TEMP TABLE IF NOT EXISTS stage_row (
        row_no integer, fact_id uuid, period_on date, outcome intake.outcome, rule text
    ) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS stage_event (
        ordinal integer, row_no integer, fact_id uuid, event_type record.event_type, subject_id uuid,
        occurred_on date, content bytea, salt bytea, body text
    ) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS stage_protected (fact_id uuid, subject_id uuid) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS stage_change (
        withdrawn boolean, row_no integer, ordinal integer, kind record.event_kind, fact_id uuid,
        event_type record.event_type, version integer, replaces bigint, subject_id uuid, occurred_on date,
        content bytea, salt bytea, body text
    ) ON COMMIT DELETE ROWS;
END;
$$;
GRANT EXECUTE ON FUNCTION record.open_stage() TO tracker_recorder;
