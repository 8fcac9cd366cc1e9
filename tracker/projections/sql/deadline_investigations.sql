-- Investigations opened while an entry is followed: from the day opened to the day closed.
SELECT r.subject_id, e.entry, 1::INTEGER AS wait, r.opened_on AS since_on$columns,
       (r.opened_on + INTERVAL $months MONTH)::DATE AS due_on, r.closed_on AS ended_on,
       r.observed_until, $lost AS lost_on, coalesce(r.closed, false) OR r.closed_on IS NOT NULL AS ended
FROM investigations r
ASOF JOIN entries e ON r.subject_id = e.subject_id AND $joined = e.place AND r.opened_on >= e.origin_on
LEFT JOIN children k ON k.subject_id = r.subject_id
WHERE r.subject_id IS NOT NULL AND r.opened_on <= e.until
ORDER BY r.subject_id, r.opened_on, r.fact_id
