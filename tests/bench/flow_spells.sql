-- Plausible synthetic spells, four a child, five states, three covariates: no child in them exists.
CREATE MACRO u(a, b) AS (hash(a, b) % 1000003) / 1000003.0;
CREATE MACRO pick(items, a, b) AS items[1 + (hash(a, b) % len(items))::INTEGER];

COPY (
    SELECT md5(c::VARCHAR) AS subject_id, lpad((100 + c % 290)::VARCHAR, 4, '0') AS municipality,
           1::INTEGER AS episode, n AS spell,
           ['referral', 'investigation', 'granted', 'intervention', 'closed'][1 + k] AS state,
           began + since AS entered_on, entered_step, began + since + stay AS left_on,
           CASE WHEN goes THEN left_step END AS left_step,
           CASE WHEN goes THEN ['investigation', 'granted', 'intervention', 'closed', 'referral'][1 + (k + further) % 5]
           END AS to_state,
           CASE WHEN goes THEN 'transition' WHEN x < 0.95 THEN 'coverage' ELSE 'censored' END AS exit,
           false AS left_assumed, pick(['girl', 'boy'], c, 3) AS sex, (3 * group_no + 1)::SMALLINT AS age_at_entry,
           ['0-2', '3-5', '6-8', '9-11', '12-14', '15-17'][1 + group_no] AS age_group, NULL::VARCHAR AS legal_basis,
           began + since AS state_entered_on, began AS episode_entered_on, began AS origin_on,
           pick(['large', 'medium_large', 'medium', 'small'], c, 5) AS size_class
    FROM (SELECT *, least(days, 730 - since)::INTEGER AS stay, days <= 730 - since AND x < 0.9 AS goes FROM (
        SELECT i // 4 AS c, (1 + i % 4)::INTEGER AS n, (hash(i, 1) % 5)::INTEGER AS k,
               DATE '2021-01-01' + (hash(i // 4, 2) % 1500)::INTEGER AS began,
               (floor(exp(6.55 * u(i, 6))) - 1)::INTEGER AS since, (1 + hash(i, 7) % 2)::SMALLINT AS entered_step,
               (1 + hash(i, 8) % 3)::SMALLINT AS left_step, (hash(i, 9) % 2)::INTEGER AS further,
               (hash(i // 4, 4) % 6)::INTEGER AS group_no, floor(-60 * ln(u(i, 10) + 1e-6))::INTEGER AS days,
               u(i, 11) AS x
        FROM range($spells) t(i)
    ))
) TO '$out/spells.parquet' (FORMAT parquet, COMPRESSION zstd);

-- The keys the flow table counts by, worked out beforehand: what bare GROUP BYs are given.
COPY (
    SELECT sex, age_group, size_class, state, to_state, (entered_on - origin_on)::INTEGER AS entered_day, entered_step,
           (left_on - origin_on)::INTEGER AS left_day, coalesce(left_step, 32767)::SMALLINT AS left_step
    FROM '$out/spells.parquet'
) TO '$out/keys.parquet' (FORMAT parquet, COMPRESSION zstd);
