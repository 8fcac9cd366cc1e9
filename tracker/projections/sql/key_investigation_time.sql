-- Days from opened to closed, by year of closing; the sums over children give a variance clustered on child.
WITH closed AS (
    SELECT subject_id, municipality, year(closed_on) AS year, closed_on - opened_on AS days
    FROM investigations WHERE closed_on IS NOT NULL AND opened_on IS NOT NULL
), placed AS (
    SELECT * FROM closed UNION ALL BY NAME SELECT * REPLACE ('all' AS municipality) FROM closed
), medians AS (
    SELECT municipality, year, median(days) AS median_days FROM placed GROUP BY ALL
), by_child AS (
    SELECT municipality, year, sum(days) AS y, count(*) AS x FROM placed GROUP BY municipality, year, subject_id
), sums AS (
    SELECT municipality, year, sum(x)::BIGINT AS investigations, count(*)::BIGINT AS children, sum(y)::DOUBLE AS days,
           sum(y * y)::DOUBLE AS yy, sum(x * y)::DOUBLE AS xy, sum(x * x)::DOUBLE AS xx
    FROM by_child GROUP BY ALL
), ends AS (
    SELECT municipality, max(covered_to) AS covered_to FROM coverage
    WHERE record_type = 'investigations' GROUP BY ALL
), complete AS (
    SELECT p.municipality, p.year, bool_and(coalesce(e.covered_to >= make_date(p.year::INTEGER, 12, 31), false)) AS whole
    FROM (SELECT DISTINCT municipality, year FROM closed) p LEFT JOIN ends e USING (municipality)
    GROUP BY GROUPING SETS ((p.municipality, p.year), (p.year))
)
SELECT s.*, m.median_days, c.whole AS covered_whole_year
FROM sums s
JOIN medians m USING (municipality, year)
JOIN complete c ON coalesce(c.municipality, 'all') = s.municipality AND c.year = s.year
ORDER BY s.municipality <> 'all', s.municipality, s.year
