SELECT t.subject_id, p.sex, date_trunc('month', p.birth_date)::DATE AS birth_month,
       f.country_of_birth, f.diagnosis, t.first_on, t.last_on, t.municipalities,
       coalesce(r.n, 0)::INTEGER AS referrals, coalesce(i.n, 0)::INTEGER AS investigations,
       coalesce(v.n, 0)::INTEGER AS interventions, f.moved_out_on, f.died_on
FROM (
    SELECT subject_id, min(first_on) AS first_on, max(last_on) AS last_on,
           list_sort(list(municipality)) AS municipalities
    FROM (
        SELECT subject_id, municipality, min(occurred_on) AS first_on, max(occurred_on) AS last_on
        FROM events WHERE subject_id IS NOT NULL AND event_type NOT IN ('SubjectsLinked', 'SubjectsUnlinked')
        GROUP BY subject_id, municipality
    )
    GROUP BY subject_id
) t
LEFT JOIN people p USING (subject_id)
LEFT JOIN (SELECT subject_id, count(*) AS n FROM referrals_coded GROUP BY 1) r USING (subject_id)
LEFT JOIN (SELECT subject_id, count(*) AS n FROM investigations_coded GROUP BY 1) i USING (subject_id)
LEFT JOIN (SELECT subject_id, count(*) AS n FROM interventions_coded GROUP BY 1) v USING (subject_id)
LEFT JOIN (
    SELECT subject_id,
           arg_max(value, (known_on, position)) FILTER (fact = 'country_of_birth') AS country_of_birth,
           arg_max(value, (known_on, position)) FILTER (fact = 'diagnosis') AS diagnosis,
           max(known_on) FILTER (fact = 'moved_out') AS moved_out_on,
           min(known_on) FILTER (fact = 'died') AS died_on
    FROM child_facts_coded WHERE subject_id IS NOT NULL GROUP BY subject_id
) f USING (subject_id)
ORDER BY t.subject_id
