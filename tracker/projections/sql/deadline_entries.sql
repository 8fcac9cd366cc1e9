-- Each entry of the cohort: from when to when it is followed, with its covariates as on its first day.
CREATE TEMP TABLE entries AS
SELECT subject_id, $place AS place, entry, min(origin_on) AS origin_on, max(left_on) AS until$columns
FROM read_parquet('$study') GROUP BY subject_id, place, entry
