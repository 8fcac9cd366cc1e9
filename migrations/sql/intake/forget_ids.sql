-- Where erasing makes the row ledger forget which fact a row stated, what the row called it goes too.
CREATE FUNCTION intake.forget_ids() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    DELETE FROM intake.churning_ids c USING before b
    WHERE (c.fact_id, c.delivery_no, c.attempt) = (b.fact_id, b.delivery_no, b.attempt);
    RETURN NULL;
END;
$$;
REVOKE ALL ON FUNCTION intake.forget_ids() FROM PUBLIC;
CREATE TRIGGER forget_ids AFTER UPDATE ON intake.row_outcome
    REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION intake.forget_ids();
ALTER TABLE intake.row_outcome ENABLE ALWAYS TRIGGER forget_ids;
