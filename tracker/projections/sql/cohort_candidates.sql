-- The stays that may be an entry, seen from the beginning or not; "stays" is how many follow from each.
CREATE TABLE candidates AS
SELECT subject_id, unit_place, municipality, episode, spell, state, entered_on AS origin_on, sex, age_at_entry,
       age_group, legal_basis, episode_entered_on, last_open_on, earlier_episodes, $seen AS seen,
       $next_spell AS next_spell, coalesce($next_spell, stays_in_all + 1) - spell AS stays
FROM stays WHERE $event
WINDOW line AS (PARTITION BY subject_id, unit_place ORDER BY spell)
