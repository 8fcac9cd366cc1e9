-- The most frequent paths of episodes seen from start to end.
WITH whole AS (
    SELECT *, path || ' → ' || ended AS way FROM episodes WHERE NOT late AND NOT gap AND ended NOT IN ('open', 'gap')
), counted AS (
    SELECT $by way, count(*)::BIGINT AS episodes, count(DISTINCT subject_id)::BIGINT AS children,
           quantile_cont(days, [0.25, 0.5, 0.75]) AS q
    FROM whole GROUP BY ALL
), ranked AS (
    SELECT *, episodes / sum(episodes) OVER ($partition) AS share,
           row_number() OVER ($partition ORDER BY episodes DESC, way) AS place
    FROM counted
)
SELECT $by way AS path, episodes, children, share, q[1] AS lower_quartile_days, q[2] AS median_days,
       q[3] AS upper_quartile_days
FROM ranked WHERE place <= $top ORDER BY $keys place
