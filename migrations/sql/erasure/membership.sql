-- Municipalities that withdrew, and those registered again: the newest row of a municipality holds.
CREATE TABLE erasure.membership (
    number       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entry_id     uuid NOT NULL UNIQUE,
    municipality text NOT NULL CHECK (municipality <> ''),
    withdrawn    boolean NOT NULL,
    reason       text NOT NULL CHECK (reason <> ''),
    decided_by   text NOT NULL DEFAULT session_user,
    decided_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX membership_newest ON erasure.membership (municipality, number);
GRANT SELECT, INSERT ON erasure.membership TO tracker_erasing;
GRANT SELECT ON erasure.membership TO tracker_reader, tracker_recorder;

CREATE FUNCTION erasure.is_withdrawn(of_municipality text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT coalesce((SELECT m.withdrawn FROM erasure.membership m WHERE m.municipality = of_municipality
                     ORDER BY m.number DESC LIMIT 1), false)
$$;
