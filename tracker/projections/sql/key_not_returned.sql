SELECT coalesce(municipality, 'all') AS municipality, year, age_class, count(*)::BIGINT AS closed,
       count_if(class = 'not_returned')::BIGINT AS not_returned, count_if(class = 'returned')::BIGINT AS returned,
       count_if(class = 'too_recent')::BIGINT AS too_recent, count_if(class = 'not_delivered')::BIGINT AS not_delivered,
       count_if(class = 'left_observation')::BIGINT AS left_observation,
       count_if(class = 'unaccompanied')::BIGINT AS unaccompanied
FROM closings
GROUP BY GROUPING SETS ((municipality, year, age_class), (year, age_class))
ORDER BY municipality = 'all' DESC, municipality, year, age_class
