SELECT 'referral_investigation' AS kind, link_id AS from_id, other_id AS to_id, method, candidates,
       '$rule_version' AS rule_version FROM referral_links
UNION ALL
SELECT 'investigation_intervention', other_id, link_id, method, candidates, '$rule_version' FROM intervention_links
UNION ALL
SELECT 'intervention_follow_up', other_id, link_id, method, candidates, '$rule_version' FROM follow_up_links
ORDER BY kind, from_id NULLS LAST, to_id NULLS LAST
