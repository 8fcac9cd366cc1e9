-- Returns to a state without a break in what was seen, by the way taken.
WITH returns AS (
    SELECT $held, run, state, spell, next_spell, next_entered_on - left_on AS days_away
    FROM runs WHERE next_spell IS NOT NULL
), ways AS (
    SELECT $by_of_r r.subject_id, r.state, r.days_away,
           r.state || ' → ' || string_agg(b.state, ' → ' ORDER BY b.spell) || ' → ' || r.state AS way
    FROM returns r JOIN runs b ON $same_unit AND b.spell > r.spell AND b.spell < r.next_spell
    GROUP BY $by_of_r $unit_of_r, r.state, r.days_away, r.spell
), counted AS (
    SELECT $by state, way, count(*)::BIGINT AS returns, count(DISTINCT subject_id)::BIGINT AS children,
           median(days_away) AS median_days_away
    FROM ways GROUP BY ALL
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY $keys state ORDER BY returns DESC, way) AS place FROM counted
)
SELECT $by state, way, returns, children, median_days_away
FROM ranked WHERE place <= $top ORDER BY $keys returns DESC, state, way
