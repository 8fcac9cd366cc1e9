-- Reports received while an entry is followed, attached to nothing that was running: from the day received to the
-- day of the decision whether to open an investigation.
WITH actions AS (
    SELECT municipality, bool_or(flow_class IS NOT NULL) AS delivered FROM referrals GROUP BY municipality
), classed AS (
    SELECT r.*, i.opened_on,
           coalesce(r.flow_class, CASE WHEN i.opened_on >= r.received_on THEN 'opened'
                                       WHEN i.opened_on < r.received_on THEN 'attached' END) AS class
    FROM referrals r LEFT JOIN investigations i ON i.fact_id = r.investigation_id
    WHERE r.subject_id IS NOT NULL AND r.referral_type = 'report'
)
SELECT r.subject_id, e.entry, 1::INTEGER AS wait, r.received_on AS since_on$columns,
       r.received_on + $days AS due_on,
       coalesce(r.concluded_on, CASE WHEN class = 'opened' THEN r.opened_on END) AS ended_on,
       CASE WHEN a.delivered THEN r.observed_until END AS observed_until, $lost AS lost_on,
       r.class IS NOT NULL AS ended
FROM classed r
ASOF JOIN entries e ON r.subject_id = e.subject_id AND $joined = e.place AND r.received_on >= e.origin_on
JOIN actions a ON a.municipality = r.municipality
LEFT JOIN children k ON k.subject_id = r.subject_id
WHERE r.received_on <= e.until AND coalesce(r.class NOT IN ('attached', 'administrative', 'unmapped'), true)
ORDER BY r.subject_id, r.received_on, r.fact_id
