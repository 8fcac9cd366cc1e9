-- Items of investigations told alike on both sides and read differently.
SELECT 'investigations' AS record_type, item.field AS field, e.body ->> ('$$.' || item.field) AS wording, differing.municipality,
       item.was AS was, item.now AS now, count(*) AS rows
FROM (
    SELECT a.fact_id, b.municipality, unnest([$items]) AS item
    FROM a_assessments a JOIN b_assessments b USING (fact_id)
    WHERE row($before) IS DISTINCT FROM row($after)
) differing
JOIN a_events ae ON ae.fact_id = differing.fact_id AND ae.event_type = '$event_type'
JOIN b_events e ON e.fact_id = ae.fact_id AND e.event_type = ae.event_type AND e.position = ae.position
WHERE item.was IS DISTINCT FROM item.now
GROUP BY ALL
