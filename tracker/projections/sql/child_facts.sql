SELECT fact_id, subject_id, municipality, known_on, fact, value
FROM child_facts_coded
ORDER BY subject_id NULLS LAST, known_on, fact_id
