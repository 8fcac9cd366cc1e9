-- Erases subjects: the event first, then what it names. Returns the events erased.
CREATE FUNCTION erasure.erase_subjects(id uuid, subjects uuid[], request integer, reason text, legal_basis text,
                                       requested_by text, approved_by text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    positions bigint[];
    at bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tracker.log', 0));
    positions := erasure.positions_of(subjects);
    at := erasure.append_event('SubjectErased', '*', id, json_build_object(
        'erasure', id, 'legal_basis', legal_basis, 'positions', erasure.as_ranges(positions),
        'reason', reason)::text);
    INSERT INTO erasure.done (erasure_id, request_no, scope, municipality, reason, legal_basis, requested_by,
                              approved_by, position, events)
    VALUES (id, request, 'subject', '', reason, legal_basis, requested_by, approved_by, at, cardinality(positions));
    PERFORM erasure.clean_facts(id, positions);
    PERFORM erasure.empty_events(positions, at);
    INSERT INTO erasure.tombstone (digest) SELECT sha256(uuid_send(s)) FROM unnest(subjects) AS u (s)
    ON CONFLICT DO NOTHING;
    UPDATE vault.subject SET subject_id = NULL, state = 'erased', municipality = '' WHERE subject_id = ANY (subjects);
    UPDATE erasure.request r SET subject_id = NULL WHERE r.subject_id = ANY (subjects);
    RETURN cardinality(positions);
END;
$$;
