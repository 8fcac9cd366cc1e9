-- The events of all types that are few.
CREATE TABLE seldom AS
SELECT fact_id, subject_id, municipality, position, delivery_no, occurred_on, event_type, body
FROM events WHERE event_type NOT IN ($frequent);
