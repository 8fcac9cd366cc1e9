-- The states of each episode in order; "…" where it was not seen from its start, what ended it at the end.
WITH episodes AS (
    SELECT subject_id, string_agg(state || CASE WHEN exit = 'coverage' THEN ' → …' ELSE '' END, ' → ' ORDER BY spell)
               AS states,
           arg_min(entered_on, spell) > any_value(episode_entered_on) AS late,
           arg_max(state, spell) AS last_state, arg_max(exit, spell) AS last_exit, arg_max(to_state, spell) AS then_to,
           any_value(episode_entered_on) AS since, arg_max(entered_on, spell) AS last_entered_on
    FROM chosen GROUP BY subject_id, episode, episode_entered_on
), told AS (
    SELECT subject_id,
           CASE WHEN late THEN '… → ' ELSE '' END || states
               || CASE WHEN last_state = 'closed' OR last_exit = 'coverage' THEN ''
                       WHEN last_exit = 'censored' THEN ' → …' ELSE ' → ' || then_to END AS path,
           CASE WHEN last_state = 'closed' AND NOT late THEN last_entered_on - since END AS days
    FROM episodes
)
SELECT path, count(*)::BIGINT AS episodes, count(DISTINCT subject_id)::BIGINT AS children,
       count(*) / sum(count(*)) OVER () AS share, median(days) AS median_days
FROM told GROUP BY path ORDER BY episodes DESC, path LIMIT $top
