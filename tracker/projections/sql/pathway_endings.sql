-- Where episodes end: the state they were last in and what came then, of those whose end was seen.
WITH known AS (
    SELECT $by subject_id, count(*) AS x FROM episodes WHERE ended NOT IN ('open', 'gap') GROUP BY ALL
), wholes AS (
    SELECT $by sum(x) AS ended_in_all, count(*) AS clusters, sum(x * x) AS xx FROM known $group_by
), made AS (
    SELECT $by left_from, ended, subject_id, count(*) AS y FROM episodes GROUP BY ALL
), counted AS (
    SELECT $by left_from, ended, sum(y) AS count, count(*) AS children, sum(y * y) AS yy,
           sum(y * coalesce(x, 0)) AS xy
    FROM made LEFT JOIN known USING ($keys subject_id) GROUP BY ALL
), timed AS (
    SELECT $by left_from, ended, quantile_cont(days, [0.25, 0.5, 0.75]) FILTER (NOT late) AS q FROM episodes GROUP BY ALL
)
SELECT $by left_from, ended, count::BIGINT AS count, children::BIGINT AS children, ended_in_all::BIGINT AS ended_in_all,
       q[1] AS lower_quartile_days, q[2] AS median_days, q[3] AS upper_quartile_days,
       clusters::BIGINT AS clusters, yy::BIGINT AS yy, xy::BIGINT AS xy, xx::BIGINT AS xx
FROM counted JOIN timed USING ($keys left_from, ended) $join_wholes
ORDER BY ALL
