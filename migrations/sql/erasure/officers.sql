-- The rest of what an officer may call: rows a search of stored files found, files that are gone, a municipality
-- registered again.
CREATE FUNCTION erasure.forget_rows(id uuid, delivery integer, row_nos integer[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT erasure.clean_rows(id, array_fill(delivery, ARRAY[cardinality(row_nos)]), row_nos, NULL);
    INSERT INTO erasure.file (delivery_no, erasure_id, digest, once)
    SELECT d.delivery_no, id, d.digest, false FROM intake.delivery d WHERE d.delivery_no = delivery
    ON CONFLICT (delivery_no) DO NOTHING;
$$;
CREATE FUNCTION erasure.file_is_gone(delivery integer) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    DELETE FROM erasure.file f WHERE f.delivery_no = delivery AND f.once
$$;
CREATE FUNCTION erasure.register_again(entry uuid, of_municipality text, reason text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF NOT erasure.is_withdrawn(of_municipality) THEN
        RETURN false;
    END IF;
    INSERT INTO erasure.membership (entry_id, municipality, withdrawn, reason)
    VALUES (entry, of_municipality, false, register_again.reason);
    RETURN true;
END;
$$;
