-- Root of the RFC 6962 tree over the leaves of a range of positions: inner nodes SHA-256(0x01 || left || right),
-- an odd last node moves up unchanged. One level is one run of bytes, 32 a node.
CREATE FUNCTION record.merkle_root(first_position bigint, last_position bigint) RETURNS bytea
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
    nodes bytea := (SELECT string_agg(e.leaf, NULL ORDER BY e.position) FROM record.event e
                    WHERE e.position BETWEEN merkle_root.first_position AND merkle_root.last_position);
    n integer := octet_length(nodes) / 32;
BEGIN
    WHILE n > 1 LOOP
        nodes := (
            SELECT string_agg(CASE WHEN i * 2 + 1 < n THEN sha256('\x01'::bytea || substring(nodes FROM i * 64 + 1 FOR 64))
                                   ELSE substring(nodes FROM i * 64 + 1) END, NULL ORDER BY i)
            FROM generate_series(0, (n - 1) / 2) AS i);
        n := (n + 1) / 2;
    END LOOP;
    RETURN nodes;
END;
$$;
GRANT EXECUTE ON FUNCTION record.merkle_root(bigint, bigint) TO tracker_recorder, tracker_reader;
