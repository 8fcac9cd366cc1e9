-- SHA-256 of the random ids of subjects that are no more: a loader that had read one before it was erased is
-- refused at its batch. Nothing leads from here back to the id.
CREATE TABLE erasure.tombstone (
    digest bytea PRIMARY KEY,
    set_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX tombstone_set_at ON erasure.tombstone (set_at);
GRANT SELECT, INSERT ON erasure.tombstone TO tracker_erasing;
GRANT SELECT ON erasure.tombstone TO tracker_recorder;
