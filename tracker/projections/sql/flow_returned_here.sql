-- One row for each child and group: what came after the first day nothing was open, from its first referral on.
CREATE OR REPLACE TEMP TABLE returned_here AS
SELECT $first_groups coalesce(n.code, $unseen)::UTINYINT AS code, n.days AS days
FROM children_here f ASOF LEFT JOIN timeline_ends n ON n.subject_id = f.subject_id AND f.first_on <= n.end_on
