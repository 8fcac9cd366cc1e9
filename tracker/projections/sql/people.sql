-- What is known of each child from all its rows, the latest told going first.
-- latest_birth is the latest day of birth all stated ages agree with, for children without a birth date.
CREATE TABLE people AS
SELECT subject_id,
       arg_max(sex, position) FILTER (sex <> 'unmapped') AS sex,
       arg_max(birth_date, position) FILTER (birth_date IS NOT NULL) AS birth_date,
       min((day - to_years(age))::DATE) AS latest_birth
FROM (
    SELECT subject_id, position, sex, birth_date, age, received_on AS day FROM referrals_coded
    UNION ALL
    SELECT subject_id, position, sex, birth_date, age, opened_on FROM investigations_coded
    UNION ALL
    SELECT subject_id, position, sex, birth_date, age, decided_on FROM interventions_coded
    UNION ALL
    SELECT subject_id, position, sex, NULL, age, started_on FROM open_support_coded
)
WHERE subject_id IS NOT NULL
GROUP BY subject_id;
