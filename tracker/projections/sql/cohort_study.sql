-- The stays that follow each entry, cut where following ends, then broken where a covariate changes: the later
-- piece enters at the end (step $end) of the day before, where the earlier is censored.
WITH followed AS (
    SELECT s.* RENAME (municipality AS stay_municipality, sex AS stay_sex, age_at_entry AS stay_age_at_entry,
                       age_group AS stay_age_group, legal_basis AS stay_legal_basis),
           e.* EXCLUDE (subject_id, unit_place, next_spell), $last_on AS last_on,
           min(CASE WHEN s.spell > e.first_spell AND s.state IN ($stops) THEN s.spell END)
               OVER (PARTITION BY s.subject_id, s.unit_place, e.entry) AS stop_spell
    FROM entries e JOIN stays s ON s.subject_id = e.subject_id AND s.unit_place = e.unit_place
                               AND s.spell >= e.first_spell AND s.spell < coalesce(e.next_spell, s.spell + 1)
), cut AS (
    SELECT *, coalesce(left_on > last_on, false) AS beyond, coalesce(to_state IN ($censor), false) AS stopped
    FROM followed WHERE spell < coalesce(stop_spell, spell + 1) AND entered_on <= coalesce(last_on, entered_on)
), ended AS (
    SELECT * REPLACE (
        CASE WHEN beyond THEN last_on ELSE left_on END AS left_on,
        CASE WHEN NOT beyond AND NOT stopped THEN left_step END AS left_step,
        CASE WHEN NOT beyond AND NOT stopped THEN to_state END AS to_state,
        CASE WHEN beyond OR stopped THEN 'censored' ELSE exit END AS exit,
        left_assumed AND NOT beyond AS left_assumed
    ) FROM cut
), cuts AS (
    SELECT s.*, list_sort(list_distinct(list_filter($changes, lambda d: d > s.entered_on AND d <= s.left_on))) AS days
    FROM ended s
), numbered AS (
    SELECT *, unnest(range(1, len(days) + 2))::INTEGER AS part FROM cuts
), pieces AS (
    SELECT * REPLACE (
        CASE WHEN part = 1 THEN entered_on ELSE days[part - 1] - 1 END AS entered_on,
        (CASE WHEN part = 1 THEN entered_step ELSE $end END)::SMALLINT AS entered_step,
        CASE WHEN part > len(days) THEN left_on ELSE days[part] - 1 END AS left_on,
        CASE WHEN part > len(days) THEN left_step END AS left_step,
        CASE WHEN part > len(days) THEN to_state END AS to_state,
        CASE WHEN part > len(days) THEN exit ELSE 'censored' END AS exit,
        part > len(days) AND left_assumed AS left_assumed
    ), CASE WHEN part = 1 THEN entered_on ELSE days[part - 1] END AS value_day
    FROM numbered
)
SELECT $columns FROM pieces p
ORDER BY p.subject_id, p.unit_place, p.entry, p.spell, p.part
