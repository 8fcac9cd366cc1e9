SELECT 'ended' AS change, * FROM (FROM a_coverage EXCEPT FROM b_coverage)
UNION ALL
SELECT 'new' AS change, * FROM (FROM b_coverage EXCEPT FROM a_coverage)
ORDER BY municipality, record_type, covered_from, change
