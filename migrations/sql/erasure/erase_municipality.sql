-- Erases everything a municipality ever delivered, and refuses what it delivers from now on. Children nobody else
-- speaks of are forgotten, not marked: they did not ask, and may come with another municipality. Its streams and
-- files get other names, so that after it is registered again nothing it sends meets what is gone.
CREATE FUNCTION erasure.erase_municipality(id uuid, of_municipality text, request integer, reason text,
                                           legal_basis text, requested_by text, approved_by text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    positions bigint[];
    subjects uuid[];
    at bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tracker.log', 0));
    SELECT coalesce(array_agg(e.position ORDER BY e.position), '{}'), array_agg(DISTINCT e.subject_id)
    INTO positions, subjects
    FROM record.event e
    WHERE e.municipality = of_municipality AND e.event_type NOT IN ('SubjectErased', 'MunicipalityErased');
    at := erasure.append_event('MunicipalityErased', of_municipality, id, json_build_object(
        'erasure', id, 'legal_basis', legal_basis, 'positions', erasure.as_ranges(positions),
        'reason', reason)::text);
    INSERT INTO erasure.done (erasure_id, request_no, scope, municipality, reason, legal_basis, requested_by,
                              approved_by, position, events)
    VALUES (id, request, 'municipality', of_municipality, reason, legal_basis, requested_by, approved_by, at,
            cardinality(positions));
    PERFORM erasure.empty_events(positions, at);
    PERFORM erasure.forget_deliveries(id, of_municipality);
    PERFORM erasure.forget_subjects(of_municipality, subjects);
    INSERT INTO erasure.membership (entry_id, municipality, withdrawn, reason)
    VALUES (id, of_municipality, true, reason);
    RETURN cardinality(positions);
END;
$$;
