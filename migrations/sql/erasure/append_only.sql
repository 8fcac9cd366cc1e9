-- What was recorded still cannot be changed, by the owner either. The one way through is the role of the erasing
-- functions, which may only empty what is named here; an event only in the transaction of its own erasure.
CREATE FUNCTION erasure.refuse_all_but_erasing() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF current_user = 'tracker_erasing' THEN
        IF tg_op = 'DELETE' AND tg_argv[0] = 'may go' THEN
            RETURN OLD;
        ELSIF tg_op = 'UPDATE' AND to_jsonb(NEW) - tg_argv = to_jsonb(OLD) - tg_argv THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% on %.% is refused: the log is append-only', tg_op, tg_table_schema, tg_table_name
        USING ERRCODE = 'restrict_violation';
END;
$$;
CREATE FUNCTION erasure.refuse_all_but_erasure() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF current_user = 'tracker_erasing' AND tg_op = 'UPDATE' THEN
        IF OLD.erased_by IS NULL AND (NEW.position, NEW.batch_no, NEW.leaf) = (OLD.position, OLD.batch_no, OLD.leaf)
           AND EXISTS (SELECT FROM erasure.done d
                       WHERE d.position = NEW.erased_by AND d.made_in = pg_current_xact_id()) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% on %.% is refused: the log is append-only', tg_op, tg_table_schema, tg_table_name
        USING ERRCODE = 'restrict_violation';
END;
$$;
ALTER TABLE record.event ADD CONSTRAINT erased_whole CHECK (
    erased_by IS NULL
    OR num_nonnulls(salt, event_type, kind, subject_id, municipality, record_type, fact_id, version, replaces,
                    occurred_on, delivery_no, row_no, content, body) = 0);

DROP TRIGGER append_only ON record.event;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON record.event
    FOR EACH ROW EXECUTE FUNCTION erasure.refuse_all_but_erasure();
ALTER TABLE record.event ENABLE ALWAYS TRIGGER append_only;
DO $$
DECLARE
    part regclass;
BEGIN
    FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'record.event'::regclass LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only', part);
    END LOOP;
END
$$;

DROP TRIGGER append_only ON intake.row_outcome;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON intake.row_outcome
    FOR EACH ROW EXECUTE FUNCTION erasure.refuse_all_but_erasing('fact_id', 'period_on');
ALTER TABLE intake.row_outcome ENABLE ALWAYS TRIGGER append_only;

DROP TRIGGER append_only ON intake.finding;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON intake.finding
    FOR EACH ROW EXECUTE FUNCTION erasure.refuse_all_but_erasing('expected', 'found', 'message', 'remedy');
ALTER TABLE intake.finding ENABLE ALWAYS TRIGGER append_only;

DROP TRIGGER append_only ON intake.spelling;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON intake.spelling
    FOR EACH ROW EXECUTE FUNCTION erasure.refuse_all_but_erasing('may go');
ALTER TABLE intake.spelling ENABLE ALWAYS TRIGGER append_only;

DROP TRIGGER append_only ON intake.delivery;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON intake.delivery
    FOR EACH ROW EXECUTE FUNCTION erasure.refuse_all_but_erasing('digest');
ALTER TABLE intake.delivery ENABLE ALWAYS TRIGGER append_only;

SELECT record.make_append_only('erasure.approval');
SELECT record.make_append_only('erasure.done');
SELECT record.make_append_only('erasure.tombstone');
SELECT record.make_append_only('erasure.membership');
SELECT record.make_append_only('erasure.request');
DROP TRIGGER append_only ON erasure.request;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON erasure.request
    FOR EACH ROW EXECUTE FUNCTION erasure.refuse_all_but_erasing('subject_id');
ALTER TABLE erasure.request ENABLE ALWAYS TRIGGER append_only;
