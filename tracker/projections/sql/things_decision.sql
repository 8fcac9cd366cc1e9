-- From the decision granted to the end of what it granted, for chains without a waiting state.
SELECT subject_id, municipality, $rank AS rank, decided_on AS opened_on,
       CASE WHEN ended_on IS NOT NULL THEN greatest(decided_on, ended_on) END AS ended_on,
       1 AS ending, false AS assumed, legal_basis, 'interventions' AS record_type, decided_on AS row_day, delivery_no
FROM interventions_coded
WHERE subject_id IS NOT NULL
  AND (granted = 'yes' OR (coalesce(granted, 'unmapped') = 'unmapped' AND started_on IS NOT NULL))
