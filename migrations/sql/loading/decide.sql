-- Decides on the staged delivery: fills stage_change, and stage_row with the outcome of every row.
-- The same rule as tracker/record/decide.py, which says why. The stage has no statistics: what they cost, and
-- planning everything anew for them, comes to more than they save, as nothing here may loop.
CREATE OR REPLACE FUNCTION record.decide(
    stream integer, delivery integer, extracted date, is_full boolean, period_from date, period_to date,
    opening record.event_type, OUT retractions integer, OUT covered integer
) LANGUAGE plpgsql AS $$
BEGIN
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
