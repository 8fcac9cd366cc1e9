-- The last day each municipality delivered each stage in full: after it everything is too recent to know.
CREATE TEMP TABLE last_days AS
SELECT municipality,
       max(covered_to) FILTER (record_type = 'referrals') AS referrals,
       max(covered_to) FILTER (record_type = 'investigations') AS investigations,
       max(covered_to) FILTER (record_type = 'interventions') AS interventions,
       max(covered_to) FILTER (record_type = 'follow_ups') AS follow_ups
FROM coverage GROUP BY municipality
