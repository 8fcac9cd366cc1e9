-- Pairs of facts that named each other in some export whose ids churn, with the newest day of such an export.
-- A field churns where it stands by an id of such an export; it then holds all that any export put there.
CREATE TABLE churning_told AS
SELECT fact_id, extracted_on, unnest(['referral_id', 'case_id', 'investigation_id', 'intervention_id']) AS field,
       unnest([b.referral_id, b.case_id, b.investigation_id, b.intervention_id]) AS id
FROM churning_rows
UNION ALL
SELECT fact_id, extracted_on, 'referral_ids', unnest(b.referral_ids) FROM churning_rows;

CREATE TABLE churning AS
WITH standing AS (
    SELECT 'referrals' AS stage, fact_id, unnest(['referral_id', 'case_id', 'investigation_id']) AS field,
           unnest([referral_id, case_id, investigation_id]) AS id
    FROM referrals_coded WHERE fact_id IN (SELECT fact_id FROM churning_rows)
    UNION ALL
    SELECT 'investigations', fact_id, unnest(['investigation_id', 'case_id']), unnest([investigation_id, case_id])
    FROM investigations_coded WHERE fact_id IN (SELECT fact_id FROM churning_rows)
    UNION ALL
    SELECT 'investigations', fact_id, 'referral_ids', unnest(referral_ids)
    FROM investigations_coded WHERE fact_id IN (SELECT fact_id FROM churning_rows)
    UNION ALL
    SELECT 'interventions', fact_id, unnest(['intervention_id', 'investigation_id', 'case_id']),
           unnest([intervention_id, investigation_id, case_id])
    FROM interventions_coded WHERE fact_id IN (SELECT fact_id FROM churning_rows)
    UNION ALL
    SELECT 'follow_ups', fact_id, 'intervention_id', intervention_id
    FROM follow_ups_coded WHERE fact_id IN (SELECT fact_id FROM churning_rows)
), stands AS (
    SELECT DISTINCT stage, fact_id, field FROM standing JOIN churning_told USING (fact_id, field, id)
)
SELECT stage, fact_id, field, id, extracted_on FROM churning_told JOIN stands USING (fact_id, field);

CREATE TABLE churning_pairs AS
SELECT one.fact_id AS link_id, other.fact_id AS other_id, one.field = 'case_id' AS case_only,
       max(one.extracted_on) AS shown_on
FROM churning one JOIN churning other ON other.id = one.id
WHERE (one.stage, one.field, other.stage, other.field) IN (
    ('referrals', 'investigation_id', 'investigations', 'investigation_id'),
    ('referrals', 'referral_id', 'investigations', 'referral_ids'),
    ('referrals', 'case_id', 'investigations', 'case_id'),
    ('interventions', 'investigation_id', 'investigations', 'investigation_id'),
    ('interventions', 'case_id', 'investigations', 'case_id'),
    ('follow_ups', 'intervention_id', 'interventions', 'intervention_id'))
GROUP BY ALL;
