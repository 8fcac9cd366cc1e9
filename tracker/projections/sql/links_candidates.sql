-- Every link that could be made, with its tier (1 explicit id, 2 same case, 3 nearest) and its distance in days.
-- One side's known child never links to another's; a row without a child links only by explicit id. Of ids that
-- churn, the newest export that shows a link decides.
CREATE TABLE referral_candidates AS
SELECT r.fact_id AS link_id, i.fact_id AS other_id, 1 AS tier, abs(i.opened_on - r.received_on) AS distance
FROM referrals_coded r JOIN investigations_coded i
  ON i.municipality = r.municipality AND i.investigation_id = r.investigation_id
WHERE coalesce(r.subject_id = i.subject_id, true)
  AND NOT EXISTS (SELECT 1 FROM churning c WHERE c.fact_id = r.fact_id AND c.field = 'investigation_id')
UNION
SELECT r.fact_id, i.fact_id, 1, abs(i.opened_on - r.received_on)
FROM referrals_coded r
JOIN (SELECT fact_id, subject_id, municipality, opened_on, unnest(referral_ids) AS referral_id
      FROM investigations_coded) i
  ON i.municipality = r.municipality AND i.referral_id = r.referral_id
WHERE coalesce(r.subject_id = i.subject_id, true)
  AND NOT EXISTS (SELECT 1 FROM churning c WHERE c.fact_id = r.fact_id AND c.field = 'referral_id')
UNION
SELECT r.fact_id, i.fact_id, 1, abs(i.opened_on - r.received_on)
FROM churning_pairs p JOIN referrals_coded r ON r.fact_id = p.link_id
JOIN investigations_coded i ON i.fact_id = p.other_id AND i.municipality = r.municipality
WHERE NOT p.case_only AND coalesce(r.subject_id = i.subject_id, true)
QUALIFY p.shown_on = max(p.shown_on) OVER (PARTITION BY r.fact_id)
UNION ALL
SELECT r.fact_id, i.fact_id, CASE WHEN i.case_id = r.case_id OR p.case_only THEN 2 ELSE 3 END,
       abs(i.opened_on - r.received_on)
FROM referrals_coded r JOIN investigations_coded i
  ON i.subject_id = r.subject_id AND i.municipality = r.municipality
LEFT JOIN churning_pairs p ON p.link_id = r.fact_id AND p.other_id = i.fact_id AND p.case_only
WHERE CASE WHEN flow_class_of(r.action) = 'attached'
           THEN i.opened_on <= r.received_on AND coalesce(i.closed_on >= r.received_on, true)
           WHEN flow_class_of(r.action) = 'opened' OR (coalesce(r.action, 'unmapped') = 'unmapped'
                                                        AND (i.case_id = r.case_id OR p.case_only))
           THEN i.opened_on BETWEEN r.received_on AND r.received_on + $opened_within
           ELSE false END;

CREATE TABLE intervention_candidates AS
SELECT v.fact_id AS link_id, i.fact_id AS other_id, 1 AS tier, abs(v.decided_on - i.opened_on) AS distance
FROM interventions_coded v JOIN investigations_coded i
  ON i.municipality = v.municipality AND i.investigation_id = v.investigation_id
WHERE coalesce(v.subject_id = i.subject_id, true)
  AND NOT EXISTS (SELECT 1 FROM churning c WHERE c.fact_id = v.fact_id AND c.field = 'investigation_id')
UNION ALL
SELECT v.fact_id, i.fact_id, 1, abs(v.decided_on - i.opened_on)
FROM churning_pairs p JOIN interventions_coded v ON v.fact_id = p.link_id
JOIN investigations_coded i ON i.fact_id = p.other_id AND i.municipality = v.municipality
WHERE NOT p.case_only AND coalesce(v.subject_id = i.subject_id, true)
QUALIFY p.shown_on = max(p.shown_on) OVER (PARTITION BY v.fact_id)
UNION ALL
SELECT v.fact_id, i.fact_id, CASE WHEN i.case_id = v.case_id OR p.case_only THEN 2 ELSE 3 END,
       v.decided_on - i.opened_on
FROM interventions_coded v JOIN investigations_coded i
  ON i.subject_id = v.subject_id AND i.municipality = v.municipality
LEFT JOIN churning_pairs p ON p.link_id = v.fact_id AND p.other_id = i.fact_id AND p.case_only
WHERE v.decided_on >= i.opened_on AND coalesce(v.decided_on <= i.closed_on + $decided_within, true);

CREATE TABLE follow_up_candidates AS
SELECT f.fact_id AS link_id, v.fact_id AS other_id, 1 AS tier,
       abs(f.held_on - coalesce(v.started_on, v.decided_on)) AS distance
FROM follow_ups_coded f JOIN interventions_coded v
  ON v.municipality = f.municipality AND v.intervention_id = f.intervention_id
WHERE coalesce(f.subject_id = v.subject_id, true)
  AND NOT EXISTS (SELECT 1 FROM churning c WHERE c.fact_id = f.fact_id AND c.field = 'intervention_id')
UNION ALL
SELECT f.fact_id, v.fact_id, 1, abs(f.held_on - coalesce(v.started_on, v.decided_on))
FROM churning_pairs p JOIN follow_ups_coded f ON f.fact_id = p.link_id
JOIN interventions_coded v ON v.fact_id = p.other_id AND v.municipality = f.municipality
WHERE coalesce(f.subject_id = v.subject_id, true)
QUALIFY p.shown_on = max(p.shown_on) OVER (PARTITION BY f.fact_id)
UNION ALL
SELECT f.fact_id, v.fact_id, 3, f.held_on - coalesce(v.started_on, v.decided_on)
FROM follow_ups_coded f JOIN interventions_coded v
  ON v.subject_id = f.subject_id AND v.municipality = f.municipality
WHERE coalesce(v.granted, '') NOT IN ('no', 'withdrawn')
  AND f.held_on >= coalesce(v.started_on, v.decided_on)
  AND coalesce(f.held_on <= v.ended_on + $followed_up_within, true);
