-- Decides on the staged delivery: fills stage_change, and stage_row with the outcome of every row.
-- The same rule as tracker/record/decide.py, which says why.
CREATE FUNCTION record.decide(
    stream integer, delivery integer, extracted date, is_full boolean, period_from date, period_to date,
    opening record.event_type, OUT retractions integer, OUT covered integer
) LANGUAGE plpgsql AS $$
BEGIN
    ANALYZE pg_temp.stage_row (row_no, fact_id, outcome);
    ANALYZE pg_temp.stage_event (row_no, fact_id, event_type);
    PERFORM record.class_of_rows(stream, extracted, delivery);
    PERFORM record.changes(stream);
    retractions := 0;
    covered := 0;
    IF is_full THEN
        SELECT w.withdrawn, w.covered INTO retractions, covered
        FROM record.withdrawals(stream, extracted, delivery, period_from, period_to, opening) w;
    END IF;
    PERFORM record.outcomes(stream);
END;
$$;
GRANT EXECUTE ON FUNCTION record.decide(integer, integer, date, boolean, date, date, record.event_type)
    TO tracker_recorder;
