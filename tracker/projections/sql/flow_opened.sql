-- Every investigation with its path from the need step on, its four-month clock and its days.
CREATE TEMP TABLE opened AS
WITH classed AS (
    SELECT i.fact_id AS investigation_id, opened_on > last_days.investigations AS beyond, i.opened_on, i.closed_on, i.observed_until,
           d.started, d.followed, d.decided_on, d.started_on, d.held_on,
           CASE WHEN need IN ('support', 'protection') THEN 'yes'
                WHEN need = 'none' THEN 'no'
                WHEN need IS NOT NULL THEN 'unmapped'
                WHEN closed OR closed_on IS NOT NULL THEN 'not_delivered'
                WHEN opened_on > last_days.investigations THEN 'too_recent'
                WHEN i.observed_until IS NULL THEN 'not_delivered'
                WHEN opened_on + INTERVAL $investigation_months MONTH > i.observed_until THEN 'too_recent'
                ELSE 'open' END AS need,
           CASE WHEN d.granted = 3 THEN 'yes'
                WHEN d.granted = 2 THEN 'unmapped'
                WHEN d.granted = 1 THEN 'not_delivered'
                WHEN d.granted = 0 THEN 'no'
                WHEN coalesce(closed_on, opened_on) > last_days.interventions THEN 'too_recent'
                WHEN c.covered_to IS NULL THEN 'not_delivered'
                WHEN closed_on IS NULL THEN 'open'
                WHEN closed_on + INTERVAL $decision_months MONTH > c.covered_to THEN 'too_recent'
                ELSE 'no' END AS granted
    FROM investigations i
    LEFT JOIN decided d ON d.investigation_id = i.fact_id
    LEFT JOIN last_days ON last_days.municipality = i.municipality
    LEFT JOIN coverage c ON c.municipality = i.municipality AND c.record_type = 'interventions'
                        AND coalesce(i.closed_on, i.opened_on) BETWEEN c.covered_from AND c.covered_to
), pathed AS (
    SELECT *,
           CASE WHEN need <> 'yes' THEN need || CASE WHEN granted = 'yes' THEN '/outside_chain' ELSE '' END
                WHEN granted <> 'yes' THEN 'yes/' || granted
                WHEN started < 3 THEN 'yes/yes/' || ['no', 'not_delivered', 'too_recent'][started + 1]
                ELSE 'yes/yes/yes/' || ['no', 'not_delivered', 'too_recent', 'yes'][followed + 1] END AS path,
           CASE WHEN closed_on <= opened_on + INTERVAL $investigation_months MONTH THEN 'within'
                WHEN closed_on IS NOT NULL THEN 'late'
                WHEN beyond THEN 'too_recent'
                WHEN observed_until IS NULL THEN 'not_delivered'
                WHEN opened_on + INTERVAL $investigation_months MONTH >= observed_until THEN 'too_recent'
                ELSE 'late' END AS clock
    FROM classed
)
SELECT investigation_id, opened_on, path,
       enum_code(path::$paths)::UTINYINT AS code, enum_code(clock::$clock)::UTINYINT AS clock_code,
       closed_on - opened_on AS need_days,
       CASE WHEN path LIKE 'yes/yes%' THEN decided_on - opened_on END AS granted_days,
       CASE WHEN path LIKE 'yes/yes/yes%' THEN started_on - decided_on END AS started_days,
       CASE WHEN path = 'yes/yes/yes/yes' THEN held_on - started_on END AS followed_up_days
FROM pathed
