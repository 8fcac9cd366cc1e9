-- One event for each state entered and each leaving for good; cases numbered, times counted from the first of the
-- month of entry, seconds keep the order of a day.
SELECT (dense_rank() OVER (ORDER BY $unit))::VARCHAR AS "case:concept:name", activity AS "concept:name",
       date_trunc('month', origin_on)::TIMESTAMP + to_days((day - origin_on)::INTEGER) + to_seconds(step) AS "time:timestamp",
       resource AS "org:resource", episode AS "case_episode"$covariates
FROM (
    SELECT $columns, origin_on, spell, episode, municipality AS resource, state AS activity, entered_on AS day,
           entered_step::INTEGER AS step, 0 AS last
    FROM study WHERE part = 1
    UNION ALL
    SELECT $columns, origin_on, spell, episode, municipality, to_state, left_on, left_step::INTEGER, 1
    FROM study WHERE exit IN ('absorbing', 'moved') AND to_state IS NOT NULL
)
ORDER BY dense_rank() OVER (ORDER BY $unit), spell, last
