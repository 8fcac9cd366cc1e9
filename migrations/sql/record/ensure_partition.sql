-- Makes sure the log has partitions up to a position: 20 million positions each.
CREATE FUNCTION record.ensure_partition(up_to bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    width CONSTANT bigint := 20000000;
    part bigint := (up_to - 1) / width;
    name text;
BEGIN
    WHILE part >= 0 LOOP
        name := format('record.event_%s', lpad(part::text, 6, '0'));
        EXIT WHEN to_regclass(name) IS NOT NULL;
        EXECUTE format('CREATE TABLE %s PARTITION OF record.event FOR VALUES FROM (%s) TO (%s)',
                       name, part * width + 1, (part + 1) * width + 1);
        PERFORM record.make_append_only(name::regclass);
        part := part - 1;
    END LOOP;
END;
$$;
REVOKE ALL ON FUNCTION record.ensure_partition(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION record.ensure_partition(bigint) TO tracker_recorder;
