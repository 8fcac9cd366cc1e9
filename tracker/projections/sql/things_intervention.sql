-- Interventions that started, whatever was said of the decision.
SELECT subject_id, municipality, $rank AS rank, started_on AS opened_on,
       CASE WHEN ended_on IS NOT NULL THEN greatest(started_on, ended_on) END AS ended_on,
       1 AS ending, false AS assumed, legal_basis, 'interventions' AS record_type, decided_on AS row_day, delivery_no
FROM interventions_coded
WHERE subject_id IS NOT NULL AND started_on IS NOT NULL
