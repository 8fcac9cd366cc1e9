-- A plausible synthetic log: children, their referrals, what followed, deliveries, two per cent corrected.
CREATE MACRO u(a, b) AS (hash(a, b) % 1000003) / 1000003.0;
CREATE MACRO pick(items, a, b) AS items[1 + (hash(a, b) % len(items))::INTEGER];
CREATE MACRO id32(a, b) AS md5(concat_ws('/', a, b));
CREATE MACRO subject_of(c) AS md5('child' || c)::UUID::VARCHAR;

CREATE TABLE children AS
SELECT c, subject_of(c) AS subject_id, lpad((101 + c % 97)::VARCHAR, 4, '0') AS municipality,
       DATE '2004-01-01' + (hash(c, 1) % 6500)::INTEGER AS birth_date,
       pick(['Flicka', 'Pojke', 'f', 'P', 'Kvinna', 'Man'], c, 2) AS sex,
       1 + (u(c, 3) > 0.55)::INTEGER + (u(c, 3) > 0.8)::INTEGER + 4 * (u(c, 3) > 0.97)::INTEGER AS n
FROM range($children) t(c);

CREATE TABLE referrals AS
SELECT c.*, k, id32(c, 'r' || k) AS fact_id,
       DATE '2021-01-01' + (hash(c, k, 4) % 1800)::INTEGER AS received_on,
       pick(['Utredning inleds', 'Utredning inleds inte', 'Inleds ej', 'Påförs pågående utredning',
             'Hänvisning', 'Utredning inleds', 'Inled utredning'], c, k + 5000) AS action,
       (hash(c, k, 6) % 16)::INTEGER AS days
FROM (SELECT *, unnest(range(n)) AS k FROM children) c;

CREATE TABLE investigations AS
SELECT *, id32(c, 'i' || k) AS investigation_fact, received_on + days AS opened_on,
       CASE WHEN u(c, k + 7000) < 0.93 THEN received_on + days + 30 + (hash(c, k, 8) % 110)::INTEGER END AS closed_on
FROM referrals WHERE action IN ('Utredning inleds', 'Inled utredning');

CREATE TABLE interventions AS
SELECT *, id32(c, 'v' || k) AS intervention_fact, closed_on AS decided_on,
       CASE WHEN u(c, k + 9000) < 0.85 THEN closed_on + (hash(c, k, 10) % 40)::INTEGER END AS started_on,
       CASE WHEN u(c, k + 9000) < 0.60 THEN closed_on + 60 + (hash(c, k, 11) % 400)::INTEGER END AS ended_on
FROM investigations WHERE closed_on IS NOT NULL AND u(c, k + 12000) < 0.55;

CREATE TABLE drawn AS
SELECT 'DeliveryRecorded' AS event_type, NULL AS subject_id, lpad((101 + m)::VARCHAR, 4, '0') AS municipality,
       record_type, id32(m, record_type || y) AS fact_id, NULL AS occurred_on,
       json_object('period_from', y || '-01-01', 'period_to', y || '-12-31', 'full', true,
                   'extracted_on', '2026-02-01', 'synthetic', true, 'not_opened_complete', true) AS body
FROM range(97) t(m), range(2021, 2026) s(y),
     unnest(['referrals', 'investigations', 'interventions', 'follow_ups']) r(record_type)
UNION ALL
SELECT 'ReferralReceived' AS event_type, subject_id, municipality, 'referrals' AS record_type, fact_id,
       received_on AS occurred_on, json_object(
           'sex', sex, 'birth_date', birth_date, 'referral_type', pick(['Anmälan barn 0-12 år', 'Ansökan', 'B anmälan'], c, k),
           'reasons', pick(['Missbruk barn/ungdom', 'Våld i nära relation; Psykisk ohälsa', 'Konflikt - vårdnad', 'Kriminalitet',
                            'Skolproblematik', 'Oro ' || (c % 900)], c, k + 1),
           'referrer', pick(['Skola', 'Polis', 'Vårdnadshavare', 'Hälso- och sjukvård'], c, k + 2),
           'referral_id', id32(fact_id, 'sid'), 'case_id', id32(c, 'case')) AS body FROM referrals
UNION ALL
SELECT 'ReferralConcluded', subject_id, municipality, 'referrals', fact_id, received_on + days,
       json_object('action', action) FROM referrals WHERE u(c, k + 13000) < 0.96
UNION ALL
SELECT 'InvestigationOpened', subject_id, municipality, 'investigations', investigation_fact, opened_on, json_object(
           'sex', sex, 'birth_date', birth_date, 'investigation_id', id32(investigation_fact, 'sid'),
           'referral_ids', CASE WHEN u(c, k + 14000) < 0.6 THEN [id32(fact_id, 'sid')] ELSE []::VARCHAR[] END,
           'case_id', id32(c, 'case'), 'reasons', 'Kriminalitet', 'known_before', 'Ja') FROM investigations
UNION ALL
SELECT 'InvestigationClosed', subject_id, municipality, 'investigations', investigation_fact, closed_on,
       '{"need":"Behov av stöd","outcome":"Insats","guardian_talks":"Tre eller fler","child_talks":"Ja",'
       || array_to_string(list_transform(range(1, 31), lambda i: format('"r{:02d}":"Nej"', i)), ',') || ','
       || array_to_string(list_transform(range(1, 8), lambda i: format('"p{:d}":"Ja"', i)), ',') || '}'
FROM investigations WHERE closed_on IS NOT NULL
UNION ALL
SELECT 'DecisionMade', subject_id, municipality, 'interventions', intervention_fact, decided_on, json_object(
           'intervention_type', pick(['Kontaktperson', 'Familjehem', 'Öppenvård'], c, k), 'legal_basis', 'SoL',
           'granted', 'Ja', 'guardian_consent', 'Ja', 'intervention_id', id32(intervention_fact, 'sid'),
           'investigation_id', id32(investigation_fact, 'sid'), 'sex', sex, 'birth_date', birth_date) FROM interventions
UNION ALL
SELECT 'InterventionStarted', subject_id, municipality, 'interventions', intervention_fact, started_on, '{}'
FROM interventions WHERE started_on IS NOT NULL
UNION ALL
SELECT 'InterventionEnded', subject_id, municipality, 'interventions', intervention_fact, ended_on,
       '{"end_reason":"Målet uppnått"}' FROM interventions WHERE ended_on IS NOT NULL
UNION ALL
SELECT 'FollowUpHeld', subject_id, municipality, 'follow_ups', id32(intervention_fact, 'f'), started_on + 90,
       json_object('intervention_id', id32(intervention_fact, 'sid'), 'goal_attainment', 'Helt', 'result', 'Fortsätter')
FROM interventions WHERE started_on IS NOT NULL;

CREATE TABLE numbered AS
SELECT row_number() OVER () AS position, event_type, CASE WHEN again THEN 'corrected' ELSE 'recorded' END AS kind,
       subject_id, municipality, record_type, fact_id, 1 + again::INTEGER AS version, NULL::BIGINT AS replaces,
       occurred_on, 1::INTEGER AS delivery_no, NULL::INTEGER AS row_no, body
FROM (SELECT *, false AS again FROM drawn UNION ALL
      SELECT *, true FROM drawn WHERE hash(fact_id) % 50 = 0);

COPY (SELECT l.* REPLACE (p.position AS replaces, CASE WHEN l.event_type = 'DeliveryRecorded' THEN l.position ELSE 1 END::INTEGER AS delivery_no)
      FROM numbered l LEFT JOIN numbered p ON l.version = 2 AND p.version = 1 AND p.fact_id = l.fact_id AND p.event_type = l.event_type
      ORDER BY l.position) TO '$out' (FORMAT parquet, COMPRESSION zstd);
