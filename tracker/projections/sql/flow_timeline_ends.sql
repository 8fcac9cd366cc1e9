-- When a timeline stood closed and what came of it, or where it ends with something open.
-- A closed stay seen only from its middle (step 0) is no closing, nor is one of no length: the next case came
-- the same day.
CREATE TEMP TABLE timeline_ends AS
WITH ends AS (
    SELECT s.*, s.state = 'closed' AS closed, s.entered_on + $horizon_days AS horizon, c.covered_to,
           s.left_on <= s.entered_on + $horizon_days AS within
    FROM spells s
    LEFT JOIN coverage c ON c.municipality = s.municipality AND c.record_type = 'referrals'
                        AND s.entered_on BETWEEN c.covered_from AND c.covered_to
    WHERE (s.state = 'closed' AND s.entered_step > 0 AND NOT (s.exit = 'transition' AND s.left_on = s.entered_on))
       OR (s.state <> 'closed' AND s.exit <> 'transition')
), classed AS (
    SELECT *,
           CASE WHEN NOT closed AND exit IN ('absorbing', 'moved') THEN 'left_observation'
                WHEN NOT closed THEN 'open'
                WHEN covered_to IS NULL THEN 'not_delivered'
                WHEN horizon > covered_to THEN 'too_recent'
                WHEN within AND exit = 'transition' THEN 'yes'
                WHEN within AND exit IN ('absorbing', 'moved') THEN 'left_observation'
                WHEN left_on < horizon AND exit <> 'transition' THEN 'too_recent'
                ELSE 'no' END AS class
    FROM ends
)
SELECT subject_id, episode_entered_on, CASE WHEN closed THEN entered_on ELSE left_on END AS end_on,
       enum_code(class::$classes)::UTINYINT AS code, left_on - entered_on AS days
FROM classed
