-- Stays cut on the day the child is too old for the state it is in: the first step of that day.
CREATE TABLE born AS
SELECT unit, units.subject_id, sex, coalesce(birth_date, latest_birth) AS born
FROM units LEFT JOIN people ON people.subject_id = units.subject_id;

CREATE VIEW placed_stays AS
SELECT *, coalesce(coalesce(left_on, DATE '9999-01-01') >= age_limit, false) AS outgrown
FROM (
    SELECT s.*, b.subject_id, p.municipality, g.legal_basis, b.sex, b.born,
           birthday(b.born, CASE $age_limits END) AS age_limit
    FROM stays s
    JOIN born b ON b.unit = s.unit
    JOIN places p ON p.place = s.place
    LEFT JOIN grounds g ON g.ground = s.ground
);

CREATE TABLE adults AS
SELECT unit, min(number) AS last_number FROM placed_stays WHERE outgrown GROUP BY unit;

CREATE VIEW grown AS
SELECT s.unit, number, subject_id, municipality, state, legal_basis, sex, born, episode, episode_entered_on,
       entered_on, entered_step,
       CASE WHEN NOT outgrown THEN left_on ELSE greatest(entered_on, age_limit) END AS left_on,
       CASE WHEN NOT outgrown THEN left_step WHEN entered_on < age_limit THEN 1 ELSE entered_step + 1 END AS left_step,
       CASE WHEN outgrown THEN 'adult' ELSE to_state END AS to_state,
       assumed AND NOT outgrown AS assumed
FROM placed_stays s LEFT JOIN adults ON adults.unit = s.unit
WHERE number <= coalesce(last_number, number) AND NOT (outgrown AND origin AND entered_on >= age_limit);
