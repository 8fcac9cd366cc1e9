-- Root of the RFC 6962 tree over the leaves of a range of positions: inner nodes SHA-256(0x01 || left || right),
-- an odd last node moves up unchanged.
CREATE FUNCTION record.merkle_root(first_position bigint, last_position bigint) RETURNS bytea
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
    nodes bytea[] := (SELECT array_agg(e.leaf ORDER BY e.position) FROM record.event e
                      WHERE e.position BETWEEN merkle_root.first_position AND merkle_root.last_position);
BEGIN
    WHILE cardinality(nodes) > 1 LOOP
        nodes := (
            SELECT array_agg(CASE WHEN r IS NULL THEN l ELSE sha256('\x01'::bytea || l || r) END ORDER BY i)
            FROM (SELECT i, node AS l, lead(node) OVER (ORDER BY i) AS r
                  FROM unnest(nodes) WITH ORDINALITY AS u (node, i)) AS pairs
            WHERE i % 2 = 1);
    END LOOP;
    RETURN nodes[1];
END;
$$;
GRANT EXECUTE ON FUNCTION record.merkle_root(bigint, bigint) TO tracker_recorder, tracker_reader;
