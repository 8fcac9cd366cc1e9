-- From the first day in a state to the first of the states waited for, one row a wait; covariates as on that day.
-- A stay broken where a covariate changes goes on; a gap in what was delivered ends a wait unseen.
WITH begun AS (
    SELECT *, $place AS place, (state = '$since' AND part = 1 AND (lag(state) OVER line IS DISTINCT FROM '$since'
                   OR lag(state_entered_on) OVER line IS DISTINCT FROM state_entered_on))::INTEGER AS begins
    FROM read_parquet('$study')
    WINDOW line AS (PARTITION BY subject_id, $place, entry ORDER BY spell, part)
), numbered AS (
    SELECT *, $wait AS wait FROM begun
    WINDOW line AS (PARTITION BY subject_id, place, entry ORDER BY spell, part)
), placed AS (
    SELECT *, row_number() OVER one AS n, lead(spell) OVER one AS next_spell, lead(entered_on) OVER one AS next_on
    FROM numbered WHERE wait > 0
    WINDOW one AS (PARTITION BY subject_id, place, entry, wait ORDER BY spell, part)
), ended AS (
    SELECT *, CASE WHEN next_spell = spell THEN false
                   ELSE exit <> 'transition' OR to_state IN ($targets) OR next_on IS DISTINCT FROM left_on END AS ends
    FROM placed
), bounded AS (
    SELECT *, min(CASE WHEN ends THEN n END) OVER (PARTITION BY subject_id, place, entry, wait) AS last_n FROM ended
)
SELECT f.subject_id, f.entry, f.wait::INTEGER AS wait, f.state_entered_on AS since_on$columns,
       (f.entered_on - f.state_entered_on)::INTEGER AS entered, (l.left_on - f.state_entered_on)::INTEGER AS "left",
       CASE WHEN l.exit IN ('transition', 'absorbing') THEN CASE $causes END END AS to_state
FROM bounded f
JOIN bounded l ON l.subject_id = f.subject_id AND l.place = f.place AND l.entry = f.entry AND l.wait = f.wait
              AND l.n = f.last_n
WHERE f.n = 1
ORDER BY f.subject_id, f.place, f.entry, f.wait
