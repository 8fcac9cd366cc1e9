-- The stays as far as age lets them go, and of those the parts someone could have seen.
SELECT subject_id, municipality, episode,
       row_number() OVER (PARTITION BY unit ORDER BY number, first)::INTEGER AS spell, state,
       greatest(entered_on, first) AS entered_on,
       CASE WHEN entered_on < first THEN 0 ELSE entered_step END::SMALLINT AS entered_step,
       CASE WHEN goes_on THEN last ELSE left_on END AS left_on,
       CASE WHEN NOT goes_on THEN left_step END::SMALLINT AS left_step,
       CASE WHEN NOT goes_on THEN to_state END AS to_state,
       CASE WHEN goes_on THEN CASE WHEN final THEN 'censored' ELSE 'coverage' END
            WHEN to_state IS NULL THEN 'censored' WHEN to_state = 'moved' THEN 'moved'
            WHEN to_state IN ('adult', 'dead') THEN 'absorbing' ELSE 'transition' END AS exit,
       CASE WHEN goes_on THEN false ELSE assumed END AS left_assumed,
       sex, age_on(born, greatest(entered_on, first)) AS age_at_entry,
       age_group_of(age_on(born, greatest(entered_on, first))) AS age_group, legal_basis,
       entered_on AS state_entered_on, episode_entered_on
FROM (
    SELECT g.*, r.first, r.last, r.final, g.left_on IS NULL OR g.left_on > r.last AS goes_on
    FROM grown g
    JOIN observed_runs r ON r.municipality = g.municipality AND r.state = g.state
    WHERE r.last >= g.entered_on AND (g.left_on IS NULL OR g.left_on >= r.first)
)
ORDER BY subject_id, $within spell
