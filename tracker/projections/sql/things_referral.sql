-- Referrals that are a stage of their own: not those attached to something already open.
-- Opened but with no investigation to be found, or left for a reason that is no outcome, they are lost sight of.
SELECT subject_id, municipality, $rank AS rank, received_on AS opened_on,
       CASE WHEN flow IS NOT NULL OR concluded_on IS NOT NULL OR opened_on IS NOT NULL
            THEN greatest(received_on, CASE WHEN flow = 'opened' THEN greatest(concluded_on, opened_on)
                                            ELSE coalesce(concluded_on, opened_on) END) END AS ended_on,
       CASE WHEN flow = 'administrative' OR (flow = 'opened' AND opened_on IS NULL AND NOT tied)
            THEN 2 ELSE 1 END AS ending,
       concluded_on IS NULL AS assumed, NULL::VARCHAR AS legal_basis,
       'referrals' AS record_type, received_on AS row_day, delivery_no
FROM (
    SELECT r.subject_id, r.municipality, r.received_on, r.concluded_on, r.delivery_no, i.opened_on,
           flow_class_of(r.action) AS flow, coalesce(l.method = 'ambiguous', false) AS tied
    FROM referrals_coded r
    LEFT JOIN referral_links l ON l.link_id = r.fact_id
    LEFT JOIN investigations_coded i ON i.fact_id = l.other_id AND i.subject_id = r.subject_id
)
WHERE subject_id IS NOT NULL AND flow IS DISTINCT FROM 'attached'
