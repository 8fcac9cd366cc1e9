-- How many times children were seen to enter each state.
SELECT $by state, CASE WHEN visits >= 5 THEN '5+' ELSE visits::VARCHAR END AS times, count(*)::BIGINT AS children
FROM (SELECT $by subject_id, state, count(*) AS visits FROM study WHERE entered_on = state_entered_on GROUP BY ALL)
GROUP BY ALL ORDER BY ALL
