-- Empties the intake ledger of a municipality, lists its stored files to be removed, and gives its deliveries and
-- streams other names: the same file is a new delivery once it may deliver again.
CREATE FUNCTION erasure.forget_deliveries(id uuid, of_municipality text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    deliveries integer[] := (SELECT coalesce(array_agg(d.delivery_no), '{}') FROM intake.delivery d
                             WHERE d.municipality = of_municipality);
BEGIN
    INSERT INTO erasure.file (delivery_no, erasure_id, digest, once)
    SELECT d.delivery_no, id, d.digest, true FROM intake.delivery d WHERE d.delivery_no = ANY (deliveries)
    ON CONFLICT (delivery_no) DO NOTHING;
    UPDATE intake.delivery d SET digest = sha256(d.digest || uuid_send(id)) WHERE d.delivery_no = ANY (deliveries);
    UPDATE intake.row_outcome o SET fact_id = NULL, period_on = NULL
    WHERE o.delivery_no = ANY (deliveries) AND o.fact_id IS NOT NULL;
    UPDATE intake.finding f SET expected = '', found = '', message = 'Uppgiften är raderad.', remedy = ''
    WHERE f.delivery_no = ANY (deliveries);
    DELETE FROM intake.spelling s WHERE s.delivery_no = ANY (deliveries);
    UPDATE projection.stream s SET municipality = of_municipality || ' withdrawn ' || id
    WHERE s.municipality = of_municipality;
END;
$$;
