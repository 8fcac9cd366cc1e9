-- Stays cut on the day the child is too old for the state it is in: the first step of that day.
CREATE TABLE grown AS
SELECT unit, number, subject_id, municipality, state, legal_basis, sex, born, episode, episode_entered_on,
       entered_on, entered_step,
       CASE WHEN NOT outgrown THEN left_on ELSE greatest(entered_on, age_limit) END AS left_on,
       CASE WHEN NOT outgrown THEN left_step WHEN entered_on < age_limit THEN 1 ELSE entered_step + 1 END AS left_step,
       CASE WHEN outgrown THEN 'adult' ELSE to_state END AS to_state,
       assumed AND NOT outgrown AS assumed
FROM (
    SELECT *, min(number) FILTER (outgrown) OVER (PARTITION BY unit) AS last_number
    FROM (
        SELECT *, coalesce(coalesce(left_on, DATE '9999-01-01') >= age_limit, false) AS outgrown
        FROM (
            SELECT s.*, u.subject_id, p.municipality, g.legal_basis, c.sex,
                   coalesce(c.birth_date, c.latest_birth) AS born,
                   birthday(coalesce(c.birth_date, c.latest_birth), CASE $age_limits END) AS age_limit
            FROM stays s
            JOIN units u ON u.unit = s.unit
            JOIN places p ON p.place = s.place
            LEFT JOIN grounds g ON g.ground = s.ground
            LEFT JOIN people c ON c.subject_id = u.subject_id
        )
    )
)
WHERE number <= coalesce(last_number, number) AND NOT (outgrown AND origin AND entered_on >= age_limit);

DROP TABLE stays;
