-- Links of facts that are there on both sides, found otherwise or leading elsewhere.
SELECT kind, was, now, sum(moved::INTEGER)::BIGINT AS led_elsewhere, count(*) AS links
FROM (
    SELECT coalesce(b.kind, a.kind) AS kind, coalesce(a.method, 'none') AS was, coalesce(b.method, 'none') AS now,
           a.other_id IS DISTINCT FROM b.other_id AS moved
    FROM (SELECT kind, method, $linking AS link_id, $other AS other_id FROM a_links) a
    FULL JOIN (SELECT kind, method, $linking AS link_id, $other AS other_id FROM b_links) b
         ON a.kind = b.kind AND a.link_id = b.link_id
    WHERE coalesce(a.link_id, b.link_id) IN (SELECT fact_id FROM a_events INTERSECT SELECT fact_id FROM b_events)
      AND (a.method IS DISTINCT FROM b.method OR a.other_id IS DISTINCT FROM b.other_id)
)
GROUP BY ALL ORDER BY ALL
