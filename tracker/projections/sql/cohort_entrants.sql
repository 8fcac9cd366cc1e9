-- The candidates with what they are chosen and broken down by, and the number of the first rule to leave each out.
CREATE TABLE entrants AS
WITH covered AS (
    SELECT d.municipality, d.day,
           CASE WHEN count(DISTINCT v.record_type) = $record_types THEN max(v.covered_from) END AS since
    FROM (SELECT DISTINCT municipality, origin_on AS day FROM candidates) d
    JOIN coverage v ON v.municipality = d.municipality AND d.day BETWEEN v.covered_from AND v.covered_to
    WHERE v.record_type IN ($coverage) GROUP BY d.municipality, d.day
), sizes AS (
    SELECT municipality, arg_max(size_class, year) AS size_class FROM municipality_facts
    WHERE size_class IS NOT NULL GROUP BY municipality
), diagnoses AS (
    SELECT subject_id, origin_on, arg_max(value, (known_on, fact_id)) AS diagnosis
    FROM (SELECT DISTINCT subject_id, origin_on FROM candidates) JOIN child_facts USING (subject_id)
    WHERE fact = 'diagnosis' AND known_on <= origin_on GROUP BY subject_id, origin_on
), opening_referrals AS (  -- of several of one day the first by what it says
    SELECT *, coalesce(reasons[1], CASE WHEN reasons_status LIKE '%unmapped' THEN 'unmapped' END) AS first_reason
    FROM referrals WHERE subject_id IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY subject_id, $referral_place, received_on
                               ORDER BY referral_type, referrer, reasons::VARCHAR, fact_id) = 1
), openings AS (
    SELECT c.*, CASE WHEN v.municipality IS NOT NULL THEN 'no_referral' END AS without_referral
    FROM candidates c
    LEFT JOIN coverage v ON v.municipality = c.municipality AND v.record_type = 'referrals'
                        AND c.episode_entered_on BETWEEN v.covered_from AND v.covered_to
), described AS (
    SELECT c.*, k.birth_month, w.since AS covered_since$sources
    FROM openings c
    LEFT JOIN children k ON k.subject_id = c.subject_id
    LEFT JOIN covered w ON w.municipality = c.municipality AND w.day = c.origin_on
    LEFT JOIN sizes z ON z.municipality = c.municipality
    LEFT JOIN diagnoses d ON d.subject_id = c.subject_id AND d.origin_on = c.origin_on
    LEFT JOIN opening_referrals r ON r.subject_id = c.subject_id AND r.received_on = c.episode_entered_on
                                 AND $referral_joined
), levelled AS (
    SELECT * REPLACE (seen AS seen$levels), coalesce($in_window, false) AS in_window FROM described
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY subject_id, unit_place, seen AND in_window ORDER BY spell) AS turn
    FROM levelled
)
SELECT *, (CASE $rules END)::INTEGER AS left_out FROM ranked
