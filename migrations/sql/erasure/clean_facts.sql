-- Cleans the intake ledger of facts that no event speaks of any more; call it before the events are emptied.
CREATE FUNCTION erasure.clean_facts(id uuid, positions bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    facts uuid[] := (
        SELECT array_agg(DISTINCT e.fact_id) FROM unnest(positions) AS p (position) JOIN record.event e USING (position)
        WHERE NOT EXISTS (SELECT FROM projection.stream s JOIN projection.head h USING (stream_id)
                          WHERE (s.municipality, s.record_type) = (e.municipality, e.record_type)
                            AND h.fact_id = e.fact_id AND h.position <> ALL (positions)));
    said text[] := (
        SELECT coalesce(array_agg(DISTINCT told.value), '{}')
        FROM unnest(positions) AS p (position) JOIN record.event e USING (position),
             LATERAL jsonb_each_text(e.body::jsonb) AS told);
    deliveries integer[];
    row_nos integer[];
BEGIN
    SELECT array_agg(delivery_no), array_agg(row_no) INTO deliveries, row_nos FROM (
        SELECT o.delivery_no, o.row_no FROM intake.row_outcome o WHERE o.fact_id = ANY (facts)
        UNION
        SELECT e.delivery_no, e.row_no FROM unnest(positions) AS p (position) JOIN record.event e USING (position)
        WHERE e.delivery_no IS NOT NULL AND e.row_no IS NOT NULL AND e.fact_id = ANY (facts)) AS rows;
    IF deliveries IS NOT NULL THEN
        PERFORM erasure.clean_rows(id, deliveries, row_nos, said);
    END IF;
END;
$$;
