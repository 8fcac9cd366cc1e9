-- SHA-256 over a batch header's fields and the header before it.
CREATE FUNCTION record.header_hash(
    batch_no bigint, first_position bigint, last_position bigint, delivery_no integer, merkle_root bytea,
    previous_hash bytea, recorded_at timestamptz
) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN sha256(
    int8send(batch_no) || int8send(first_position) || int8send(last_position) || int4send(delivery_no)
    || merkle_root || previous_hash || int8send((extract(epoch FROM recorded_at) * 1000000)::bigint)
);
