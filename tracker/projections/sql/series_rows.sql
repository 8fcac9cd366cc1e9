-- What the monthly series count, a row for each thing or aggregate: the series, where, the month, who, how many of
-- how many ("of" is what a share is of; "unknown" what cannot be told).
WITH received AS (
    SELECT municipality, received_on, sex, age_group, flow_class FROM referrals
    UNION ALL SELECT municipality, received_on, sex, age_group, flow_class FROM unlinkable_referrals
), one_by_one AS (
    SELECT DISTINCT municipality FROM coverage WHERE record_type = 'open_support'
), support AS (  -- counts only where nobody is told one by one, so that none is counted twice
    SELECT municipality, started_on, sex, age_group, 1 AS started FROM open_support
    UNION ALL
    SELECT municipality, month, sex, age_group, started FROM open_support_counts
    WHERE municipality NOT IN (FROM one_by_one)
), things AS (
    SELECT 'referrals' AS series, municipality, received_on AS day, sex, age_group, 1 AS n, 1 AS of, 0 AS unknown
    FROM received
    UNION ALL
    SELECT 'opened_share', municipality, received_on, sex, age_group, (flow_class = 'opened')::INTEGER,
           (flow_class IN ('opened', 'not_opened', 'referred_elsewhere'))::INTEGER,
           (coalesce(flow_class, 'unmapped') = 'unmapped')::INTEGER FROM received
    UNION ALL
    SELECT 'investigations', municipality, opened_on, sex, age_group, 1, 1, 0 FROM investigations
    UNION ALL
    SELECT 'granted', municipality, decided_on, sex, age_group, 1, 1, 0 FROM interventions WHERE granted = 'yes'
    UNION ALL
    SELECT 'interventions', municipality, started_on, sex, age_group, 1, 1, 0 FROM interventions
    WHERE started_on IS NOT NULL
    UNION ALL
    SELECT 'open_support', municipality, started_on, sex, age_group, started, 1, 0 FROM support
    UNION ALL
    SELECT 'all_support', municipality, started_on, sex, age_group, 1, 1, 0 FROM interventions
    WHERE started_on IS NOT NULL
    UNION ALL
    SELECT 'all_support', municipality, started_on, sex, age_group, started, 1, 0 FROM support
), sizes AS (
    SELECT municipality, arg_max(size_class, year) AS size_class FROM municipality_facts
    WHERE size_class IS NOT NULL GROUP BY municipality
)
SELECT series, municipality, date_trunc('month', day)::DATE AS period, coalesce(sex, 'unknown') AS sex,
       coalesce(age_group, 'unknown') AS age_group, coalesce(size_class, 'unknown') AS size_class,
       sum(n)::BIGINT AS count, sum(of)::BIGINT AS of, sum(unknown)::BIGINT AS unknown
FROM things LEFT JOIN sizes USING (municipality)
WHERE day IS NOT NULL
GROUP BY ALL ORDER BY ALL
