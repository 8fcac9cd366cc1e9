-- Empties the events at the positions: only position, batch and commitment stay. Heads that stood on them go.
CREATE FUNCTION erasure.empty_events(positions bigint[], by_event bigint) RETURNS void
LANGUAGE sql SET search_path = pg_catalog AS $$
    DELETE FROM projection.head h USING unnest(positions) AS p (position) WHERE h.position = p.position;
    UPDATE record.event e
    SET salt = NULL, event_type = NULL, kind = NULL, subject_id = NULL, municipality = NULL, record_type = NULL,
        fact_id = NULL, version = NULL, replaces = NULL, occurred_on = NULL, delivery_no = NULL, row_no = NULL,
        content = NULL, body = NULL, erased_by = by_event
    FROM unnest(positions) AS p (position) WHERE e.position = p.position;
$$;
