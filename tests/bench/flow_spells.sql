-- Plausible synthetic spells, up to eight stays a child over two years, five states, four covariates, some seen
-- late or lost early: no child in them exists. A stay lasts $shortest days or more; one of none is left at a later step.
CREATE MACRO u(a, b) AS (hash(a, b) % 1000003) / 1000003.0;
CREATE MACRO below(n, a, b) AS floor(n * u(a, b))::INTEGER;
CREATE MACRO pick(items, a, b) AS items[1 + below(len(items), a, b)];
CREATE MACRO state_no(k) AS ['referral', 'investigation', 'granted', 'intervention', 'closed'][1 + k % 5];

COPY (
    SELECT lpad(to_hex(c), 32, '0') AS subject_id, lpad((100 + c % 290)::VARCHAR, 4, '0') AS municipality,
           1::INTEGER AS episode, n::INTEGER AS spell, state_no(k) AS state,
           began + greatest(since, seen) AS entered_on,
           if(seen > since, 32767, step)::SMALLINT AS entered_step, began + least(since + stay, followed) AS left_on,
           CASE WHEN goes THEN if(stay = 0, step + 1, 1) END::SMALLINT AS left_step,
           CASE WHEN goes THEN state_no(k + ahead[n]) END AS to_state,
           CASE WHEN goes THEN 'transition' WHEN since + stay <= followed THEN 'censored' ELSE 'coverage' END AS exit,
           false AS left_assumed, pick(['girl', 'boy'], c, 3) AS sex, (3 * group_no + 1)::SMALLINT AS age_at_entry,
           ['0-2', '3-5', '6-8', '9-11', '12-14', '15-17'][1 + group_no] AS age_group, NULL::VARCHAR AS legal_basis,
           began + since AS state_entered_on, began AS episode_entered_on, began AS origin_on,
           pick(['large', 'medium_large', 'medium', 'small'], c, 10) AS size_class,
           pick(['first', 'second'], c, 9) AS entry_half
    FROM (SELECT *, days[n] AS stay, coalesce(n - list_max(list_filter(range(1, n), lambda i: days[i] > 0)), n - 1) AS step,
                 since + days[n] <= followed AND NOT lost[n] AND n < 8 AS goes
          FROM (SELECT *, coalesce(list_sum(days[:n - 1]), 0)::INTEGER AS since, coalesce(list_sum(ahead[:n - 1]), 0)::INTEGER AS k
                FROM (SELECT *, UNNEST(range(1, 9)) AS n
                      FROM (SELECT c, DATE '2021-01-01' + below(1500, c, 2) AS began,
                                   below(6, c, 4) AS group_no,
                                   if(u(c, 6) < 0.25, below(730, c, 7), 730) AS followed,
                                   if(u(c, 8) < 0.2, below(100, c, 5), 0) AS seen,
                                   list_transform(range(1, 9), lambda i: greatest(floor(-75 * ln(u(c, 40 + i) + 1e-6))::INTEGER, $shortest)) AS days,
                                   list_transform(range(1, 9), lambda i: 1 + below(2, c, 20 + i)) AS ahead,
                                   list_transform(range(1, 9), lambda i: u(c, 30 + i) < 0.03) AS lost
                            FROM range($spells) t(c)))
                WHERE NOT coalesce(list_bool_or(lost[:n - 1]), false)))
    WHERE since <= followed AND (since >= seen OR least(since + stay, followed) > seen)
    LIMIT $spells
) TO '$out/spells.parquet' (FORMAT parquet, COMPRESSION zstd);

-- The keys the flow table counts by, worked out beforehand: what bare GROUP BYs are given.
COPY (
    SELECT sex, age_group, size_class, entry_half, state, to_state, (entered_on - origin_on)::INTEGER AS entered_day,
           entered_step, (left_on - origin_on)::INTEGER AS left_day, coalesce(left_step, 32767)::SMALLINT AS left_step
    FROM '$out/spells.parquet'
) TO '$out/keys.parquet' (FORMAT parquet, COMPRESSION zstd);
