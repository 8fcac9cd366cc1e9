-- Appends an erasure's event as a batch of its own (of delivery 0). The caller holds the lock of the log.
CREATE FUNCTION erasure.append_event(said record.event_type, of_municipality text, id uuid, said_body text)
RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    previous record.batch;
    batch bigint;
    at bigint;
    salted bytea := uuid_send(gen_random_uuid());
    root bytea;
    now timestamptz;
BEGIN
    SELECT * INTO previous FROM record.batch b ORDER BY b.batch_no DESC LIMIT 1;
    batch := coalesce(previous.batch_no, 0) + 1;
    at := coalesce(previous.last_position, 0) + 1;
    PERFORM record.ensure_partition(at);
    INSERT INTO record.event (position, batch_no, leaf, salt, event_type, kind, municipality, fact_id, version,
                              content, body)
    VALUES (at, batch,
            record.leaf(salted, said, 'recorded', NULL, of_municipality, NULL, id, 1, NULL, NULL, NULL, NULL,
                        '\x00'::bytea, said_body),
            salted, said, 'recorded', of_municipality, id, 1, '\x00'::bytea, said_body);
    root := record.merkle_root(at, at);
    now := clock_timestamp();
    INSERT INTO record.batch
    VALUES (batch, at, at, 0, root, coalesce(previous.header_hash, sha256('')),
            record.header_hash(batch, at, at, 0, root, coalesce(previous.header_hash, sha256('')), now), now);
    RETURN at;
END;
$$;
