-- Live state: the newest version of each event of each fact, folded from the log and nothing else.
CREATE SCHEMA projection AUTHORIZATION tracker_owner;
GRANT USAGE ON SCHEMA projection TO tracker_recorder, tracker_projector, tracker_reader;
CREATE TABLE projection.stream (
    stream_id    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    municipality text NOT NULL,
    record_type  text NOT NULL,
    UNIQUE (municipality, record_type)
);
CREATE TABLE projection.head (
    stream_id   integer NOT NULL,
    fact_id     uuid NOT NULL,
    event_type  record.event_type NOT NULL,
    version     integer NOT NULL,
    position    bigint NOT NULL,
    live        boolean NOT NULL,
    subject_id  uuid,
    occurred_on date,
    content     bytea NOT NULL,
    PRIMARY KEY (stream_id, fact_id, event_type)
);
GRANT SELECT, INSERT ON projection.stream TO tracker_recorder;
GRANT SELECT, INSERT ON projection.stream TO tracker_projector;
GRANT SELECT ON projection.head TO tracker_recorder, tracker_reader;
GRANT SELECT ON projection.stream TO tracker_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON projection.head TO tracker_projector;
