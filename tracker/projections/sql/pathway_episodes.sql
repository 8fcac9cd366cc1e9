-- Each episode followed: its last stay with anything open and what ended that; "late" where its start was not seen.
CREATE OR REPLACE TEMP TABLE episodes AS
SELECT $by subject_id, episode, episode_entered_on, min(entered_on) > episode_entered_on AS late,
       string_agg(state, ' → ' ORDER BY spell) FILTER (state <> 'closed') AS path,
       arg_max(state, spell) FILTER (state <> 'closed') AS left_from,
       arg_max(CASE WHEN exit = 'coverage' THEN 'gap' WHEN exit = 'censored' THEN 'open' ELSE to_state END, spell)
           FILTER (state <> 'closed') AS ended,
       arg_max(left_on, spell) FILTER (state <> 'closed') - episode_entered_on AS days,
       bool_or(exit = 'coverage' AND state <> 'closed') AS gap
FROM study GROUP BY $keys $unit, episode, episode_entered_on
HAVING count(*) FILTER (state <> 'closed') > 0
