-- How far the interventions of each investigation came. States are ordered so that the furthest wins:
-- granted 3 yes, 2 unmapped, 1 not delivered, 0 no; started and followed 3 yes, 2 too recent, 1 not delivered, 0 no.
CREATE TEMP TABLE decided AS
WITH held AS (
    SELECT $followed_intervention AS id, min(held_on) AS held_on FROM follow_ups GROUP BY ALL
), starts AS (
    SELECT municipality, bool_or(started_on IS NOT NULL) AS delivered FROM interventions GROUP BY ALL
), judged AS (
    SELECT $investigation AS investigation_id, decided_on, started_on, held_on,
           CASE WHEN granted = 'yes' OR (granted IS NULL AND started_on IS NOT NULL) THEN 3
                WHEN granted = 'unmapped' THEN 2
                WHEN granted IS NULL THEN 1
                ELSE 0 END AS granted,
           CASE WHEN started_on IS NOT NULL THEN 3
                WHEN NOT starts.delivered THEN 1
                WHEN decided_on > last_days.interventions THEN 2
                WHEN v.observed_until IS NULL THEN 1
                WHEN decided_on + INTERVAL $start_months MONTH > v.observed_until THEN 2
                ELSE 0 END AS started,
           CASE WHEN held_on IS NOT NULL THEN 3
                WHEN started_on > last_days.follow_ups THEN 2
                WHEN c.covered_to IS NULL THEN 1
                WHEN started_on + INTERVAL $follow_up_months MONTH > c.covered_to THEN 2
                ELSE 0 END AS followed
    FROM interventions v
    JOIN starts USING (municipality)
    LEFT JOIN held ON held.id = v.fact_id
    LEFT JOIN last_days USING (municipality)
    LEFT JOIN coverage c ON c.municipality = v.municipality AND c.record_type = 'follow_ups'
                        AND v.started_on BETWEEN c.covered_from AND c.covered_to
)
SELECT investigation_id, max(granted) AS granted,
       max(started) FILTER (granted = 3) AS started,
       max(followed) FILTER (granted = 3 AND started = 3) AS followed,
       min(decided_on) FILTER (granted = 3) AS decided_on,
       min(started_on) FILTER (granted = 3) AS started_on,
       min(held_on) FILTER (granted = 3 AND started = 3) AS held_on
FROM judged WHERE investigation_id IS NOT NULL GROUP BY investigation_id
