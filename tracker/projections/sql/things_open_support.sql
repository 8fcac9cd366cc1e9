-- Support given without an individual needs decision.
SELECT subject_id, municipality, $rank AS rank, started_on AS opened_on,
       CASE WHEN ended_on IS NOT NULL THEN greatest(started_on, ended_on) END AS ended_on,
       1 AS ending, false AS assumed, NULL::VARCHAR AS legal_basis,
       'open_support' AS record_type, started_on AS row_day, delivery_no
FROM open_support_coded
WHERE subject_id IS NOT NULL
