-- The steward's mapping decisions: kept for ever, undone only by a later decision.
CREATE SCHEMA codebook AUTHORIZATION tracker_owner;
GRANT USAGE ON SCHEMA codebook TO tracker_recorder, tracker_projector, tracker_reader;
CREATE TABLE codebook.decision (
    number       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    codebook     text NOT NULL,
    spelling     text NOT NULL,
    codes        text[] NOT NULL,
    municipality text NOT NULL DEFAULT '',
    system       text NOT NULL DEFAULT '',
    decided_by   text NOT NULL,
    decided_on   date NOT NULL,
    valid_from   date,
    valid_to     date,
    reason       text NOT NULL DEFAULT '',
    undoes       integer REFERENCES codebook.decision,
    CHECK ((cardinality(codes) = 0) = (undoes IS NOT NULL))
);
GRANT SELECT, INSERT ON codebook.decision TO tracker_recorder;
GRANT SELECT ON codebook.decision TO tracker_projector, tracker_reader;
