-- Positions as an erasure event lists them: "3-7,12".
CREATE FUNCTION erasure.as_ranges(positions bigint[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
    SELECT coalesce(string_agg(CASE WHEN first = last THEN first::text ELSE first || '-' || last END, ','
                               ORDER BY first), '')
    FROM (SELECT min(p) AS first, max(p) AS last
          FROM (SELECT p, p - row_number() OVER (ORDER BY p) AS run FROM unnest(positions) AS u (p)) AS numbered
          GROUP BY run) AS runs
$$;
