-- Children (within a municipality) whose investigations and interventions had all ended in the first half of a
-- year, at the first such day of each year, with what followed.
CREATE TEMP TABLE closings AS
WITH things AS (
    SELECT subject_id, municipality, opened_on AS since, closed_on AS until, age FROM investigations
    UNION ALL
    SELECT subject_id, municipality, decided_on, ended_on, age FROM interventions
    WHERE granted = 'yes' OR (granted IS NULL AND started_on IS NOT NULL)
), ordered AS (
    SELECT *, max(coalesce(until, DATE '9999-12-31')) OVER earlier AS open_until
    FROM things WINDOW earlier AS (PARTITION BY subject_id, municipality ORDER BY since, until NULLS LAST
                                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
), numbered AS (
    SELECT *, count_if(open_until IS NULL OR since > open_until)
              OVER (PARTITION BY subject_id, municipality ORDER BY since, until NULLS LAST) AS run
    FROM ordered
), runs AS (
    SELECT subject_id, municipality, max(coalesce(until, DATE '9999-12-31')) AS ended_on,
           arg_max(age, since) AS age
    FROM numbered GROUP BY subject_id, municipality, run
), first_closings AS (
    SELECT * FROM runs WHERE ended_on < DATE '9999-12-31' AND month(ended_on) <= 6
    QUALIFY row_number() OVER (PARTITION BY subject_id, municipality, year(ended_on) ORDER BY ended_on) = 1
), unaccompanied AS (
    SELECT DISTINCT subject_id FROM (
        SELECT subject_id, reasons FROM referrals UNION ALL SELECT subject_id, reasons FROM investigations
    ) WHERE list_contains(reasons, '$unaccompanied')
), observed AS (
    SELECT c.*, year(c.ended_on) AS year, ca.covered_to, cb.covered_to IS NOT NULL AS interventions_covered,
           u.subject_id IS NOT NULL AS unaccompanied, c.ended_on > least(last_days.investigations, last_days.interventions) AS beyond,
           least(k.moved_out_on, k.died_on) AS lost_on,
           coalesce((year(c.ended_on) * 12 + month(c.ended_on) - year(k.birth_month) * 12 - month(k.birth_month)) // 12,
                    c.age) AS age_then
    FROM first_closings c
    LEFT JOIN children k USING (subject_id)
    LEFT JOIN unaccompanied u USING (subject_id)
    LEFT JOIN last_days USING (municipality)
    LEFT JOIN coverage ca ON ca.municipality = c.municipality AND ca.record_type = 'investigations'
                         AND c.ended_on BETWEEN ca.covered_from AND ca.covered_to
    LEFT JOIN coverage cb ON cb.municipality = c.municipality AND cb.record_type = 'interventions'
                         AND c.ended_on BETWEEN cb.covered_from AND cb.covered_to
), followed AS (
    SELECT o.*, i.opened_on AS next_opened_on, o.ended_on + INTERVAL 1 YEAR AS horizon
    FROM observed o
    ASOF LEFT JOIN (SELECT subject_id, municipality, opened_on FROM investigations) i
      ON i.subject_id = o.subject_id AND i.municipality = o.municipality AND o.ended_on < i.opened_on
)
SELECT municipality, year,
       CASE WHEN age_then BETWEEN 0 AND 12 THEN '0-12' WHEN age_then BETWEEN 13 AND 20 THEN '13-20'
            WHEN age_then IS NULL THEN 'unknown' ELSE 'other' END AS age_class,
       CASE WHEN unaccompanied THEN 'unaccompanied'
            WHEN beyond THEN 'too_recent'
            WHEN covered_to IS NULL OR NOT interventions_covered THEN 'not_delivered'
            WHEN horizon > covered_to THEN 'too_recent'
            WHEN next_opened_on <= horizon THEN 'returned'
            WHEN lost_on > ended_on AND lost_on <= horizon THEN 'left_observation'
            ELSE 'not_returned' END AS class
FROM followed
