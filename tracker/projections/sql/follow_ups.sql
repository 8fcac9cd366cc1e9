SELECT f.fact_id, f.subject_id, f.municipality, f.held_on, f.goal_attainment, f.situation, f.result,
       l.other_id AS intervention_id, coalesce(l.method, 'none') AS link_method, c.known_to AS observed_until
FROM follow_ups_coded f
LEFT JOIN follow_up_links l ON l.link_id = f.fact_id
LEFT JOIN covered c ON c.record_type = 'follow_ups' AND c.municipality = f.municipality
                   AND f.held_on BETWEEN c.covered_from AND c.covered_to
ORDER BY f.subject_id NULLS LAST, f.held_on, f.fact_id
