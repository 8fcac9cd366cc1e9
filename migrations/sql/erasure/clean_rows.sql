-- Cleans the intake ledger of rows: their fact and day, what findings quote of them, and, in each delivery, the
-- wordings that stood in no more rows than are cleaned there (others say nothing of one person).
-- The outcome of a row stays: rows read are still accounted for.
CREATE FUNCTION erasure.clean_rows(id uuid, deliveries integer[], row_nos integer[], said text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    UPDATE intake.row_outcome o SET fact_id = NULL, period_on = NULL
    FROM unnest(deliveries, row_nos) AS r (delivery_no, row_no)
    WHERE o.delivery_no = r.delivery_no AND o.row_no = r.row_no AND o.fact_id IS NOT NULL;
    UPDATE intake.finding f SET expected = '', found = '', message = 'Uppgiften är raderad.', remedy = ''
    FROM unnest(deliveries, row_nos) AS r (delivery_no, row_no)
    WHERE f.delivery_no = r.delivery_no AND f.row_no = r.row_no;
    DELETE FROM intake.spelling s
    USING (SELECT delivery_no, count(DISTINCT row_no) AS rows
           FROM unnest(deliveries, row_nos) AS r (delivery_no, row_no) GROUP BY delivery_no) AS k
    WHERE s.delivery_no = k.delivery_no AND s.count <= k.rows AND (said IS NULL OR s.wording = ANY (said));
    INSERT INTO erasure.file (delivery_no, erasure_id, digest, once)
    SELECT d.delivery_no, id, d.digest, false FROM intake.delivery d WHERE d.delivery_no = ANY (deliveries)
    ON CONFLICT (delivery_no) DO NOTHING;
END;
$$;
