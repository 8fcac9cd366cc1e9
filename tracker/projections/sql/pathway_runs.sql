-- Stays in runs that were seen without a break, each with the next stay in the same state of its run.
CREATE OR REPLACE TEMP TABLE runs AS
SELECT *, lead(spell) OVER again AS next_spell, lead(entered_on) OVER again AS next_entered_on,
       row_number() OVER (PARTITION BY $unit, state ORDER BY spell) AS visit
FROM (
    SELECT *, sum(broken::INTEGER) OVER (PARTITION BY $unit ORDER BY spell) AS run FROM (
        SELECT *, coalesce(lag(exit) OVER (PARTITION BY $unit ORDER BY spell) <> 'transition', false) AS broken
        FROM study
    )
) WINDOW again AS (PARTITION BY $unit, run, state ORDER BY spell)
