-- Forgets the heads and folds the whole log again, batch by batch: replay from position 1 is the live state.
-- Where earlier versions were erased a later one is the first there is.
CREATE OR REPLACE FUNCTION projection.refold() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    header record.batch;
    erased boolean := EXISTS (SELECT FROM erasure.done);
BEGIN
    DELETE FROM projection.head;
    FOR header IN SELECT * FROM record.batch ORDER BY batch_no LOOP
        PERFORM projection.advance(header.first_position, header.last_position);
        IF erased THEN
            INSERT INTO projection.head
                (stream_id, fact_id, event_type, version, position, live, subject_id, occurred_on, content)
            SELECT s.stream_id, e.fact_id, e.event_type, e.version, e.position, e.kind <> 'retracted', e.subject_id,
                   e.occurred_on, e.content
            FROM record.event e JOIN projection.stream s USING (municipality, record_type)
            WHERE e.position BETWEEN header.first_position AND header.last_position AND e.version > 1
              AND e.event_type <> 'DeliveryRecorded'
            ON CONFLICT DO NOTHING;
        END IF;
    END LOOP;
END;
$$;
