-- One row for each child: what came after the first day nothing was open, on or after its first referral.
CREATE OR REPLACE TEMP TABLE returned_here AS
WITH firsts AS (
    SELECT $groups subject_id, min(received_on) AS first_on
    FROM $source WHERE subject_id IS NOT NULL GROUP BY ALL
)
SELECT firsts.* EXCLUDE (subject_id, first_on), coalesce(n.code, $unseen)::USMALLINT AS code, n.days AS days
FROM firsts ASOF LEFT JOIN timeline_ends n ON n.subject_id = firsts.subject_id AND firsts.first_on <= n.end_on
