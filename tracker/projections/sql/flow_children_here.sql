-- One row for each child and group: its path codes, its clock codes counted in 20 bits each, its first referral.
CREATE OR REPLACE TEMP TABLE children_here AS
SELECT $groups subject_id, min(received_on) AS first_on, list_sort(list(code)) AS pattern,
       sum(CASE WHEN clock_code < 3 THEN 1::BIGINT << (20 * clock_code) ELSE 0 END)::BIGINT AS low,
       sum(CASE WHEN clock_code >= 3 THEN 1::BIGINT << (20 * (clock_code - 3)) ELSE 0 END)::BIGINT AS high
FROM $source WHERE subject_id IS NOT NULL GROUP BY $groups subject_id
