-- One row for each child and group: what came of the episode its first referral was in. An end whose episode
-- began after the referral is another one: the referral's own was not seen.
CREATE OR REPLACE TEMP TABLE returned_here AS
SELECT $first_groups CASE WHEN n.episode_entered_on <= f.first_on THEN n.code ELSE $unseen END::UTINYINT AS code,
       n.days AS days
FROM children_here f ASOF LEFT JOIN timeline_ends n ON n.subject_id = f.subject_id AND f.first_on <= n.end_on
