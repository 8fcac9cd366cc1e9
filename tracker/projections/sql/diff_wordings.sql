-- One field of one record type: rows told alike on both sides and read differently.
SELECT '$table' AS record_type, '$field' AS field, e.body ->> '$$.$field' AS wording, b.municipality,
       a.code AS was, b.code AS now, count(*) AS rows
FROM (SELECT fact_id, $code AS code FROM a_$table) a
JOIN (SELECT fact_id, municipality, $code AS code FROM b_$table) b USING (fact_id)
JOIN a_events ae ON ae.fact_id = b.fact_id AND ae.event_type = '$event_type'
JOIN b_events e ON e.fact_id = b.fact_id AND e.event_type = ae.event_type AND e.position = ae.position
WHERE a.code IS DISTINCT FROM b.code
GROUP BY ALL
