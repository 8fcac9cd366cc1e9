-- Every stay, numbered within its unit: whether it begins an episode or a stay in its state, what came before.
CREATE TABLE stays AS
WITH begun AS (
    SELECT *,
           lag(episode) OVER line IS DISTINCT FROM episode AS opens_episode,
           lag(state) OVER line IS DISTINCT FROM state
               OR lag(state_entered_on) OVER line IS DISTINCT FROM state_entered_on AS opens_stay,
           max(CASE WHEN state <> 'closed' THEN left_on END) OVER (
               PARTITION BY subject_id, unit_place ORDER BY episode RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
           ) AS last_open_on
    FROM (SELECT *, $unit_place AS unit_place FROM spells)
    WINDOW line AS (PARTITION BY subject_id, unit_place ORDER BY spell)
)
SELECT *, (sum(opens_episode::INTEGER) OVER line - 1)::INTEGER AS earlier_episodes,
       count(*) OVER (PARTITION BY subject_id, unit_place) AS stays_in_all
FROM begun WINDOW line AS (PARTITION BY subject_id, unit_place ORDER BY spell)
