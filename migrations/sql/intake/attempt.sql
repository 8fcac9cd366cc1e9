-- Each time a delivery was loaded, held or rejected. Row accounting is a constraint: rows read equal rows
-- accounted for, here by the sum and in account_for_rows() row by row.
CREATE TYPE intake.delivery_state AS ENUM ('loaded', 'held', 'rejected');
CREATE TABLE intake.attempt (
    delivery_no   integer NOT NULL REFERENCES intake.delivery,
    attempt       integer NOT NULL CHECK (attempt > 0),
    state         intake.delivery_state NOT NULL,
    stream_id     integer REFERENCES projection.stream,
    period_from   date,
    period_to     date,
    "full"        boolean NOT NULL DEFAULT false,
    extracted_on  date,
    system        text,
    rule          text,
    rows_read     integer NOT NULL DEFAULT 0,
    appended      integer NOT NULL DEFAULT 0,
    corrected     integer NOT NULL DEFAULT 0,
    unchanged     integer NOT NULL DEFAULT 0,
    quarantined   integer NOT NULL DEFAULT 0,
    set_aside     integer NOT NULL DEFAULT 0,
    retractions   integer NOT NULL DEFAULT 0,
    covered       integer NOT NULL DEFAULT 0,
    first_position bigint,
    last_position  bigint,
    software      text NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (delivery_no, attempt),
    CONSTRAINT every_row_accounted_for
        CHECK (rows_read = appended + corrected + unchanged + quarantined + set_aside),
    CHECK (state <> 'loaded' OR (stream_id IS NOT NULL AND last_position IS NOT NULL AND extracted_on IS NOT NULL)),
    CHECK (state <> 'rejected' OR rule IS NOT NULL)
);
CREATE INDEX attempt_stream ON intake.attempt (stream_id, extracted_on);
GRANT SELECT, INSERT ON intake.attempt TO tracker_recorder;
GRANT SELECT ON intake.attempt TO tracker_projector, tracker_reader;
