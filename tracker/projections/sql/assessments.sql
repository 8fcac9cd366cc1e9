SELECT * FROM assessments_coded ORDER BY subject_id NULLS LAST, closed_on NULLS LAST, fact_id
