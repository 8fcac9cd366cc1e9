-- Those who enter: one row for each entry, numbered within its unit, with what is fixed at entry.
CREATE TABLE entries AS
SELECT subject_id, unit_place, spell AS first_spell, next_spell, origin_on, birth_month,
       row_number() OVER (PARTITION BY subject_id, unit_place ORDER BY spell)::INTEGER AS entry$covariates
FROM entrants WHERE left_out IS NULL
