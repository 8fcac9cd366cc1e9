-- Events of one side only, told anew (corrected), or of a child that is now known under another id.
SELECT coalesce(b.municipality, a.municipality) AS municipality, coalesce(b.record_type, a.record_type) AS record_type,
       coalesce(b.event_type, a.event_type) AS event_type,
       CASE WHEN a.position IS NULL THEN 'new' WHEN b.position IS NULL THEN 'withdrawn'
            WHEN a.position <> b.position THEN 'corrected' ELSE 'other_child' END AS change,
       count(*) AS events
FROM a_events a FULL JOIN b_events b ON a.fact_id = b.fact_id AND a.event_type = b.event_type
WHERE a.position IS DISTINCT FROM b.position OR a.subject_id IS DISTINCT FROM b.subject_id
GROUP BY ALL ORDER BY ALL
