-- How often each state was followed by which, with the children and the days of the stays left; where
-- observation of a child began or resumed, the state followed entry.
SELECT source, target, count(*)::BIGINT AS count, count(DISTINCT subject_id)::BIGINT AS children,
       median(days) AS median_days
FROM (
    SELECT state AS source, subject_id, left_on - entered_on AS days,
           CASE WHEN exit IN ('censored', 'coverage') THEN exit ELSE to_state END AS target
    FROM chosen
    UNION ALL
    SELECT 'entry', subject_id, NULL, state FROM chosen WHERE entered_step = 0
)
GROUP BY source, target ORDER BY source, target
