CREATE FUNCTION intake.refuse_late_rows() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF EXISTS (SELECT FROM intake.attempt a
               JOIN (SELECT DISTINCT delivery_no, attempt FROM added) d USING (delivery_no, attempt)) THEN
        RAISE EXCEPTION 'rows cannot be added to a recorded attempt'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'every_row_accounted_for';
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER refuse_late_rows AFTER INSERT ON intake.row_outcome
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION intake.refuse_late_rows();
ALTER TABLE intake.row_outcome ENABLE ALWAYS TRIGGER refuse_late_rows;
