-- Size classes by population as in the NUSO study, where the municipality did not state its own.
SELECT fact_id, municipality, year, population_0_17, population_0_20, population,
       coalesce(nullif(size_class, 'unmapped'),
                CASE WHEN population > 100000 THEN 'large' WHEN population > 40000 THEN 'medium_large'
                     WHEN population > 20000 THEN 'medium' WHEN population >= 0 THEN 'small' END,
                size_class) AS size_class,
       staff
FROM municipality_facts_coded
ORDER BY municipality, year, fact_id
