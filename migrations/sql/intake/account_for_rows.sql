-- An attempt cannot be recorded unless the ledger holds exactly the rows it counts, outcome by outcome,
-- and no row can be added to a recorded attempt.
CREATE FUNCTION intake.account_for_rows() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    ledger integer[] := (
        SELECT ARRAY[count(*), count(*) FILTER (WHERE outcome = 'appended'),
                     count(*) FILTER (WHERE outcome = 'corrected'), count(*) FILTER (WHERE outcome = 'unchanged'),
                     count(*) FILTER (WHERE outcome = 'quarantined'), count(*) FILTER (WHERE outcome = 'set_aside')]
        FROM intake.row_outcome o WHERE o.delivery_no = NEW.delivery_no AND o.attempt = NEW.attempt);
BEGIN
    IF ledger <> ARRAY[NEW.rows_read, NEW.appended, NEW.corrected, NEW.unchanged, NEW.quarantined, NEW.set_aside] THEN
        RAISE EXCEPTION 'delivery % attempt %: the row ledger does not add up', NEW.delivery_no, NEW.attempt
            USING ERRCODE = 'check_violation', CONSTRAINT = 'every_row_accounted_for';
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER account_for_rows AFTER INSERT ON intake.attempt
    FOR EACH ROW EXECUTE FUNCTION intake.account_for_rows();
ALTER TABLE intake.attempt ENABLE ALWAYS TRIGGER account_for_rows;
