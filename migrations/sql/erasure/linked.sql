-- A subject and all that stand linked to it. The newest live word on a pair holds: linked, or no longer.
CREATE FUNCTION erasure.linked(subject uuid) RETURNS uuid[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
    known uuid[] := ARRAY[subject];
    more uuid[];
BEGIN
    LOOP
        more := (
            SELECT array_agg(DISTINCT side) FROM (
                SELECT DISTINCT ON (least(l.one, l.other), greatest(l.one, l.other)) l.*
                FROM (SELECT e.subject_id AS one, (e.body::jsonb ->> 'other')::uuid AS other, e.*
                      FROM record.event e
                      WHERE e.event_type IN ('SubjectsLinked', 'SubjectsUnlinked') AND e.kind <> 'retracted'
                        AND (e.subject_id = ANY (known) OR e.body::jsonb ->> 'other' = ANY (known::text[]))) AS l
                JOIN projection.stream s USING (municipality, record_type)
                JOIN projection.head h ON h.stream_id = s.stream_id AND h.fact_id = l.fact_id
                    AND h.event_type = l.event_type AND h.position = l.position AND h.live
                ORDER BY least(l.one, l.other), greatest(l.one, l.other), l.position DESC) AS newest,
            LATERAL unnest(ARRAY[newest.one, newest.other]) AS side
            WHERE newest.event_type = 'SubjectsLinked' AND side <> ALL (known));
        EXIT WHEN more IS NULL;
        known := known || more;
    END LOOP;
    RETURN known;
END;
$$;
