-- One row for each referral of the entry cohort: breakdown columns, days, and codes for its path (with whether
-- not-opened is completely recorded) and for its 14-day clock.
CREATE TEMP TABLE cohort AS
WITH every AS (
    SELECT * FROM referrals UNION ALL BY NAME SELECT * FROM unlinkable_referrals
), actions AS (
    SELECT municipality, bool_or(flow_class IS NOT NULL) AS delivered FROM every GROUP BY ALL
), sizes AS (
    SELECT municipality, arg_max(size_class, year) AS size_class FROM municipality_facts
    WHERE size_class IS NOT NULL GROUP BY ALL
), entered AS (
    SELECT *, $investigation AS linked_id
    FROM every LEFT JOIN sizes USING (municipality)
    WHERE received_on BETWEEN ? AND ? AND ($condition)
), classed AS (
    SELECT e.*, o.path, o.opened_on, c.covered_to,
           coalesce(e.concluded_on, e.received_on) > last_days.investigations AS beyond,
           CASE WHEN flow_class IS NOT NULL THEN flow_class
                WHEN o.opened_on >= received_on THEN 'opened'
                WHEN o.opened_on < received_on THEN 'attached'
                WHEN received_on > last_days.referrals THEN 'too_recent'
                WHEN e.observed_until IS NULL THEN 'not_delivered'
                WHEN received_on + $assessment_days > e.observed_until THEN 'too_recent'
                WHEN NOT actions.delivered THEN 'not_delivered'
                ELSE 'open' END AS class
    FROM entered e
    JOIN actions USING (municipality)
    LEFT JOIN last_days USING (municipality)
    LEFT JOIN opened o ON o.investigation_id = e.linked_id
    LEFT JOIN coverage c ON c.municipality = e.municipality AND c.record_type = 'investigations'
                        AND coalesce(e.concluded_on, e.received_on) BETWEEN c.covered_from AND c.covered_to
), pathed AS (
    SELECT *,
           CASE WHEN class <> 'opened' THEN class
                WHEN path IS NOT NULL THEN 'opened/' || path
                WHEN beyond THEN 'opened/too_recent'
                WHEN covered_to IS NULL THEN 'opened/not_delivered'
                ELSE 'opened/not_linked' END AS way,
           CASE WHEN class IN ('attached', 'administrative') OR referral_type <> 'report' THEN 'not_in_risk_set'
                WHEN class = 'unmapped' THEN 'unmapped'
                WHEN concluded_on <= received_on + $assessment_days THEN 'within'
                WHEN concluded_on IS NOT NULL OR class = 'open' THEN 'late'
                WHEN class = 'too_recent' THEN 'too_recent'
                ELSE 'not_delivered' END AS clock
    FROM classed
)
SELECT $groups subject_id, received_on, class, concluded_on - received_on AS days,
       CASE WHEN class = 'opened' AND path IS NOT NULL THEN linked_id END AS investigation_id,
       enum_code(way::$paths)::UTINYINT * 2::UTINYINT + coalesce(not_opened_complete, false)::UTINYINT AS code,
       enum_code(clock::$clock)::UTINYINT AS clock_code
FROM pathed
