-- An investigation told to be closed, on no day, is taken to be closed on the day of the decision it led to.
SELECT i.subject_id, i.municipality, $rank AS rank, i.opened_on,
       CASE WHEN i.closed_on_told THEN greatest(i.opened_on, coalesce(i.closed_on, d.decided_on)) END AS ended_on,
       1 AS ending, i.closed_on IS NULL AS assumed, NULL::VARCHAR AS legal_basis,
       'investigations' AS record_type, i.opened_on AS row_day, i.delivery_no
FROM investigations_coded i
LEFT JOIN (
    SELECT i.fact_id, min(v.decided_on) AS decided_on
    FROM intervention_links l
    JOIN interventions_coded v ON v.fact_id = l.link_id
    JOIN investigations_coded i ON i.fact_id = l.other_id
    WHERE v.decided_on >= i.opened_on AND v.subject_id = i.subject_id AND i.closed_on IS NULL
    GROUP BY i.fact_id
) d ON d.fact_id = i.fact_id
WHERE i.subject_id IS NOT NULL
