-- Of each row's candidates the lowest tier decides, then the smallest distance; equally near ones are ambiguous.
CREATE TABLE $chosen AS
SELECT link_id,
       CASE WHEN tied THEN NULL ELSE best[1].other_id END AS other_id,
       CASE WHEN tied THEN 'ambiguous' WHEN best[1].tier = 1 THEN 'explicit'
            WHEN best[1].tier = 2 THEN 'same_case' ELSE 'nearest' END AS method,
       in_tier[best[1].tier]::INTEGER AS candidates
FROM (
    SELECT *, coalesce(best[2].tier = best[1].tier AND best[2].distance = best[1].distance, false) AS tied
    FROM (
        SELECT link_id, min({tier: tier, distance: distance, other_id: other_id}, 2) AS best,
               [count_if(tier = 1), count_if(tier = 2), count_if(tier = 3)] AS in_tier
        FROM $candidates GROUP BY link_id
    )
);

DROP TABLE $candidates;
