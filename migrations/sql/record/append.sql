-- Appends what was decided, as one batch in position order, and advances the heads. One writer at a time from
-- here to commit (advisory lock), so position order is commit order and has no gaps.
CREATE FUNCTION record.append(
    delivery integer, attempt_no integer, in_municipality text, in_record_type text, extracted date,
    delivery_body text, replaces_position bigint, OUT first_position bigint, OUT last_position bigint
) LANGUAGE plpgsql AS $$
DECLARE
    previous record.batch;
    changes bigint := (SELECT count(*) FROM pg_temp.stage_change);
    batch bigint;
    root bytea;
    now timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tracker.log', 0));
    SELECT * INTO previous FROM record.batch b ORDER BY b.batch_no DESC LIMIT 1;
    batch := coalesce(previous.batch_no, 0) + 1;
    first_position := coalesce(previous.last_position, 0) + 1;
    last_position := first_position + changes;
    PERFORM record.ensure_partition(last_position);
    INSERT INTO record.event (position, batch_no, leaf, salt, event_type, kind, subject_id, municipality, record_type,
                              fact_id, version, replaces, occurred_on, delivery_no, row_no, content, body)
    SELECT first_position - 1 + n, batch,
           record.leaf(salt, event_type, kind, subject_id, in_municipality, in_record_type, fact_id, version,
                       replaces, occurred_on, delivery, row_no, content, body),
           salt, event_type, kind, subject_id, in_municipality, in_record_type, fact_id, version, replaces,
           occurred_on, delivery, row_no, content, body
    FROM (SELECT row_number() OVER (ORDER BY c.withdrawn, c.row_no, c.ordinal, c.fact_id, c.event_type) AS n, c.*
          FROM pg_temp.stage_change c
          UNION ALL
          SELECT changes + 1, false, NULL, NULL, 'recorded',
                 lpad(to_hex(delivery), 32, '0')::uuid, 'DeliveryRecorded', attempt_no, replaces_position, NULL,
                 extracted, '\x00'::bytea, uuid_send(gen_random_uuid()), delivery_body) AS numbered;
    root := record.merkle_root(first_position, last_position);
    now := clock_timestamp();
    INSERT INTO record.batch
    VALUES (batch, first_position, last_position, delivery, root, coalesce(previous.header_hash, sha256('')),
            record.header_hash(batch, first_position, last_position, delivery, root,
                               coalesce(previous.header_hash, sha256('')), now), now);
    PERFORM projection.advance(first_position, last_position);
END;
$$;
GRANT EXECUTE ON FUNCTION record.append(integer, integer, text, text, date, text, bigint) TO tracker_recorder;
