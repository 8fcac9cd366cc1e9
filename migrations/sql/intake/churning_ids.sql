-- What the rows of exports with churning ids called their facts and what they referred to, unchanged rows included:
-- links between facts rest on all of it, and so do not depend on which export arrived first. Only such exports
-- leave rows here; every id is a keyed hash.
CREATE TABLE intake.churning_ids (
    fact_id          uuid NOT NULL,
    delivery_no      integer NOT NULL,
    attempt          integer NOT NULL,
    case_id          uuid,
    referral_id      uuid,
    referral_ids     uuid[],
    investigation_id uuid,
    intervention_id  uuid,
    PRIMARY KEY (fact_id, delivery_no, attempt)
);
GRANT SELECT, INSERT ON intake.churning_ids TO tracker_recorder;
GRANT SELECT ON intake.churning_ids TO tracker_projector, tracker_reader;
GRANT SELECT, DELETE ON intake.churning_ids TO tracker_erasing;

SELECT record.make_append_only('intake.churning_ids');
DROP TRIGGER append_only ON intake.churning_ids;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON intake.churning_ids
    FOR EACH ROW EXECUTE FUNCTION erasure.refuse_all_but_erasing('may go');
ALTER TABLE intake.churning_ids ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER refuse_late_rows AFTER INSERT ON intake.churning_ids
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION intake.refuse_late_rows();
ALTER TABLE intake.churning_ids ENABLE ALWAYS TRIGGER refuse_late_rows;

-- The same with the position from which it is known, and the ids as JSON text in the form of an event's body.
CREATE VIEW intake.told_ids AS
SELECT a.last_position AS position, c.fact_id, a.extracted_on,
       replace((jsonb_strip_nulls(to_jsonb(c) - '{fact_id,delivery_no,attempt}'::text[]))::text, '-', '') AS ids
FROM intake.churning_ids c JOIN intake.attempt a USING (delivery_no, attempt);
GRANT SELECT ON intake.told_ids TO tracker_projector, tracker_reader;
