SELECT i.fact_id, i.subject_id, i.municipality, i.opened_on, i.closed_on, own_or(i.sex, p.sex) AS sex, a.age,
       age_group_of(a.age) AS age_group, i.known_before, i.reasons, i.reasons_status, i.need, i.outcome,
       i.closed_on_told AS closed, l.referral_id, coalesce(l.method, 'none') AS link_method,
       c.known_to AS observed_until
FROM investigations_coded i
LEFT JOIN people p ON p.subject_id = i.subject_id
LEFT JOIN (
    -- The earliest; of one day by what they say, so that two loads of the same files choose alike.
    SELECT other_id, arg_min(link_id, place) AS referral_id, arg_min(method, place) AS method
    FROM (SELECT link_id, other_id, method,
                 (received_on, coalesce(referral_type, ''), coalesce(referrer, ''), coalesce(action, ''),
                  coalesce(array_to_string(reasons, ','), ''), link_id) AS place
          FROM referral_links JOIN referrals_coded r ON r.fact_id = link_id
          WHERE other_id IN (SELECT other_id FROM referral_links GROUP BY other_id HAVING count(*) > 1)) AS told
    GROUP BY other_id
    UNION ALL
    SELECT other_id, any_value(link_id), any_value(method)
    FROM referral_links WHERE other_id IS NOT NULL GROUP BY other_id HAVING count(*) = 1
) l ON l.other_id = i.fact_id
LEFT JOIN covered c ON c.record_type = 'investigations' AND c.municipality = i.municipality
                   AND i.opened_on BETWEEN c.covered_from AND c.covered_to,
LATERAL (SELECT coalesce(age_on(coalesce(p.birth_date, i.birth_date), i.opened_on), i.age)::SMALLINT AS age) a
ORDER BY i.subject_id NULLS LAST, i.opened_on, i.fact_id
