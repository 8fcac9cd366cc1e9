-- Openings, endings, moves and deaths of each unit in the order in which they take effect.
CREATE TABLE units AS
SELECT row_number() OVER () - 1 AS unit, *
FROM (SELECT DISTINCT subject_id, $within AS within FROM things);

CREATE TABLE places AS
SELECT row_number() OVER (ORDER BY municipality) AS place, municipality
FROM (SELECT municipality FROM things UNION SELECT municipality FROM moves);

CREATE TABLE grounds AS
SELECT row_number() OVER (ORDER BY legal_basis) AS ground, legal_basis
FROM (SELECT DISTINCT legal_basis FROM things WHERE legal_basis IS NOT NULL);

CREATE TABLE placed AS
SELECT unit, place, coalesce(ground, 0) AS ground, rank, opened_on, ended_on, ending, assumed, died_on
FROM things
JOIN units ON units.subject_id = things.subject_id AND units.within = $within
JOIN places ON places.municipality = things.municipality
LEFT JOIN grounds ON grounds.legal_basis = things.legal_basis
LEFT JOIN deaths ON deaths.subject_id = things.subject_id;

DROP TABLE things;
