SELECT s.fact_id, s.subject_id, s.municipality, s.started_on, s.ended_on, s.support_type, s.provider,
       own_or(s.sex, p.sex) AS sex, a.age, age_group_of(a.age) AS age_group, s.living_arrangement, s.caregiver_sex,
       s.interpreter, s.result, s.ended_on_told AS ended, c.known_to AS observed_until
FROM open_support_coded s
LEFT JOIN people p ON p.subject_id = s.subject_id
LEFT JOIN covered c ON c.record_type = 'open_support' AND c.municipality = s.municipality
                   AND s.started_on BETWEEN c.covered_from AND c.covered_to,
LATERAL (SELECT coalesce(age_on(p.birth_date, s.started_on), s.age)::SMALLINT AS age) a
ORDER BY s.subject_id NULLS LAST, s.started_on, s.fact_id
