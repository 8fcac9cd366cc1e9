SELECT r.fact_id, r.subject_id, r.municipality, r.received_on, r.concluded_on, own_or(r.sex, p.sex) AS sex, a.age,
       age_group_of(a.age) AS age_group, r.referral_type, r.reasons, r.reasons_status, r.referrer, r.action,
       flow_class_of(r.action) AS flow_class, l.other_id AS investigation_id,
       coalesce(l.method, 'none') AS link_method, coalesce(c.not_opened_complete, false) AS not_opened_complete,
       c.known_to AS observed_until
FROM referrals_coded r
LEFT JOIN people p ON p.subject_id = r.subject_id
LEFT JOIN referral_links l ON l.link_id = r.fact_id
LEFT JOIN covered c ON c.record_type = 'referrals' AND c.municipality = r.municipality
                   AND r.received_on BETWEEN c.covered_from AND c.covered_to,
LATERAL (SELECT coalesce(age_on(coalesce(p.birth_date, r.birth_date), r.received_on), r.age)::SMALLINT AS age) a
WHERE r.subject_id IS $linkable NULL
ORDER BY r.subject_id, r.received_on, r.fact_id
