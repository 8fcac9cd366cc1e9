-- Of each entry, from its start (the entry, or the first stay in a state) within its first episode: the day each
-- outcome was first reached, how and when following it ended, what is known of it at the start.
WITH pieces AS (
    SELECT *, $unit_place AS unit_place, $stay_place AS place FROM study
), ends AS (
    SELECT subject_id, unit_place, entry, episode, spell, left_on, to_state, exit FROM pieces
    QUALIFY part = max(part) OVER (PARTITION BY subject_id, unit_place, entry, spell)
), numbered AS (
    SELECT e.*, b.state, b.entered_on, b.state_entered_on,
           min(e.episode) OVER line AS first_episode,
           min(CASE WHEN e.exit <> 'transition' OR e.to_state = 'closed' THEN e.spell END) OVER line AS last_spell
    FROM ends e JOIN (SELECT * FROM pieces WHERE part = 1) b USING (subject_id, unit_place, entry, spell)
    WINDOW line AS (PARTITION BY e.subject_id, e.unit_place, e.entry)
), started AS (
    SELECT *, min(CASE WHEN $starts THEN spell END) OVER (PARTITION BY subject_id, unit_place, entry) AS start_spell
    FROM numbered WHERE episode = first_episode AND spell <= coalesce(last_spell, spell)
), reached AS (
    SELECT subject_id, unit_place, entry, start_spell, min(entered_on) AS start_on, max(left_on) AS until,
           max(CASE WHEN to_state = 'closed' THEN 'closed' WHEN exit = 'absorbing' THEN 'ended'
                    WHEN exit = 'moved' THEN 'moved' ELSE 'lost' END) FILTER (spell = final_spell) AS stop$outcomes
    FROM (SELECT *, max(spell) OVER (PARTITION BY subject_id, unit_place, entry) AS final_spell FROM started)
    WHERE spell >= start_spell GROUP BY ALL
)
SELECT r.* EXCLUDE (unit_place, entry, start_spell), p.place AS municipality_of_start,
       coalesce(c.not_opened_complete, false) AS complete$covariates
FROM reached r
JOIN pieces p ON p.subject_id = r.subject_id AND p.unit_place = r.unit_place AND p.entry = r.entry
             AND p.spell = r.start_spell AND p.part = 1
LEFT JOIN coverage c ON c.municipality = p.place AND c.record_type = 'referrals'
                    AND r.start_on BETWEEN c.covered_from AND c.covered_to
ORDER BY r.subject_id, r.start_on
