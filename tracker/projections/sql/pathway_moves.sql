-- How often each state was followed by which in each group, of those whose next was seen, with the days it took;
-- yy, xy and xx are over children, for the interval of the share.
WITH moves AS (
    SELECT $by subject_id, state AS source, left_on - state_entered_on AS days,
           CASE WHEN exit IN ('censored', 'coverage') THEN exit ELSE to_state END AS target
    FROM study
), known AS (
    SELECT $by source, subject_id, count(*) AS x FROM moves WHERE target NOT IN ('censored', 'coverage') GROUP BY ALL
), wholes AS (
    SELECT $by source, sum(x) AS seen, count(*) AS clusters, sum(x * x) AS xx FROM known GROUP BY ALL
), made AS (
    SELECT $by source, target, subject_id, count(*) AS y FROM moves GROUP BY ALL
), counted AS (
    SELECT $by source, target, sum(y) AS count, count(*) AS children, sum(y * y) AS yy, sum(y * coalesce(x, 0)) AS xy
    FROM made LEFT JOIN known USING ($keys source, subject_id) GROUP BY ALL
), timed AS (
    SELECT $by source, target, quantile_cont(days, [0.25, 0.5, 0.75]) AS q FROM moves GROUP BY ALL
)
SELECT $by source, target, count::BIGINT AS count, children::BIGINT AS children, seen::BIGINT AS followed_on,
       q[1] AS lower_quartile_days, q[2] AS median_days, q[3] AS upper_quartile_days,
       clusters::BIGINT AS clusters, yy::BIGINT AS yy, xy::BIGINT AS xy, xx::BIGINT AS xx
FROM counted JOIN timed USING ($keys source, target) LEFT JOIN wholes USING ($keys source)
ORDER BY ALL
