-- Writes the row ledger of a decided delivery, from the stage.
CREATE FUNCTION record.write_ledger(delivery integer, attempt_no integer) RETURNS void LANGUAGE sql AS $$
    INSERT INTO intake.row_outcome (delivery_no, attempt, row_no, outcome, rule, fact_id, period_on)
    SELECT delivery, attempt_no, row_no, outcome, rule, fact_id, period_on FROM pg_temp.stage_row
$$;
GRANT EXECUTE ON FUNCTION record.write_ledger(integer, integer) TO tracker_recorder;
