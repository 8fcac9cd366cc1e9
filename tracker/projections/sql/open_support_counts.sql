SELECT fact_id, municipality, month, support_type, sex, age_group, started
FROM open_support_counts_coded
ORDER BY municipality, month, fact_id
