-- Subjects of a municipality that withdrew: its own local ids, and those of "subjects" no event speaks of now.
CREATE FUNCTION erasure.forget_subjects(of_municipality text, subjects uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    gone uuid[] := (
        SELECT coalesce(array_agg(s), '{}') FROM (
            SELECT v.subject_id FROM vault.subject v
            WHERE v.kind = 'local' AND v.municipality = of_municipality AND v.state = 'live'
            UNION
            SELECT u.s FROM unnest(subjects) AS u (s)
            WHERE u.s IS NOT NULL
              AND NOT EXISTS (SELECT FROM record.event e WHERE e.subject_id = u.s)
              AND NOT EXISTS (SELECT FROM record.event e
                              WHERE e.event_type IN ('SubjectsLinked', 'SubjectsUnlinked')
                                AND e.body::jsonb ->> 'other' = u.s::text)) AS g (s));
BEGIN
    INSERT INTO erasure.tombstone (digest) SELECT sha256(uuid_send(s)) FROM unnest(gone) AS u (s)
    ON CONFLICT DO NOTHING;
    DELETE FROM vault.subject v WHERE v.subject_id = ANY (gone);
END;
$$;
