-- Every event of the subjects, every link that names one of them, and every earlier version these replaced:
-- were such a one left, it would stand again, and under the wrong child.
CREATE FUNCTION erasure.positions_of(subjects uuid[]) RETURNS bigint[]
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    WITH RECURSIVE reached AS (
        SELECT e.position, e.replaces FROM record.event e WHERE e.subject_id = ANY (subjects)
        UNION
        SELECT e.position, e.replaces FROM record.event e
        WHERE e.event_type IN ('SubjectsLinked', 'SubjectsUnlinked')
          AND e.body::jsonb ->> 'other' = ANY (subjects::text[])
        UNION
        SELECT e.position, e.replaces FROM reached r JOIN record.event e ON e.position = r.replaces
        WHERE e.erased_by IS NULL
    )
    SELECT coalesce(array_agg(position ORDER BY position), '{}') FROM reached
$$;
