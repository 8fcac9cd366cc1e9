SELECT unit::INTEGER AS unit, day - DATE '1970-01-01' AS day, phase::TINYINT AS phase, rank::TINYINT AS rank,
       place::SMALLINT AS place, ground::SMALLINT AS ground, assumed
FROM (
    SELECT unit, opened_on AS day, 0 AS phase, rank AS first_key, 0 AS second_key, rank, place, ground, assumed, died_on
    FROM placed
    UNION ALL
    SELECT unit, ended_on, ending, opened_on - DATE '1900-01-01', rank, rank, place, ground, assumed, died_on
    FROM placed WHERE ended_on IS NOT NULL
    UNION ALL
    SELECT unit, known_on, 3, 0, 0, 0, place, 0, false, died_on
    FROM moves
    JOIN units ON units.subject_id = moves.subject_id AND within IN ('', moves.municipality)
    JOIN places ON places.municipality = moves.municipality
    LEFT JOIN deaths ON deaths.subject_id = moves.subject_id
    UNION ALL
    SELECT unit, died_on, 4, 0, 0, 0, 0, 0, false, died_on
    FROM deaths JOIN units ON units.subject_id = deaths.subject_id
)
WHERE died_on IS NULL OR day <= died_on
ORDER BY unit, day, phase, first_key, second_key, place, ground, assumed
