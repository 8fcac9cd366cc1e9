-- Investigations opened from the cohort, once in each group however many referrals led to one.
CREATE OR REPLACE TEMP TABLE opened_here AS
SELECT $groups subject_id, o.* EXCLUDE (investigation_id)
FROM (
    SELECT DISTINCT $groups subject_id, investigation_id FROM $source
    WHERE investigation_id IS NOT NULL AND subject_id IS NOT NULL
)
JOIN opened o USING (investigation_id)
