-- Runs of covered days without a gap; complete on not-opened only where every extract of the run says so.
SELECT municipality, record_type, min(covered_from) AS covered_from, max(covered_to) AS covered_to,
       max(extracted_on) AS extracted_on, bool_and(not_opened_complete) AS not_opened_complete
FROM (
    SELECT *, count_if(starts) OVER (PARTITION BY municipality, record_type ORDER BY covered_from) AS run
    FROM (
        SELECT *, coalesce(covered_from > 1 + lag(covered_to) OVER (
            PARTITION BY municipality, record_type ORDER BY covered_from), true) AS starts
        FROM covered
    )
)
GROUP BY municipality, record_type, run
ORDER BY municipality, record_type, covered_from
