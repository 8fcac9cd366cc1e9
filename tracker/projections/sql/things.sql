-- What each child has open and when. Never known to end: open until last seen (ending 2), the day its period
-- was last read in full or the delivery that told of it was read. A move out ends (3) what is open there.
CREATE TABLE moves AS
SELECT subject_id, municipality, known_on FROM child_facts_coded WHERE fact = 'moved_out' AND subject_id IS NOT NULL;

CREATE TABLE deaths AS
SELECT subject_id, min(known_on) AS died_on FROM child_facts_coded
WHERE fact = 'died' AND subject_id IS NOT NULL GROUP BY subject_id;

CREATE TABLE things AS
SELECT subject_id, municipality, rank, opened_on, legal_basis,
       CASE WHEN moves_first THEN moved_on ELSE ended_on END AS ended_on,
       CASE WHEN moves_first THEN 3 ELSE ending END AS ending,
       assumed AND ending = 1 AND NOT moves_first AS assumed
FROM (
    SELECT *, moved_on IS NOT NULL
              AND (ended_on IS NULL OR ended_on > moved_on OR (ended_on = moved_on AND ending <> 1)) AS moves_first
    FROM (
        SELECT t.subject_id, t.municipality, t.rank, t.opened_on, t.legal_basis,
               CASE WHEN t.ended_on IS NOT NULL THEN t.ended_on
                    WHEN c.extracted_on IS NOT NULL OR d.extracted_on IS NOT NULL
                    THEN greatest(t.opened_on, c.extracted_on, d.extracted_on) END AS ended_on,
               CASE WHEN t.ended_on IS NULL THEN 2 ELSE t.ending END AS ending, t.assumed,
               list_min(list_filter(m.days, lambda day: day >= t.opened_on)) AS moved_on
        FROM ($spans) t
        LEFT JOIN covered c ON t.ended_on IS NULL AND c.record_type = t.record_type
                           AND c.municipality = t.municipality AND t.row_day BETWEEN c.covered_from AND c.covered_to
        LEFT JOIN deliveries d ON d.delivery_no = t.delivery_no
        LEFT JOIN (SELECT subject_id, municipality, list(known_on) AS days FROM moves GROUP BY ALL) m
               ON m.subject_id = t.subject_id AND m.municipality = t.municipality
    )
);
