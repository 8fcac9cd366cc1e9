-- Granted and waiting to start; a start without a readable word on the decision implies the grant.
SELECT subject_id, municipality, $rank AS rank, decided_on AS opened_on,
       CASE WHEN started_on IS NOT NULL OR ended_on IS NOT NULL
            THEN greatest(decided_on, coalesce(started_on, ended_on)) END AS ended_on,
       1 AS ending, false AS assumed, legal_basis, 'interventions' AS record_type, decided_on AS row_day, delivery_no
FROM interventions_coded
WHERE subject_id IS NOT NULL AND coalesce(started_on >= decided_on, true)
  AND (granted = 'yes' OR (coalesce(granted, 'unmapped') = 'unmapped' AND started_on IS NOT NULL))
