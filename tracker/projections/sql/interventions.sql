SELECT v.fact_id, v.subject_id, v.municipality, v.decided_on, v.granted, v.intervention_type, v.legal_basis,
       v.guardian_consent, v.child_consent, v.started_on, v.ended_on, v.end_reason, own_or(v.sex, p.sex) AS sex, a.age,
       age_group_of(a.age) AS age_group, l.other_id AS investigation_id, coalesce(l.method, 'none') AS link_method,
       c.known_to AS observed_until
FROM interventions_coded v
LEFT JOIN people p ON p.subject_id = v.subject_id
LEFT JOIN intervention_links l ON l.link_id = v.fact_id
LEFT JOIN covered c ON c.record_type = 'interventions' AND c.municipality = v.municipality
                   AND v.decided_on BETWEEN c.covered_from AND c.covered_to,
LATERAL (SELECT coalesce(age_on(coalesce(p.birth_date, v.birth_date), v.decided_on), v.age)::SMALLINT AS age) a
ORDER BY v.subject_id NULLS LAST, v.decided_on, v.fact_id
