-- Forgets the heads and folds the whole log again, batch by batch: replay from position 1 is the live state.
CREATE FUNCTION projection.refold() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    header record.batch;
BEGIN
    DELETE FROM projection.head;
    FOR header IN SELECT * FROM record.batch ORDER BY batch_no LOOP
        PERFORM projection.advance(header.first_position, header.last_position);
    END LOOP;
END;
$$;
REVOKE ALL ON FUNCTION projection.refold() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION projection.refold() TO tracker_projector;
