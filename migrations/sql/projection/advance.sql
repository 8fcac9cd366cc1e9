-- Folds a range of positions into the heads. The only way heads change; folding the log again from position 1
-- gives the same heads. Within one batch each event of a fact changes at most once; a first version has no head.
-- Heads go in by fact, as the index lies; a batch of first versions and its DeliveryRecorded changes none.
CREATE FUNCTION projection.advance(first_position bigint, last_position bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    made bigint;
BEGIN
    INSERT INTO projection.head
        (stream_id, fact_id, event_type, version, position, live, subject_id, occurred_on, content)
    SELECT s.stream_id, e.fact_id, e.event_type, e.version, e.position, e.kind <> 'retracted', e.subject_id,
           e.occurred_on, e.content
    FROM record.event e
    JOIN projection.stream s USING (municipality, record_type)
    WHERE e.position BETWEEN first_position AND last_position AND e.event_type <> 'DeliveryRecorded'
      AND e.version = 1
    ORDER BY e.fact_id;
    GET DIAGNOSTICS made = ROW_COUNT;
    IF made = last_position - first_position THEN RETURN; END IF;
    UPDATE projection.head h
    SET version = e.version, position = e.position, live = e.kind <> 'retracted',
        subject_id = e.subject_id, occurred_on = e.occurred_on, content = e.content
    FROM record.event e
    JOIN projection.stream s USING (municipality, record_type)
    WHERE e.position BETWEEN first_position AND last_position AND e.event_type <> 'DeliveryRecorded'
      AND e.version > 1
      AND h.stream_id = s.stream_id AND h.fact_id = e.fact_id AND h.event_type = e.event_type;
END;
$$;
REVOKE ALL ON FUNCTION projection.advance(bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION projection.advance(bigint, bigint) TO tracker_recorder, tracker_projector;
